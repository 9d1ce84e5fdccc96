"""The execution role at the simulated exchange, with ccxt as it is: a day there, with faults.

The role runs in this process or as one of its own; it can be killed and started again.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Protocol, cast

import yaml

from agents.runtime import roles, running
from agents.runtime.failpoints import VARIABLE
from agents.runtime.roles import Role
from agents.venues.ccxt_live.credentials import KEY_VARIABLE, SECRET_VARIABLE, Credentials
from agents.venues.ccxt_live.opening import Opening
from cli.drill.truth import closable, held
from schemas.clock import now_ns
from schemas.frame import ContractKind, contract_kind
from schemas.order import Order
from schemas.settings import Settings
from schemas.signal import SignalKind
from streams.commands import CommandLine
from streams.feed.session import open_session
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import Fault, LoseReply, Manner, Refuse, Reject
from streams.simulator.exchange.trading.rejections import Reason
from streams.store.ledger import SqlLedger, open_ledger
from streams.transport.broker import broker_at
from streams.transport.log import Log, open_log, topic_specs
from tests.chaos.inside import Unplugged
from tests.support.needs import REPOSITORY
from tests.support.prism import PRISM, environment
from tests.support.simulated import KEY, SmallMarket
from tests.support.venue_trading import ACCOUNT, MARKET, Writer, differences, live_settings

PATIENCE_S = 90.0
STEP_S = 0.03

_PATHS = {"binance": "/api", "binanceusdm": "/fapi", "bybit": "/v5"}
"""Where each venue's requests about orders go to."""


class Stand(Protocol):
    """The role, which can be killed and started again."""

    async def start(self, failpoint: str = "") -> None: ...
    async def kill(self) -> None: ...
    async def end(self) -> None: ...
    def look(self) -> None: ...


