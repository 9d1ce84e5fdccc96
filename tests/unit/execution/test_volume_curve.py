"""The volume curve and the schedules made of it, against sums of their own in fractions."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.parents.aim import by_weights
from agents.execution.parents.curve import VolumeCurve
from agents.execution.parents.impact import within_impact
from schemas.frame import NS_PER_S, Backfill, Side
from tests.support.messages import SYMBOL, VENUE

HOUR_NS = 3_600 * NS_PER_S
DAY_NS = 24 * HOUR_NS


def bars(known_ns: int, first: int, volumes: list[float], timeframe_ns: int) -> Backfill:
    opens = tuple((first + n) * timeframe_ns for n in range(len(volumes)))
    same = tuple(1.0 for _ in volumes)
    return Backfill(
        VENUE, SYMBOL, "test", known_ns, timeframe_ns, opens, same, same, same, same, tuple(volumes)
    )


@given(
    qty=st.integers(1, 10**9),
    weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=60).filter(any),
    step=st.sampled_from([1, 5, 1_000]),
)
def test_a_schedule_rises_in_whole_steps_to_all_of_it(
    qty: int, weights: list[int], step: int
) -> None:
    schedule = by_weights(Decimal(qty) / 1000, [Decimal(w) for w in weights], Decimal(step) / 1000)
    assert len(schedule) == len(weights)
    for number, upto in enumerate(schedule[:-1], start=1):
        share = Fraction(qty * sum(weights[:number]), sum(weights))
        assert Fraction(upto) * 1000 == math.floor(share / step) * step
    assert schedule[-1] == Decimal(qty) / 1000
    assert list(schedule) == sorted(schedule)


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 999)), min_size=2, max_size=200))
def test_means_by_time_of_day_are_those_of_whole_buckets(steps: list[tuple[int, int]]) -> None:
    curve, at_s, told = VolumeCurve(), 0, []
    for gap_s, qty in steps:
        at_s += gap_s * 30
        told.append((at_s, qty))
        curve.observe(at_s * NS_PER_S, Decimal(qty), HOUR_NS)
    by_bucket: dict[int, list[int]] = {}
    for at, qty in told:
        by_bucket.setdefault((at - 1) // 3600, []).append(qty)
    numbers = sorted(by_bucket)
    days: dict[int, list[int]] = {}
    for before, number in pairwise(numbers[:-1]):
        if number == before + 1:  # seen from its start
            days.setdefault(number % 24, []).append(sum(by_bucket[number]))
    for slot in range(24):
        mean = curve.mean(slot * HOUR_NS, HOUR_NS)
        if slot not in days:
            assert mean is None
        else:
            assert mean is not None
            exact = Fraction(sum(days[slot]), len(days[slot]))
            assert abs(Fraction(mean) - exact) <= Fraction(1, 10**25)


def test_history_counts_once_and_only_after_it_was_known() -> None:
    curve = VolumeCurve()
    minutes = bars(DAY_NS, 0, [1.0] * 60 + [2.0] * 60 + [9.0] * 59, 60 * NS_PER_S)
    for told in (minutes, minutes):
        curve.recall(told, HOUR_NS)
    curve.observe(DAY_NS, Decimal(5), HOUR_NS)
    assert curve.mean(0, HOUR_NS) is None
    curve.observe(DAY_NS + 1, Decimal(5), HOUR_NS)
    assert [curve.mean(n * HOUR_NS, HOUR_NS) for n in range(3)] == [60, 120, None]
    curve.recall(bars(DAY_NS, 0, [777.0], HOUR_NS), HOUR_NS)
    curve.observe(DAY_NS + 2, Decimal(5), HOUR_NS)
    assert curve.mean(0, HOUR_NS) == 60
    curve.recall(bars(DAY_NS + 2, 10, [1.0], HOUR_NS), HOUR_NS)
    curve.recall(bars(DAY_NS + 9, 11, [1.0], HOUR_NS), HOUR_NS)
    curve.observe(DAY_NS + 3, Decimal(5), HOUR_NS)
    assert [curve.mean(n * HOUR_NS, HOUR_NS) for n in (10, 11)] == [1, None]  # one is not known yet
    assert curve.weights([0, HOUR_NS], HOUR_NS) == [Decimal(60), Decimal(120)]
    assert curve.weights([0, 3 * HOUR_NS], HOUR_NS) is None


def test_it_stays_small_and_leans_to_what_is_recent() -> None:
    curve = VolumeCurve()
    for day in range(400):
        qty = Decimal(10) if day < 300 else Decimal(20)
        curve.recall(bars(0, day * 24, [float(qty)] * 24, HOUR_NS), HOUR_NS)
        curve.observe(day * DAY_NS + 1, Decimal(0), HOUR_NS)
    mean = curve.mean(0, HOUR_NS)
    assert mean is not None
    assert abs(mean - 20) < Decimal("0.5")
    assert max(curve.days.values()) < 32
    assert len(msgspec.msgpack.encode(curve)) < 2_000


@given(
    levels=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=8),
    side=st.sampled_from(list(Side)),
    bps=st.integers(1, 900),
    step=st.sampled_from([1, 3]),
)
def test_impact_is_that_of_walking_the_book_step_by_step(
    levels: list[tuple[int, int]], side: Side, bps: int, step: int
) -> None:
    price, book = 1_000, []
    for away, qty in levels:
        price += away * side
        book.append((price, qty))
    found = within_impact(
        [(Decimal(p), Decimal(q)) for p, q in book], side, Decimal(bps), Decimal(step)
    )
    units = [p for p, q in book for _ in range(q)]

    def impact(n: int) -> Fraction:
        return (Fraction(sum(units[:n]), n) - book[0][0]) * side / book[0][0] * 10_000

    allowed = [n for n in range(step, len(units) + 1, step) if impact(n) <= bps]
    assert found == max(allowed, default=0)
