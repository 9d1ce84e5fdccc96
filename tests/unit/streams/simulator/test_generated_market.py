"""What the generated market does: the same for a seed, and what its parts are there for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from schemas.errors import SourceMissing
from schemas.frame import NS_PER_MS, NS_PER_S, PositionSide, Side
from streams.events import DerivativesEvent, Event, LiquidationEvent, TradeEvent
from streams.simulator.market import CATALOGUE, GeneratedSource, generated
from streams.simulator.market.orders import Fill, Force, Status
from streams.simulator.market.parameters import MarketParameters
from tests.support.needs import REPOSITORY
from tests.support.stylised import sample

START_NS = 1_735_689_600 * NS_PER_S
BTC = "BTC/USDT:USDT"
DIGEST = """
import hashlib, itertools, msgspec
from streams.simulator.market import generated
events = generated("BTC/USDT:USDT", seed=9, start_ns=0).events()
print(hashlib.sha256(msgspec.json.encode(list(itertools.islice(events, 3000)))).hexdigest())
"""


def market(**parameters: object) -> GeneratedSource:
    """BTC with other parameters."""
    rules, usual = CATALOGUE[BTC]
    return GeneratedSource(
        rules,
        seed=3,
        start_ns=START_NS,
        parameters=replace(usual, **parameters),  # type: ignore[arg-type]
    )


def seconds_of(
    events: Iterator[tuple[int, Event]], source: GeneratedSource, seconds: float
) -> list[Event]:
    """Events of the next seconds."""
    end_ns = source.floor.now_ns + round(seconds * NS_PER_S)
    found = []
    for now_ns, event in events:
        found.append(event)
        if now_ns >= end_ns:
            break
    return found


def test_a_seed_gives_the_same_bytes_in_any_process() -> None:
    digests = []
    for hash_seed in ("1", "2"):
        process = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.append(process.stdout)
    assert digests[0] == digests[1]


def test_another_seed_gives_another_market() -> None:
    first, other = (
        list(islice(generated(BTC, seed=seed, start_ns=START_NS).events(), 200)) for seed in (1, 2)
    )
    assert first != other


def test_an_unknown_symbol_is_told_with_those_there_are() -> None:
    with pytest.raises(SourceMissing, match="no generated market; there are BTC"):
        generated("DOGE/USDT", seed=1, start_ns=0)


def test_a_customer_s_order_rests_in_the_book_that_is_told_and_is_filled() -> None:
    source = market()
    events = source.events()
    seconds_of(events, source, 1.0)
    fills: list[tuple[int, Fill]] = []
    source.floor.on_fill = lambda now_ns, fill: fills.append((now_ns, fill))
    bid, ask = source.floor.book.best_bid(), source.floor.book.best_ask()
    assert bid is not None
    assert ask is not None
    placed = [
        source.floor.limit("customer", side, price=price, qty=500, force=Force.POST_ONLY)
        for side, price in ((Side.BUY, bid), (Side.SELL, ask))
    ]
    assert [outcome.status for outcome in placed] == [Status.RESTING, Status.RESTING]
    told = seconds_of(events, source, 60.0)
    mine = [fill for _, fill in fills if fill.maker_owner == "customer"]
    assert mine, "a minute at both sides of the touch of a busy market fills something"
    assert {fill.maker_id for fill in mine} <= {outcome.order_id for outcome in placed}
    held = sum(-fill.taker_side * fill.qty for fill in mine)
    assert source.floor.positions.of("customer") == held
    trades = [event for event in told if isinstance(event, TradeEvent)]
    assert len(trades) == len(fills)


def test_a_customer_s_market_order_is_on_the_tape_with_the_next_events() -> None:
    source = market()
    events = source.events()
    seconds_of(events, source, 1.0)
    outcome = source.floor.market("customer", Side.SELL, qty=20_000)
    assert outcome.status is Status.FILLED
    told = [event for event in seconds_of(events, source, 0.1) if isinstance(event, TradeEvent)]
    first = told[: len(outcome.fills)]
    assert [event.side for event in first] == [int(Side.SELL)] * len(outcome.fills)
    assert sum(round(float(event.qty) * 1000) for event in first) == 20_000


def test_a_fall_liquidates_longs_and_their_selling_makes_it_deeper() -> None:
    falls = []
    for open_interest in (1_000.0, 2_000_000_000.0):
        usual = MarketParameters()
        positions = replace(
            usual.positions, leverages=((50, 0.5), (100, 0.5)), open_interest_quote=open_interest
        )
        source = market(positions=positions)
        events = source.events()
        seconds_of(events, source, 5.0)
        before = source._value.log_value
        source._value.learn(-60.0)
        told = seconds_of(events, source, 20.0)
        falls.append(before - source._value.log_value)
    liquidations = [event for event in told if isinstance(event, LiquidationEvent)]
    longs = [event for event in liquidations if event.side == PositionSide.LONG]
    assert len(longs) > 20
    assert len(longs) > 5 * (len(liquidations) - len(longs))
    assert falls[1] > falls[0] + 5e-4


def test_a_liquidation_is_told_after_its_trades_at_their_average_price() -> None:
    source = market()
    events = source.events()
    told: list[Event] = []
    while not any(isinstance(event, LiquidationEvent) for event in told):
        source._value.learn(-20.0)
        told = seconds_of(events, source, 1.0)
    at = next(i for i, event in enumerate(told) if isinstance(event, LiquidationEvent))
    forced = told[at]
    assert isinstance(forced, LiquidationEvent)
    left, paid = float(forced.qty), 0.0
    for event in reversed(told[:at]):
        assert isinstance(event, TradeEvent)
        assert event.side == -forced.side
        left -= float(event.qty)
        paid += float(event.qty) * float(event.price)
        if left < 1e-9:
            break
    assert float(forced.price) == pytest.approx(paid / float(forced.qty), abs=0.06)


@pytest.mark.parametrize("way", [1, -1])
def test_funding_follows_the_premium_that_a_trend_leaves(way: int) -> None:
    source = market()
    source._slow_log -= way * 0.1  # the last hour's mean is 10% below (above) the price
    told = seconds_of(source.events(), source, 30.0)
    last = [event for event in told if isinstance(event, DerivativesEvent)][-1]
    assert last.mark_price is not None
    assert last.index_price is not None
    assert last.funding_rate is not None
    assert (float(last.mark_price) - float(last.index_price)) * way > 0.0
    rate = float(last.funding_rate)
    assert rate > 0.0005 if way > 0 else rate < -0.0005


def test_open_interest_follows_positions() -> None:
    source = market()
    told = seconds_of(source.events(), source, 30.0)
    texts = [e.open_interest for e in told if isinstance(e, DerivativesEvent)]
    assert texts[0] == source.floor.qty_text(round(500_000_000.0 / 61_800.0 * 1000))
    assert len({*texts}) > 20
    assert all(float(text or 0) > 0 for text in texts)


def test_btc_leads_the_coins_that_share_its_factor() -> None:
    moves = []
    for symbol in (BTC, "ETH/USDT:USDT"):
        value = generated(symbol, seed=4, start_ns=START_NS)._value
        path = []
        for _ in range(3_000):
            value.step()
            path.append(value.log_value)
        moves.append(np.diff(path))
    btc, eth = moves
    lag = CATALOGUE["ETH/USDT:USDT"][1].lag_steps
    assert np.corrcoef(btc[:-lag], eth[lag:])[0, 1] > 0.8
    assert abs(np.corrcoef(btc[lag:], eth[:-lag])[0, 1]) < 0.1


def test_markets_that_share_a_factor_move_together() -> None:
    returns = []
    for symbol in (BTC, "ETH/USDT:USDT", "BTC/USDT"):
        source = generated(symbol, seed=4, start_ns=START_NS)
        tick = float(source.rules.tick_size)
        stretch = sample(source.events(), tick=tick, seconds=120.0)
        returns.append(np.diff(np.log(stretch.mid[::50])))
    correlations = np.corrcoef(returns)
    assert correlations[0, 1] > 0.5
    assert correlations[0, 2] > 0.5


def test_times_are_whole_milliseconds_in_the_events() -> None:
    source = market()
    for event in seconds_of(source.events(), source, 2.0):
        own_ns = event.known_ns if isinstance(event, DerivativesEvent) else event.exchange_ns
        assert own_ns is not None
        assert own_ns % NS_PER_MS == 0


def test_memory_does_not_grow_with_time() -> None:
    source = market()
    events = source.events()
    seconds_of(events, source, 30.0)
    before = len(source.floor.book.orders)
    seconds_of(events, source, 120.0)
    assert len(source.floor.book.orders) < 2 * before
    assert len(source._wakes) < 100
