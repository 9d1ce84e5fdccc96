"""Execution quality, recomputed in fractions from the fills and the tape."""

from __future__ import annotations

import random
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from agents.execution.account import Account
from agents.execution.parents.quality import nearest_rank, summaries
from agents.execution.parents.registry import algorithms
from schemas.execution_quality import ExecutionQuality, Outcome
from schemas.frame import Frame, Message
from schemas.order import Fill, Order, OrderStatus
from schemas.settings import settings_from
from tests.integration.test_profit_and_loss import drawn, walk
from tests.unit.execution.test_protection import of


def played(name: str) -> tuple[list[Frame], list[Message]]:
    """A generated market with drawn signals, worked by one algorithm."""
    settings = settings_from(
        {
            "algorithms": {"entry": name, "exit": name, "horizon_s": 7, "slice_s": 1, "sweep_s": 1},
            "protections": dict.fromkeys(
                ("stop_guard_trades", "low_profit_trades", "drawdown_guard_trades"), 10_000
            ),
            "risk": {"max_orders_per_minute": 10_000},
            "sizing": {"base_fraction": "0.005", "cap_fraction": "0.005"},
        }
    )
    account, rng = Account(settings), random.Random(f"quality {name}")
    state, frames, records = account.initial(), list(walk(rng, 2_000)), list[Message]()
    for number, frame in enumerate(frames):
        records += account.step(state, frame, drawn(frame, rng) if number % 40 == 10 else None)
    return frames, records


def mid_of(frame: Frame) -> Fraction:
    assert frame.book is not None
    return Fraction(frame.book.bid_price[0] + frame.book.ask_price[0], 200)


def other_of(frame: Frame, side: int) -> Fraction:
    assert frame.book is not None
    return Fraction((frame.book.ask_price if side > 0 else frame.book.bid_price)[0], 100)


def added(values: Iterable[Fraction]) -> Fraction:
    return sum(values, Fraction(0))


def close_to(found: Decimal | None, exact: Fraction) -> bool:
    return found is not None and abs(Fraction(found) - exact) <= Fraction(1, 2 * 10**4) + Fraction(
        1, 10**9
    )


@pytest.mark.parametrize("name", sorted(algorithms()))
def test_every_figure_follows_from_fills_orders_and_tape(name: str) -> None:
    frames, records = played(name)
    by_close = {frame.close_ns: frame for frame in frames}
    found = of(ExecutionQuality, records)
    assert {r.leg for r in found} == {"open", "close"}
    assert len({r.parent_id for r in found}) == len(found) > 5
    for quality in found:
        side = int(quality.side)
        mine = [
            o for o in of(Order, records)
            if (o.signal_id, o.leg) == (quality.signal_id, quality.leg)
        ]  # fmt: skip
        sent = {o.client_order_id: o.tick_ns for o in mine if o.status is OrderStatus.INTENT}
        fills = [f for f in of(Fill, records) if f.client_order_id in sent]
        filled = sum((Fraction(f.qty) for f in fills), Fraction(0))
        cost = sum((Fraction(f.qty * f.price) for f in fills), Fraction(0))
        fees = sum((Fraction(f.fee) for f in fills), Fraction(0))
        began, ended = by_close[quality.began_ns], by_close[quality.tick_ns]
        arrival, end, whole = mid_of(began), mid_of(ended), Fraction(quality.qty)
        opportunity = side * (end - arrival) * (whole - filled)
        shortfall = side * (cost - arrival * filled) + fees + opportunity
        assert quality.children == len(sent)
        assert Fraction(quality.filled_qty) == filled
        assert Fraction(quality.fees) == fees
        assert quality.shortfall is not None
        assert Fraction(quality.shortfall) == shortfall
        assert close_to(quality.shortfall_bps, shortfall / (whole * arrival) * 10_000)
        assert close_to(quality.impact_bps, side * (end - arrival) / arrival * 10_000)
        better = sum(
            (
                Fraction(f.qty)
                * side
                * (other_of(by_close[sent[f.client_order_id]], side) - Fraction(f.price))
                for f in fills
            ),
            Fraction(0),
        )
        assert Fraction(quality.improvement) == better
        tape = [f for f in frames if quality.began_ns < f.close_ns <= quality.tick_ns]
        volume = sum((Fraction(sum(f.trades.qty), 1000) for f in tape), Fraction(0))
        notional = sum(
            (
                Fraction(sum(p * q for p, q in zip(f.trades.price, f.trades.qty, strict=True)))
                for f in tape
            ),
            Fraction(0),
        ) / (100 * 1000)
        assert Fraction(quality.market_qty) == volume
        if filled:
            mean = cost / filled
            assert close_to(quality.slippage_bps, side * (mean - arrival) / arrival * 10_000)
            if volume:
                vwap = notional / volume
                assert close_to(quality.vwap_bps, side * (mean - vwap) / vwap * 10_000)
            times = [f.tick_ns for f in fills]
            assert (quality.first_fill_ns, quality.last_fill_ns) == (min(times), max(times))
        assert (quality.outcome is Outcome.FILLED) == (filled == whole)
        assert Fraction(quality.maker_qty) == sum(
            (Fraction(f.qty) for f in fills if f.maker), Fraction(0)
        )


def test_many_orders_come_to_their_sums_and_ranks() -> None:
    _, records = played("twap")
    found = of(ExecutionQuality, records)
    assert {(s.algorithm, s.leg) for s in summaries(found)} == {("twap", "open"), ("twap", "close")}
    for one in summaries(found):
        group = [r for r in found if r.leg == one.leg]
        notional = added(Fraction(r.qty) * Fraction(r.arrival_mid or 0) for r in group)
        money = added(Fraction(r.shortfall or 0) for r in group)
        assert close_to(one.shortfall_bps, money / notional * 10_000)
        assert Fraction(one.fees) == sum(Fraction(r.fees) for r in group)
        ranked = sorted(r.shortfall_bps or Decimal(0) for r in group)
        assert one.median_bps == ranked[(len(group) - 1) // 2]
        assert one.orders == len(group)
        done = added(Fraction(r.filled_qty) * Fraction(r.arrival_mid or 0) for r in group)
        assert close_to(one.fill_rate, done / notional)
    assert summaries([]) == []


def test_ranks_are_nearest_ranks() -> None:
    values = [Decimal(n) for n in range(1, 21)]
    assert nearest_rank(values, Decimal("0.95")) == 19
    assert nearest_rank(values[:1], Decimal("0.95")) == 1


def test_an_order_without_a_price_of_arrival_counts_in_no_summary() -> None:
    _, records = played("market")
    unknown = [
        msgspec.structs.replace(r, arrival_mid=None, shortfall_bps=None)
        for r in of(ExecutionQuality, records)
    ]
    assert summaries(unknown) == []
