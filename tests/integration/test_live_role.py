"""The execution role at a real venue: the simulated exchange, with ccxt as it is, over a broker.

It is killed amid trading with faults, and started again. Then no order was doubled, none was lost,
orders, trades and position are those of the exchange, and whoever reads the topics again decides
the same without a venue.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Protocol, cast

import pytest
import yaml

from agents.runtime import roles, running
from agents.runtime.failpoints import VARIABLE
from agents.runtime.roles import Role
from agents.venues.ccxt_live.credentials import KEY_VARIABLE, SECRET_VARIABLE, Credentials
from agents.venues.ccxt_live.opening import Opening
from schemas.alert import Alert
from schemas.clock import now_ns
from schemas.control import Flatten, Halt, Resume
from schemas.order import Fill, Order, OrderStatus
from schemas.settings import Settings
from schemas.signal import SignalKind
from schemas.topics import ALERTS, FILLS
from streams.commands import CommandLine
from streams.feed.session import open_session
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import Fault, LoseReply, Manner, Refuse, Reject
from streams.simulator.exchange.trading.rejections import Reason
from streams.store.ledger import SqlLedger, open_ledger
from streams.transport.broker import broker_at, forget
from streams.transport.log import Log, open_log, topic_specs
from tests.chaos.inside import Unplugged
from tests.support.kafka import KafkaServer
from tests.support.needs import REPOSITORY
from tests.support.prism import PRISM, environment
from tests.support.simulated import KEY, SmallMarket, trader_of
from tests.support.venue_trading import (
    ACCOUNT,
    SYMBOL,
    VENUE,
    Writer,
    all_of,
    differences,
    live_settings,
    replayed,
)

PATIENCE_S = 90.0
STEP_S = 0.03

pytestmark = pytest.mark.timeout(400)


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

    async def until(
        self, holds: Callable[[], Any], what: str, *, kind: SignalKind | None = None
    ) -> None:
        """Let frames come, with signals if so told, until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"{what}: {self.standing()}"
            self.role.look()
            await self.writer.frame(kind)
            await asyncio.sleep(STEP_S)

    def standing(self) -> list[str]:
        """Differences and the last orders, for a failure's text."""
        return [*differences(self.store, self.exchange)[:5], *map(str, self.orders()[-3:])]

    def orders(self) -> list[Order]:
        return self.store.order_versions(ACCOUNT)

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
        kinds = (SignalKind.LONG, SignalKind.SHORT, SignalKind.EXIT)
        return self.rng.choice(kinds) if self.rng.random() < 0.2 else None

    def fault(self) -> Fault:
        manner = self.rng.choice(list(Manner))
        reason = self.rng.choice((Reason.OVERLOADED, Reason.UNKNOWN_STATE, Reason.TOO_MANY_ORDERS))
        return self.rng.choice(
            (
                LoseReply(manner=manner, method="POST", count=1, seconds=1.0),
                LoseReply(manner=manner, path="/fapi", count=2, seconds=1.0),
                Reject(reason=reason, method="POST", count=1, seconds=1.0),
                Refuse(status=503, path="/fapi", count=2, seconds=1.0, retry_after_s=1),
            )
        )

    async def settles(self) -> None:
        """The faults end, and both sides come to agree."""
        self.exchange.faults.mend()
        await self.until(
            lambda: not differences(self.store, self.exchange), "the ledger equals the truth"
        )

    def is_short(self) -> bool:
        """Whether the last position is a short one."""
        return any(position.qty < 0 for position in self.store.positions(ACCOUNT))

    def rejected(self, beginning: str) -> list[Order]:
        return [o for o in self.orders() if o.reason.startswith(beginning)]


