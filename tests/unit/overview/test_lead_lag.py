"""Who leads: known lags are found, and chance is not taken for a lead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.overview.lead_lag import LAGS, POINTS, MoveGrid, lead_of
from tests.support.lanes import path_of

STEP_NS = 100


def grid_of(path: list[int], *, delay: int = 0) -> MoveGrid:
    grid = MoveGrid(step_ns=STEP_NS)
    for step in range(1, len(path)):
        grid.update(float(path[max(step - delay, 0)]), step * STEP_NS - 30)
    grid.pass_time((len(path) - 1) * STEP_NS)
    return grid


@pytest.mark.parametrize("delay", [0, 1, 7, LAGS])
def test_a_copy_that_comes_later_is_led_by_just_that_much(delay: int) -> None:
    path = path_of(5, POINTS + 100)
    first, second = grid_of(path), grid_of(path, delay=delay)
    ahead, behind = lead_of(first, second), lead_of(second, first)
    assert ahead is not None
    assert behind is not None
    assert (ahead.lag, behind.lag) == (delay, -delay)
    assert ahead.correlation == behind.correlation
    assert ahead.correlation > 0.95


def test_cross_correlations_are_those_of_numpy() -> None:
    rng = np.random.default_rng(2)
    common = rng.normal(0, 3e-4, size=700)
    paths = []
    for delay in (0, 4):
        own = rng.normal(0, 3e-4, size=700)
        paths.append(1_000 * np.exp(np.cumsum(np.roll(common, delay) + own)))
    grids = []
    for path in paths:
        grid = MoveGrid(step_ns=STEP_NS)
        for step, price in enumerate(path.tolist(), start=1):
            grid.update(price, step * STEP_NS)
        grid.pass_time(700 * STEP_NS)
        grids.append(grid)
    a, b = ((p[1:] / p[:-1] - 1)[-POINTS:] for p in paths)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a**2).sum() * (b**2).sum())
    every = {lag: (a[: POINTS - lag] * b[lag:]).sum() / size for lag in range(LAGS + 1)}
    every |= {-lag: (a[lag:] * b[: POINTS - lag]).sum() / size for lag in range(1, LAGS + 1)}
    lead = lead_of(*grids)
    assert lead is not None
    assert lead.lag == max(every, key=lambda lag: every[lag]) == 4
    assert lead.correlation == pytest.approx(max(every.values()), abs=1e-5)


def test_independent_prices_have_no_leader() -> None:
    leads = [lead_of(grid_of(path_of(s, 700)), grid_of(path_of(s + 500, 700))) for s in range(40)]
    named = [lead for lead in leads if lead is not None and lead.lag is not None]
    # 41 shifts of 3 standard errors each: one in twenty is a chance find.
    assert len(named) <= 5


def test_prices_that_stand_still_or_are_new_have_no_lead() -> None:
    moving = grid_of(path_of(1, 700))
    assert lead_of(moving, grid_of([5] * 700)) is None
    assert lead_of(moving, grid_of(path_of(2, POINTS // 4))) is None


@given(steps=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 10**9)), max_size=60))
def test_the_grid_holds_one_return_per_step_whatever_frames_come(
    steps: list[tuple[int, int]],
) -> None:
    grid, at = MoveGrid(step_ns=STEP_NS), 1
    closes: dict[int, float] = {}
    for wait, price in steps:
        at += wait
        grid.update(float(price), at)
        closes[-(-at // STEP_NS)] = float(price)
    grid.pass_time(at + STEP_NS)
    last = (at + STEP_NS) // STEP_NS
    wanted: list[int] = []
    if closes:
        before = closes[min(closes)]
        for step in range(min(closes) + 1, last + 1):
            after = closes.get(step, before)
            wanted.append(min(round((after / before - 1.0) * 1e9), 10**15))
            before = after
    assert grid.moves == wanted[-POINTS:]
