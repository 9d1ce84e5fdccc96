"""Roles and a log in this process, over a broker that may disturb them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, cast

from agents.runtime import roles, running
from agents.runtime.roles import Role
from cli.roles import ledger_of
from schemas.ledger_store import LedgerStore
from schemas.settings import Settings
from streams.merge import FeedMessage
from streams.publish import FramePublisher
from streams.transport.broker import broker_at, forget
from streams.transport.log import Log, open_log, topic_specs
from tests.chaos.outputs import Outputs, Tail, digests

PATIENCE_S = 120.0
_LOOK_EVERY = 200
_MOST_BEHIND = 2_000


_MAKERS: dict[str, Callable[[Settings], Role]] = {
    "worker": roles.worker,
    "execution": roles.execution,
    "overview": roles.overview,
}


class RoleEnded(AssertionError):
    """A role that was not killed has stopped."""


class Unplugged:
    """Stands for the broker towards a killed role: what it sends reaches nobody."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def produce(self, *_: Any, **__: Any) -> asyncio.Future[Any]:
        """Lost; no acknowledgement ever comes."""
        return asyncio.get_running_loop().create_future()

    def commit(self, *_: Any, **__: Any) -> None:
        """Lost."""

    def flush(self) -> None:
        """Nothing is on its way."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


class Inside:
    """Roles on one broker; a name is that of a role, with a number where there are several.

    ``worker-orderbook`` runs that dimension alone, ``worker-join`` the join alone.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._url = settings.broker.url
        self._running: dict[str, Role] = {}
        self._ledgers: list[LedgerStore] = []

    async def __aenter__(self) -> Self:
        self.log: Log = await open_log(self._url)
        await self.log.ensure_topics(topic_specs(self.settings.broker))
        self.publisher = FramePublisher(self.log, self.settings)
        broker = self.settings.broker
        self.tail = Tail(self.log, partitions=broker.partitions, prefix=broker.topic_prefix)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failed = []
        for name in list(self._running):
            try:
                await self.stop(name)
            except Exception as stopping:  # noqa: BLE001 - a role left running would hang the loop
                failed.append(stopping)
        for ledger in self._ledgers:
            ledger.close()
        await self.log.close()
        if self._url.startswith("embedded:"):
            forget(self._url)
        if failed:
            raise ExceptionGroup("roles failed to stop", failed)

    async def start(self, *names: str) -> None:
        """Start roles."""
        for name in names:
            self._running[name] = self._made(name)
            await running.start_together([self._running[name]])

    def _made(self, name: str) -> Role:
        kind, _, part = name.partition("-")
        if kind.startswith("execution") and (ledger := ledger_of(self.settings)) is not None:
            self._ledgers.append(ledger)  # each a connection of its own
            return roles.execution(self.settings, store=ledger)
        if not part:
            return _MAKERS[kind.rstrip("0123456789")](self.settings)
        dimensions = [] if part == "join" else [part]
        return roles.worker(self.settings, dimensions=dimensions, join=part == "join")

    def role(self, name: str) -> Role:
        """A role that runs."""
        return self._running[name]

    async def kill(self, name: str) -> None:
        """Let nothing of a role reach the embedded broker from this moment on, and remove it."""
        role = self._running.pop(name)
        unplugged = Unplugged(broker_at(self._url))
        for client in (role.app.producer, role.app.consumer):
            cast("Any", client)._broker = unplugged
        await role.app.stop()

    async def stop(self, name: str) -> None:
        """Stop a role cleanly."""
        await self._running.pop(name).app.stop()

    def look(self) -> None:
        """Raise :class:`RoleEnded` if a role has stopped by itself."""
        for name, role in self._running.items():
            if role.app.should_stop:
                reason = role.app.crash_reason
                raise RoleEnded(f"{name} has stopped by itself: {reason!r}") from reason

    async def play(self, messages: Iterable[FeedMessage]) -> None:
        """Publish messages as fast as the roles take them."""
        for number, message in enumerate(messages):
            await self.publisher.publish(message)
            if number % _LOOK_EVERY == 0:
                while any(role.fence.lag() > _MOST_BEHIND for role in self._running.values()):
                    self.look()
                    await asyncio.sleep(0.01)

    async def finish(
        self, expected: Outputs, *, patience_s: float | None = None
    ) -> dict[str, tuple[int, str]]:
        """End the market, wait for every expected record, stop all; digests of what is there."""
        await self.publisher.finish()
        within_s = PATIENCE_S if patience_s is None else patience_s
        await self.tail.read_until(expected, within_s=within_s, look=self.look)
        for name in list(self._running):
            await self.stop(name)
        await self.tail.read_on()
        return digests(self.tail.messages)
