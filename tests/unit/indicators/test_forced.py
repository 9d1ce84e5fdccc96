"""Forced closes: with the run while it lasts, against it after."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.forced_lean import forced_lean
from agents.indicators.forced_periods import ForcedPeriods
from agents.indicators.liquidation_run import LEAST, LiquidationRun
from schemas.frame import Frame, Liquidations, PositionSide

S = 1_000_000_000
HOUR = 3_600 * S
DAY = 24 * HOUR
LONG, SHORT = int(PositionSide.LONG), int(PositionSide.SHORT)


def frame(at_ns: int, *events: tuple[int, int]) -> Frame:
    """A tick with liquidations (side, quantity)."""
    side, qty = zip(*events, strict=True) if events else ((), ())
    forced = Liquidations(side=side, price=(9,) * len(side), qty=qty)
    return Frame("v", "s", 1, 1, at_ns, at_ns, True, 0, 0, liquidations=forced)


@given(
    now=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)),
    before=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)),
    fresh=st.floats(0.0, 100.0),
)
def test_the_lean_of_forced_volume_is_bounded_and_swaps_with_the_sides(
    now: tuple[float, float], before: tuple[float, float], fresh: float
) -> None:
    lean = forced_lean(now, before, fresh=fresh)
    assert -1.0 <= lean <= 1.0
    assert forced_lean(now[::-1], before[::-1], fresh=fresh) == pytest.approx(-lean, abs=1e-12)


@given(shorts=st.floats(0.0, 100.0), more=st.floats(0.0, 100.0), longs=st.floats(0.0, 100.0))
def test_more_forced_shorts_push_further_up_while_the_run_goes_on(
    shorts: float, more: float, longs: float
) -> None:
    less = forced_lean((longs, shorts), (0.0, 0.0), fresh=1.0)
    assert forced_lean((longs, shorts + more), (0.0, 0.0), fresh=1.0) >= less


def calm_day() -> list[Frame]:
    """A day of minutes, on each half-hour a liquidation, the sides in turn."""
    return [
        frame(i * 60 * S, *([((-1) ** (i // 30), 10)] if i % 30 == 0 else [])) for i in range(1_440)
    ]


def test_a_run_of_forced_longs_pushes_down_then_turns_then_is_forgotten() -> None:
    run = LiquidationRun()
    for given_frame in calm_day():
        run.update(given_frame)
    assert abs(run.lean(run.normal) or 0.0) < 0.15
    burst = [frame(DAY + i * 10 * S, (LONG, 60)) for i in range(20)]
    for given_frame in burst:
        run.update(given_frame)
    assert run.now.on
    assert run.exhaustion == 0.0
    peak = run.lean(run.normal) or 0.0
    assert peak < -0.5
    leans = []
    for i in range(1, 24 * 60):
        run.update(frame(DAY + 200 * S + i * 60 * S))
        leans.append(run.lean(run.normal) or 0.0)
    assert peak < leans[5] < 0.0  # still with the run, and weaker
    assert max(leans) > 0.4  # reversal potential once nobody is left
    assert leans.index(max(leans)) in range(20, 120)
    assert abs(leans[-1]) < 0.02
    assert max(abs(b - a) for a, b in itertools.pairwise(leans)) < 0.2  # no jump


def test_the_lean_of_a_run_equals_plain_sums_over_its_events() -> None:
    rng = random.Random(8)
    minutes = [
        [(rng.choice((LONG, SHORT)), rng.randrange(1, 50)) for _ in range(rng.randrange(0, 3) // 2)]
        for _ in range(600)
    ]
    run = LiquidationRun()
    for i, events in enumerate(minutes):
        run.update(frame(i * 60 * S, *events))

    def held(side: int, half_life_s: float) -> float:
        ages = [(60.0 * (599 - i), e) for i, events in enumerate(minutes) for e in events]
        return math.fsum(q * 2.0 ** (-age / half_life_s) for age, (s, q) in ages if s == side)

    sizes = [math.fsum(q for _, q in events) / len(events) for events in minutes if events]
    weight = [(1.0 - 1.0 / 100.0) ** i for i in range(len(sizes))][::-1]
    usual = math.fsum(w * x for w, x in zip(weight, sizes, strict=True)) / math.fsum(weight)
    # The first minute's amount took nobody knows how long: it is no rate.
    fades = [2.0 ** (-60.0 * (599 - i) / 86_400.0) for i in range(600)]
    amounts = [math.fsum(q for _, q in events) for events in minutes]
    total = math.fsum(f * a for f, a in zip(fades[1:], amounts[1:], strict=True))
    memory = 86_400.0 / math.log(2.0)
    rate = total / (memory * (1.0 - 2.0 ** (-60.0 * 599 / 86_400.0)))
    sums, normal = [], []
    for half_life_s in (300.0, 3_600.0):
        normal.append(rate * half_life_s / math.log(2.0) + LEAST * usual)
        sums.append((held(LONG, half_life_s), held(SHORT, half_life_s)))
    pushed = [(b - a) / (b + a + 2.0 * n) for (a, b), n in zip(sums, normal, strict=True)]
    spent = 1.0 - min(sum(sums[0]) / 300.0 / (sum(sums[1]) / 3_600.0), 1.0)
    expected = (1.0 - spent) * pushed[0] - spent * pushed[1]
    assert run.lean(run.normal) == pytest.approx(expected, rel=1e-9)


def test_a_venue_that_tells_of_no_liquidation_is_never_ready() -> None:
    run = LiquidationRun()
    for i in range(3_000):
        run.update(frame(i * 60 * S))
    assert run.lean(run.normal) is None


def told(*days: tuple[float, float]) -> ForcedPeriods:
    periods = ForcedPeriods()
    for i, (longs, shorts) in enumerate(days):
        periods.longs.update(longs, i * DAY)
        periods.shorts.update(shorts, i * DAY)
    return periods


def test_a_day_of_forced_longs_leans_down_and_the_calm_day_after_it_up() -> None:
    quiet = [(1.0, 1.0)] * 20
    during, after = told(*quiet, (30.0, 2.0)), told(*quiet, (30.0, 2.0), (1.0, 1.0))
    assert (during.lean(20 * DAY) or 0.0) < -0.5
    assert (after.lean(21 * DAY) or 0.0) > 0.25
    later = after.lean(22 * DAY)
    assert later == pytest.approx(0.5 * (after.lean(21 * DAY) or 0.0))


def test_periods_without_any_liquidation_are_neutral_and_one_side_alone_is_not_ready() -> None:
    assert told(*[(0.0, 0.0)] * 10).lean(9 * DAY) == 0.0
    half = ForcedPeriods()
    for i in range(10):
        half.longs.update(1.0, i * DAY)
    assert half.lean(9 * DAY) is None
