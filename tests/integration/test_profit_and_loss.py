"""Over recorded days the account's money equals an independent sum, to the last decimal."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from agents.execution.account import Account, AccountState
from agents.execution.closed_trades import Exit
from agents.execution.lifecycle import LEGAL
from agents.pipeline import Pipeline
from agents.venues.paper_wallet import Margin
from schemas.frame import NS_PER_MS, NS_PER_S, Frame, Message, Side
from schemas.order import Fill, Funding, Order, OrderStatus
from schemas.settings import Settings, settings_from
from schemas.signal import Signal, SignalKind, TradePlan
from tests.chaos.expected import frames_of
from tests.golden.sources import golden_paths
from tests.support.messages import frame_at, signal_of
from tests.support.paper import marked, tape

MINUTE_NS = 60 * NS_PER_S

QUICK = {
    "dimensions": {"enabled": ["orderbook", "orderflow"]},
    "signals": {"long_threshold": 56, "short_threshold": 44, "cooldown_s": 1, "stop_ranges": 0.3},
    "sizing": {"policy": "threshold"},
    "paper": {"maker_fee_bps": "-0.5", "taker_fee_bps": "4.5"},
}
"""Trades often, and its stops and targets are near, so that they are met."""


def run(frames: Iterable[Frame], settings: Settings) -> tuple[AccountState, list[Message]]:
    pipeline, records = Pipeline(settings), list[Message]()
    for frame in frames:
        records += [record.message for record in pipeline.process(frame)]
    return pipeline.account_state, records


def money_of(records: list[Message], state: AccountState, start: Decimal) -> Fraction:
    """What the start balance has become: cash of fills, fees, funding, what is open at marks."""
    cash, held = Fraction(start), dict[str, Fraction]()
    for record in records:
        match record:
            case Fill():
                key = f"{record.venue}:{record.symbol}"
                cash -= int(record.side) * Fraction(record.price) * Fraction(record.qty)
                cash -= Fraction(record.fee)
                held[key] = held.get(key, Fraction(0)) + int(record.side) * Fraction(record.qty)
            case Funding():
                cash += Fraction(record.amount)
            case _:
                pass
    for key, qty in held.items():
        assert Fraction(state.held_qty(key)) == qty
    return cash + sum((qty * Fraction(state.marks[key]) for key, qty in held.items()), Fraction(0))


def check(state: AccountState, records: list[Message], settings: Settings) -> None:
    """Equity, closed positions and the venue's own books agree, and every order's life is legal."""
    start = settings.paper.balance
    assert Fraction(state.equity()) == money_of(records, state, start)
    for key, qty in state.paper.wallet.qty.items():
        state.paper.wallet.hold(key, qty, state.marks[key])
    assert Margin(settings.paper).equity(state.paper.wallet) == state.equity()
    if not state.ledger.open_count():
        earned = sum((Fraction(trade.profit) for trade in state.risk.trades), Fraction(0))
        assert Fraction(state.ledger.balance - start) == earned
    latest: dict[str, Order] = {}
    for order in [record for record in records if isinstance(record, Order)]:
        before = latest.get(order.client_order_id)
        if before is not None:
            assert order.version == before.version + 1
            assert order.status in LEGAL[before.status]
        latest[order.client_order_id] = order
    for id_, order in latest.items():
        filled = sum(
            (r.qty for r in records if isinstance(r, Fill) and r.client_order_id == id_), Decimal(0)
        )
        assert filled == order.filled_qty <= order.qty
        assert (order.status is OrderStatus.FILLED) == (filled == order.qty and filled > 0)


@pytest.mark.needs_market_data
@pytest.mark.parametrize("policy", ["threshold", "confluence"])
def test_of_the_btc_recording(market_data: Path, policy: str) -> None:
    settings = settings_from({**QUICK, "sizing": {"policy": policy, "min_score": 55}})
    paths = golden_paths(market_data, "BTC_usdm_20240808")
    state, records = run(frames_of(paths, settings), settings)
    assert len([r for r in records if isinstance(r, Fill)]) > 50
    assert {r.leg for r in records if isinstance(r, Order)} >= {"open", "close", "stop", "target1"}
    check(state, records, settings)


@pytest.mark.parametrize("seed", range(3))
def test_of_generated_markets_with_funding_stops_targets_and_makers(seed: int) -> None:
    never = ("stop_guard_trades", "low_profit_trades", "drawdown_guard_trades")
    settings = settings_from(
        {
            "paper": QUICK["paper"],
            "protections": dict.fromkeys(never, 10_000),
            "sizing": {"base_fraction": "0.005", "cap_fraction": "0.005"},
        }
    )
    account, rng = Account(settings), random.Random(seed)
    state, records = account.initial(), list[Message]()
    for number, frame in enumerate(walk(rng, 4_000)):
        signal = drawn(frame, rng) if number % 40 == 10 else None
        records += account.step(state, frame, signal)
        if number % 500 == 250:
            state = account.decode(account.encode(state))
    assert {r.maker for r in records if isinstance(r, Fill)} == {True, False}
    assert any(isinstance(r, Funding) for r in records)
    assert {trade.exit for trade in state.risk.trades} >= {Exit.STOP, Exit.SIGNAL}
    check(state, records, settings)


def walk(rng: random.Random, n_frames: int) -> Iterator[Frame]:
    """A market that walks by single ticks, with trades at the touch and funding every minute."""
    mid = 10_000
    for number in range(1, n_frames + 1):
        mid += rng.choice((-1, 0, 1))
        sizes = [rng.randrange(500, 50_000) for _ in range(6)]
        bids = tuple((mid - 1 - level, sizes[level]) for level in range(3))
        asks = tuple((mid + 1 + level, sizes[3 + level]) for level in range(3))
        close_ns = number * 100 * NS_PER_MS
        frame = frame_at(close_ns, bids=bids, asks=asks, seq=number)
        taken = [
            (mid + side, rng.randrange(1, 90_000), Side(side))
            for side in rng.choices((-1, 1), k=rng.randrange(4))
        ]
        due_ns = (close_ns // MINUTE_NS + 1) * MINUTE_NS
        told = marked(mid, rate=rng.randrange(-300, 300), next_ns=due_ns)
        yield msgspec.structs.replace(frame, trades=tape(*taken), derivatives=told)


def drawn(frame: Frame, rng: random.Random) -> Signal | None:
    """A signal of chance, with a stop of some ticks and targets beyond."""
    if frame.book is None:
        return None
    kind = rng.choice(list(SignalKind))
    price = float(frame.price(frame.book.bid_price[0] + frame.book.ask_price[0])) / 2
    side = -1 if kind is SignalKind.SHORT else 1
    score = 33.0 if kind is SignalKind.SHORT else 70.0
    made = signal_of(kind, score=score, price=price, tick_ns=frame.close_ns, id_=str(frame.seq))
    targets = tuple(price + side * away for away in (0.05, 0.10, 0.15))
    plan = TradePlan(price - side * 0.10, targets, 0.07, "drawn")
    return msgspec.structs.replace(made, plan=None if kind is SignalKind.EXIT else plan)