class InProcess:
    """The role in this process, on the embedded broker; killed, nothing of it reaches anybody."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._role: Role | None = None
        self._store: SqlLedger | None = None

    async def start(self, failpoint: str = "") -> None:
        assert not failpoint, "it would end this process"
        live = self._settings.live
        opening = Opening(
            self._settings, Credentials(KEY.key, KEY.secret), lambda: open_session(live)
        )
        await opening.look()
        self._store = open_ledger(self._settings.store.url)
        self._role = roles.execution(self._settings, store=self._store, open_desk=opening.desk)
        await running.start_together([self._role])

    async def kill(self) -> None:
        assert self._role is not None
        unplugged = Unplugged(broker_at(self._settings.broker.url))
        for client in (self._role.app.producer, self._role.app.consumer):
            cast("Any", client)._broker = unplugged
        await self.end()

    async def end(self) -> None:
        assert self._role is not None
        assert self._store is not None
        await self._role.app.stop()
        self._store.close()

    def look(self) -> None:
        assert self._role is not None
        assert not self._role.app.should_stop, self._role.app.crash_reason


class Process:
    """`prism execution` as a process of its own, killed with SIGKILL, ended with Ctrl-C."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._config = folder / "live.yaml"
        told = settings.model_dump(mode="json", exclude_unset=True)
        self._config.write_text(yaml.safe_dump(told), encoding="utf-8")
        self.log = folder / "execution.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, failpoint: str = "") -> None:
        keys = {KEY_VARIABLE: KEY.key, SECRET_VARIABLE: KEY.secret}
        with self.log.open("ab") as file:
            self._process = subprocess.Popen(
                [PRISM, "execution", "--config", str(self._config)],
                env=environment(keys | ({VARIABLE: failpoint} if failpoint else {})),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def end(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        code = await asyncio.to_thread(self._process.wait, PATIENCE_S)
        said = self.log.read_text()[-3_000:]
        assert code in {0, 130}, said
        assert "event='live.ended'" in said

    def is_dead(self) -> bool:
        """Whether it died at its failpoint."""
        assert self._process is not None
        return self._process.poll() == -signal.SIGKILL

    def look(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3_000:]


class Day:
    """A day at the exchange."""

    def __init__(
        self, exchange: SimulatedExchange, log: Log, settings: Settings, role: Stand, seed: int
    ) -> None:
        self.exchange, self.log, self.settings, self.role = exchange, log, settings, role
        self.rng = Random(seed)
        self.writer = Writer(exchange, log, settings)
        self.line = CommandLine(log, settings.broker)
        self.store = open_ledger(settings.store.url)
        (self.market,) = settings.runtime.symbols
        self.venue, _, self.symbol = self.market.partition(":")

    async def until(
        self,
        holds: Callable[[], Any],
        what: str,
        *,
        wish: Callable[[], SignalKind | None] = lambda: None,
    ) -> None:
        """Let frames come, with signals if so wished, until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"{what}: {self.standing()}"
            self.role.look()
            await self.writer.frame(wish())
            await asyncio.sleep(STEP_S)

    def standing(self) -> list[str]:
        """Differences and the last orders, for a failure's text."""
        return [*self.differences()[:5], *map(str, self.orders()[-3:])]

    def differences(self) -> list[str]:
        """How ledger and truth differ."""
        return differences(self.store, self.exchange, self.market)

    def orders(self) -> list[Order]:
        return self.store.order_versions(ACCOUNT)

    async def begin(self) -> None:
        """Start the role, and let frames come until it decides. Faults are for later: each that
        meets a start's look at the venue is two seconds in which nothing is tried.
        """
        before = len(self.orders())
        await self.role.start()
        await self.until(lambda: len(self.orders()) > before, "a decision", wish=self.signal)

    async def end(self) -> None:
        """End the role, once it has decided on every signal that was written; while it is halted.

        A role that has just started is behind, and one that is told to end does so at once.
        """
        last = await self.writer.frame(SignalKind.EXIT)
        await self.until(
            lambda: any(order.tick_ns >= last.close_ns for order in self.orders()[-1:]),
            "the last decision",
        )
        await self.role.end()

    async def trade(self, steps: int) -> None:
        """So many steps, with signals and faults."""
        for _ in range(steps):
            await self.step(faults=True)

    async def trade_until_filled(self, *, faults: bool = True) -> None:
        """Trade until a new trade is in the ledger."""
        before, deadline = len(self.store.fills(ACCOUNT)), time.monotonic() + PATIENCE_S
        while len(self.store.fills(ACCOUNT)) == before:
            assert time.monotonic() < deadline, self.standing()
            await self.step(faults=faults)

    async def step(self, *, faults: bool) -> None:
        self.role.look()
        if faults and self.rng.random() < 0.05:
            self.exchange.faults.inflict(self.fault())
        await self.writer.frame(self.signal())
        await asyncio.sleep(STEP_S)

    def signal(self) -> SignalKind | None:
        kinds = [SignalKind.LONG, SignalKind.SHORT, SignalKind.EXIT]
        if contract_kind(self.symbol) is ContractKind.SPOT:  # what is not held cannot be sold
            kinds += [SignalKind.LONG, SignalKind.LONG]
        return self.rng.choice(kinds) if self.rng.random() < 0.2 else None

    def fault(self) -> Fault:
        manner = self.rng.choice(list(Manner))
        path = _PATHS[self.venue]
        reason = self.rng.choice((Reason.OVERLOADED, Reason.UNKNOWN_STATE, Reason.TOO_MANY_ORDERS))
        return self.rng.choice(
            (
                LoseReply(manner=manner, method="POST", count=1, seconds=1.0),
                LoseReply(manner=manner, path=path, count=2, seconds=1.0),
                Reject(reason=reason, method="POST", count=1, seconds=1.0),
                Refuse(status=503, path=path, count=2, seconds=1.0, retry_after_s=1),
            )
        )

    async def settles(self) -> None:
        """The faults end, and both sides come to agree."""
        self.exchange.faults.mend()
        await self.until(lambda: not self.differences(), "the ledger equals the truth")

    def turning(self) -> SignalKind:
        """The signal that trades, whatever is held."""
        return SignalKind.SHORT if self.closable() > 0 else SignalKind.LONG

    def held(self) -> Decimal:
        """What the exchange says is held."""
        truth = self.exchange.account(self.venue, KEY.name)
        return held(truth, self.exchange.listing(self.venue, self.symbol))

    def closable(self) -> Decimal:
        """What of it is more than dust."""
        truth = self.exchange.account(self.venue, KEY.name)
        return closable(truth, self.exchange.listing(self.venue, self.symbol))

    def rejected(self, beginning: str) -> list[Order]:
        return [o for o in self.orders() if o.reason.startswith(beginning)]


@asynccontextmanager
async def day_at(
    url: str,
    folder: Path,
    stand: Callable[[Settings, Path], Stand],
    *,
    seed: int,
    market: str = MARKET,
    prefix: str = "",
) -> AsyncIterator[Day]:
    """A day in a market, whose role is not started yet."""
    exchange = SimulatedExchange(speed=1.0)
    venue, _, symbol = market.partition(":")
    exchange.add(venue, SmallMarket(symbol, seed=seed, start_ns=now_ns()))
    async with exchange:
        exchange.open_accounts(KEY)
        settings = live_settings(
            exchange,
            market=market,
            store=f"sqlite://{folder / 'ledger.db'}",
            broker={"url": url, "topic_prefix": prefix},
        )
        log = await open_log(url)
        try:
            await log.ensure_topics(topic_specs(settings.broker))
            day = Day(exchange, log, settings, stand(settings, folder), seed)
            try:
                await day.writer.rules()
                yield day
            finally:
                day.store.close()
        finally:
            await log.close()
