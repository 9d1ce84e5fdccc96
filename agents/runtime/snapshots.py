"""Table values, written only when everything that they stand on is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.clock import monotonic_ns
from schemas.errors import BrokerError

if TYPE_CHECKING:
    from agents.runtime.fence import FencedApp


class Outputs:
    """Sends that the broker has not acknowledged yet; one failure is final."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[asyncio.Future[Any], int]] = {}
        self._number = 0

    def track(self, sent: asyncio.Future[Any]) -> None:
        """Follow a send until it is acknowledged."""
        number = self._number
        self._number += 1
        self._open[number] = (sent, monotonic_ns())
        sent.add_done_callback(lambda done: self._settle(number, done))

    async def settled(self) -> None:
        """Return when all that was sent is acknowledged; :class:`BrokerError` if a send failed."""
        waiting = [sent for sent, _ in self._open.values()]
        if waiting:
            await asyncio.wait(waiting)
        for sent in waiting:
            error = sent.exception()
            if error is not None:
                raise BrokerError(f"an output was not acknowledged: {error}; the role restarts")

    def unanswered_ns(self) -> int:
        """For how long the broker has left the oldest send unanswered; 0 if none waits."""
        _, since_ns = next(iter(self._open.values()), (None, None))
        return 0 if since_ns is None else monotonic_ns() - since_ns

    def _settle(self, number: int, done: asyncio.Future[Any]) -> None:
        # A failed send stays, so that no later snapshot is ever written by this process.
        if not done.cancelled() and done.exception() is None:
            del self._open[number]


class TableValue(NamedTuple):
    """One value to be written to a table's changelog."""

    table: Any
    partition: int
    key: bytes
    value: bytes


class SnapshotWriter:
    """Writes table values, each after every output sent before it was taken is acknowledged."""

    def __init__(self, app: FencedApp) -> None:
        self._app = app
        self._due: dict[bytes, tuple[Sequence[TableValue], Callable[[], None]]] = {}
        self._is_due = asyncio.Event()
        app.task(self._write_forever)

    def write(self, key: bytes, values: Sequence[TableValue], durable: Callable[[], None]) -> None:
        """Have values written; ``durable`` is called when the broker has acknowledged them.

        Newer values of a key replace those that still wait, so no more wait than there are keys.
        """
        self._due[key] = (values, durable)
        self._is_due.set()

    async def _write_forever(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            due, self._due = list(self._due.values()), {}
            self._app.failpoints.passed("snapshot.before_flush")
            # Every output sent before these values were taken is acknowledged after this.
            await self._app.producer.flush()
            await self._app.outputs.settled()
            self._app.failpoints.passed("snapshot.flushed")
            sent = [[self._send(value) for value in values] for values, _ in due]
            for acknowledgements, (_, durable) in zip(sent, due, strict=True):
                for acknowledged in acknowledgements:
                    await acknowledged
                self._app.failpoints.passed("snapshot.written")
                durable()

    @staticmethod
    def _send(item: TableValue) -> Awaitable[Any]:
        # Not table[key] = value: that needs a current event, and tells nothing of the ack.
        item.table.data[item.key] = item.value
        acknowledged: Awaitable[Any] = item.table.send_changelog(
            item.partition, item.key, item.value
        )
        return acknowledged