@asynccontextmanager
async def day_at(
    url: str, folder: Path, stand: Callable[[Settings, Path], Stand], *, seed: int, prefix: str = ""
) -> AsyncIterator[Day]:
    exchange = SimulatedExchange(speed=1.0)
    exchange.add(VENUE, SmallMarket(SYMBOL, seed=seed, start_ns=now_ns()))
    async with exchange:
        exchange.open_accounts(KEY)
        settings = live_settings(
            exchange,
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


async def a_day(day: Day, *, kills: int) -> None:
    """Trading with kills; a halt, a flatten; the truth; the replay."""
    role = day.role
    await role.start()
    try:
        for _ in range(kills):
            await day.trade_until_filled()
            await day.trade(30)
            await role.kill()
            for _ in range(10):
                await day.writer.frame()
            await role.start()
        await day.trade_until_filled()
        await day.settles()
        await halted(day)
        await flattened(day)
        await role.end()
    except BaseException:
        await role.kill()
        raise
    await the_topics_say_the_same(day)


async def halted(day: Day) -> None:
    """A halt refuses, survives a kill, and ends when a person resumes."""
    command = Halt(ACCOUNT, None, "rumour", id="h", by="ada")
    await day.line.send(command)
    taken = await day.line.taken(command, within_s=PATIENCE_S)
    assert taken is not None
    await day.role.kill()
    await day.role.start()
    before = len(day.orders())
    refused = "halt: account, by ada"
    await day.until(lambda: day.rejected(refused), "a refusal", kind=SignalKind.LONG)
    intents = [o for o in day.orders()[before:] if o.status is OrderStatus.INTENT]
    assert [o for o in intents if not o.reduce_only] == []
    resume = Resume(ACCOUNT, None, "calm", id="r", by="ada")
    await day.line.send(resume)
    assert await day.line.taken(resume, within_s=PATIENCE_S) is not None


async def flattened(day: Day) -> None:
    """It is done when the exchange has nothing of ours any more."""
    await day.trade_until_filled(faults=False)
    command = Flatten(ACCOUNT, None, "enough", id="f", by="ada")
    await day.line.send(command)
    done = asyncio.create_task(day.line.flattened(command, within_s=PATIENCE_S))
    await day.until(done.done, "flat")
    assert done.result() is not None
    truth = day.exchange.account(VENUE, KEY.name)
    assert all(not position.qty for position in truth.positions.values())
    assert [*truth.open_orders(), *truth.waiting()] == []
    assert differences(day.store, day.exchange) == []


async def the_topics_say_the_same(day: Day) -> None:
    decided, state = await replayed(day.log, day.settings)
    fills = [record for record in decided if isinstance(record, Fill)]
    assert fills == [fill for fill in day.store.fills(ACCOUNT) if isinstance(fill, Fill)]
    logged = await all_of(day.log, day.settings, FILLS.name, FILLS.decoder())
    assert list(dict.fromkeys(logged)) == fills
    orders = [record for record in decided if isinstance(record, Order)]
    assert orders == day.orders()
    assert len(fills) > 3
    assert not state.held_qty(f"{VENUE}:{SYMBOL}")


async def a_person_trades(day: Day) -> None:
    """What nobody here has placed stops the account, and people are told; so is its end."""
    await day.role.start()
    try:
        await day.trade_until_filled(faults=False)
        await day.settles()
        async with trader_of(day.exchange, VENUE) as person:
            await person.create_order(SYMBOL, "market", "buy", 0.1)
            differs = "live: position BTC/USDT:USDT"
            await day.until(lambda: day.rejected(differs), "a refusal", kind=SignalKind.LONG)
            await person.create_order(SYMBOL, "market", "sell", 0.1)
        before = len(day.orders())
        await day.until(
            lambda: any(o.status is OrderStatus.FILLED for o in day.orders()[before:]),
            "trading again",
            kind=SignalKind.LONG if day.is_short() else SignalKind.SHORT,
        )
        await day.role.end()
    except BaseException:
        await day.role.kill()
        raise
    alerts = await all_of(day.log, day.settings, ALERTS.name, ALERTS.decoder())
    told = [a for a in alerts if isinstance(a, Alert) and a.rule.startswith("venue:")]
    assert [alert.rule for alert in told] == ["venue:differs", "venue:agrees"]
    assert "position BTC/USDT:USDT" in told[0].text


def test_what_a_person_does_at_the_venue_stops_the_account_until_both_agree(
    tmp_path: Path,
) -> None:
    url = "embedded://live-drift"

    async def course() -> None:
        try:
            async with day_at(url, tmp_path, lambda s, _: InProcess(s), seed=4) as day:
                await a_person_trades(day)
        finally:
            forget(url)

    asyncio.run(course())


def test_on_the_embedded_broker(tmp_path: Path) -> None:
    url = "embedded://live-role"

    async def course() -> None:
        try:
            async with day_at(url, tmp_path, lambda s, _: InProcess(s), seed=1) as day:
                await a_day(day, kills=2)
        finally:
            forget(url)

    asyncio.run(course())


async def dies_at(day: Day, role: Process, points: tuple[str, ...]) -> None:
    """Trade while the role dies at one point after another, and is started again."""
    for point in points:
        await role.start(failpoint=point)
        deadline = time.monotonic() + PATIENCE_S
        while not role.is_dead():
            assert time.monotonic() < deadline, (point, day.standing())
            await day.writer.frame(day.signal())
            await asyncio.sleep(STEP_S)
    await role.start()
    try:
        await day.trade_until_filled(faults=False)
        await day.settles()
        await flattened(day)
        await role.end()
    except BaseException:
        await role.kill()
        raise
    await the_topics_say_the_same(day)


@pytest.mark.needs_kafka
def test_dying_between_what_is_stored_sent_and_logged(kafka: KafkaServer, tmp_path: Path) -> None:
    """``order.before_send`` lies behind the ledger and before the request has left."""
    url, prefix = f"kafka://{kafka.bootstrap}", f"{tmp_path.name}."

    async def course() -> None:
        async with day_at(url, tmp_path, Process, seed=3, prefix=prefix) as day:
            assert isinstance(day.role, Process)
            await dies_at(
                day,
                day.role,
                ("order.before_send:1", "order.sent:2", "fill.before_send:1", "fill.acknowledged:1",
                 "snapshot.flushed:2"),
            )  # fmt: skip

    asyncio.run(course())


@pytest.mark.needs_kafka
def test_as_a_process_on_kafka_killed_amid_trading(kafka: KafkaServer, tmp_path: Path) -> None:
    url, prefix = f"kafka://{kafka.bootstrap}", f"{tmp_path.name}."

    async def course() -> None:
        async with day_at(url, tmp_path, Process, seed=2, prefix=prefix) as day:
            await a_day(day, kills=3)

    asyncio.run(course())
    assert KEY.secret not in (tmp_path / "execution.log").read_text()
