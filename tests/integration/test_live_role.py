"""The execution role at a real venue: the simulated exchange, with ccxt as it is, over a broker.

It is killed amid trading with faults, and started again. Then no order was doubled, none was lost,
orders, trades and position are those of the exchange, and whoever reads the topics again decides
the same without a venue. On spot the position is what is held of the coin, to the last of its dust.
"""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.alert import Alert
from schemas.control import Flatten, Halt, Resume
from schemas.frame import ContractKind, contract_kind
from schemas.order import Fill, Order, OrderStatus
from schemas.signal import SignalKind
from schemas.topics import ALERTS, FILLS
from streams.transport.broker import forget
from tests.support.kafka import KafkaServer
from tests.support.live_day import PATIENCE_S, STEP_S, Day, InProcess, Process, day_at
from tests.support.simulated import KEY, rules_of, trader_of
from tests.support.venue_trading import ACCOUNT, all_of, replayed

pytestmark = pytest.mark.timeout(400)

COIN_FEE = 0.001
"""What spot takes of a coin that was bought."""
USDM, SPOT, BYBIT_SPOT = "binanceusdm:BTC/USDT:USDT", "binance:BTC/USDT", "bybit:BTC/USDT"


async def a_day(day: Day, *, kills: int) -> None:
    """Trading with kills; a halt, a flatten; the truth; the replay."""
    role = day.role
    try:
        await day.begin()
        for _ in range(kills):
            await day.trade_until_filled()
            await day.trade(30)
            await role.kill()
            for _ in range(10):
                await day.writer.frame()
            await day.begin()
        await day.trade_until_filled()
        await day.settles()
        await halted(day)
        await flattened(day)
        await day.end()
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
    await day.until(lambda: day.rejected(refused), "a refusal", wish=lambda: SignalKind.LONG)
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
    truth = day.exchange.account(day.venue, KEY.name)
    assert all(not position.qty for position in truth.positions.values())
    assert 0 <= day.held() < rules_of(day.symbol).qty_step
    assert [*truth.open_orders(), *truth.waiting()] == []
    assert day.differences() == []


async def the_topics_say_the_same(day: Day) -> None:
    decided, state = await replayed(day.log, day.settings)
    fills = [record for record in decided if isinstance(record, Fill)]
    assert fills == [fill for fill in day.store.fills(ACCOUNT) if isinstance(fill, Fill)]
    logged = await all_of(day.log, day.settings, FILLS.name, FILLS.decoder())
    assert list(dict.fromkeys(logged)) == fills
    orders = [record for record in decided if isinstance(record, Order)]
    assert orders == day.orders()
    assert len(fills) > 3
    assert not state.held_qty(f"{day.venue}:{day.symbol}")
    holding = state.ledger.holdings.get(f"{day.venue}:{day.symbol}")
    assert (Decimal(0) if holding is None else holding.qty) == day.held()


async def a_person_trades(day: Day) -> None:
    """What nobody here has placed stops the account, and people are told; so is its end."""
    await day.role.start()
    try:
        await day.trade_until_filled(faults=False)
        await day.settles()
        async with trader_of(day.exchange, day.venue) as person:
            await person.create_order(day.symbol, "market", "buy", 1)
            differs = f"live: position {day.symbol}"
            await day.until(
                lambda: day.rejected(differs), "a refusal", wish=lambda: SignalKind.LONG
            )
            spot = contract_kind(day.symbol) is ContractKind.SPOT
            left = 1 - COIN_FEE if spot else 1
            await person.create_order(day.symbol, "market", "sell", left)
        known = {order.client_order_id for order in day.orders()}  # a stop may fill at any time
        await day.until(
            lambda: any(
                order.status is OrderStatus.FILLED and order.client_order_id not in known
                for order in day.orders()
            ),
            "trading again",
            wish=day.turning,
        )
        await day.role.end()
    except BaseException:
        await day.role.kill()
        raise
    alerts = await all_of(day.log, day.settings, ALERTS.name, ALERTS.decoder())
    told = [a for a in alerts if isinstance(a, Alert) and a.rule.startswith("venue:")]
    assert [alert.rule for alert in told] == ["venue:differs", "venue:agrees"]
    assert f"position {day.symbol}" in told[0].text


@pytest.mark.parametrize("market", [USDM, SPOT, BYBIT_SPOT])
def test_what_a_person_does_at_the_venue_stops_the_account_until_both_agree(
    market: str, tmp_path: Path
) -> None:
    url = f"embedded://{tmp_path.name}"

    async def course() -> None:
        try:
            async with day_at(
                url, tmp_path, lambda s, _: InProcess(s), seed=4, market=market
            ) as day:
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
        await day.end()
    except BaseException:
        await role.kill()
        raise
    await the_topics_say_the_same(day)


@pytest.mark.needs_kafka
@pytest.mark.parametrize(
    ("market", "points"),
    [
        (
            USDM,
            ("order.before_send:1", "order.sent:2", "fill.before_send:1", "fill.acknowledged:1",
             "snapshot.flushed:2"),
        ),
        # When a sell has waited for its coins and leaves; between a purchase and its fee in coin.
        (SPOT, ("order.before_send:4", "fill.before_send:2")),
        (BYBIT_SPOT, ("order.before_send:4", "fill.before_send:2")),
    ],
    ids=[USDM, SPOT, BYBIT_SPOT],
)  # fmt: skip
def test_dying_between_what_is_stored_sent_and_logged(
    market: str, points: tuple[str, ...], kafka: KafkaServer, tmp_path: Path
) -> None:
    """``order.before_send`` lies behind the ledger and before the request has left."""
    url, prefix = f"kafka://{kafka.bootstrap}", f"{tmp_path.name}."

    async def course() -> None:
        async with day_at(url, tmp_path, Process, seed=3, market=market, prefix=prefix) as day:
            assert isinstance(day.role, Process)
            await dies_at(day, day.role, points)

    asyncio.run(course())


@pytest.mark.needs_kafka
@pytest.mark.parametrize(("market", "kills"), [(USDM, 3), (SPOT, 1), (BYBIT_SPOT, 1)])
def test_as_a_process_on_kafka_killed_amid_trading(
    market: str, kills: int, kafka: KafkaServer, tmp_path: Path
) -> None:
    url, prefix = f"kafka://{kafka.bootstrap}", f"{tmp_path.name}."

    async def course() -> None:
        async with day_at(url, tmp_path, Process, seed=2, market=market, prefix=prefix) as day:
            await a_day(day, kills=kills)

    asyncio.run(course())
    assert KEY.secret not in (tmp_path / "execution.log").read_text()
