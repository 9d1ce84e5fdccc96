"""Statistics of the overview against NumPy and pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.overview.statistics import (
    co_movement,
    mean_of_others,
    variance_ratio,
    volatility,
)
from agents.overview.symbol import FadingMean

Series = list[float | None]


def with_holes(seed: int, count: int, *, share: float = 0.2) -> Series:
    rng = np.random.default_rng(seed)
    return [
        None if rng.random() < share else float(value) for value in rng.normal(0, 1e-4, size=count)
    ]


def plain(series: Series) -> pd.Series:
    return pd.Series([np.nan if value is None else value for value in series])


@pytest.mark.parametrize("seed", range(20))
def test_correlation_beta_and_strength_are_those_of_pandas(seed: int) -> None:
    own, market = with_holes(seed, 360), with_holes(seed + 1_000, 300)
    together = zip(own[60:], market, strict=True)
    own = [*own[:60], *(None if a is None else a + 0.7 * (b or 0.0) for a, b in together)]
    found = co_movement(own, market, at_least=30)
    table = pd.DataFrame({"own": plain(own[-300:]), "market": plain(market)}).dropna()
    assert found is not None
    assert found.correlation == pytest.approx(table.own.corr(table.market), rel=1e-9)
    slope = np.polyfit(table.market, table.own, 1)[0]
    assert found.beta == pytest.approx(slope, rel=1e-9)
    assert found.relative_strength == pytest.approx((table.own - table.market).sum(), abs=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_volatility_is_the_root_of_the_mean_square(seed: int) -> None:
    series = with_holes(seed, 200)
    known = plain(series).dropna().to_numpy()
    assert volatility(series, at_least=30) == pytest.approx(np.sqrt(np.mean(known**2)), rel=1e-12)


@pytest.mark.parametrize("lag", [2, 5, 9])
@pytest.mark.parametrize("seed", range(5))
def test_the_variance_ratio_is_that_of_lo_and_mackinlay(seed: int, lag: int) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.normal(1e-5, 1e-4, size=300)
    returns[1:] += 0.3 * returns[:-1]
    n, mean = len(returns), returns.mean()
    single = ((returns - mean) ** 2).sum() / (n - 1)
    price = np.concatenate([[0.0], returns.cumsum()])
    longer = price[lag:] - price[:-lag] - lag * mean
    divisor = lag * (n - lag + 1) * (1 - lag / n)
    found = variance_ratio([None, *returns.tolist()], at_least=30, lag=lag)
    assert found == pytest.approx((longer**2).sum() / divisor / single, rel=1e-9)


def test_the_variance_ratio_tells_a_walk_from_what_turns_back_and_what_goes_on() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=5_001)
    assert variance_ratio(noise.tolist(), at_least=30) == pytest.approx(1.0, abs=0.1)
    going_on, turning_back = noise[1:] + noise[:-1], noise[1:] - noise[:-1]
    assert (variance_ratio(going_on.tolist(), at_least=30) or 0) > 1.5
    assert (variance_ratio(turning_back.tolist(), at_least=30) or 9) < 0.5


def test_the_variance_ratio_counts_only_what_follows_the_last_hole() -> None:
    rng = np.random.default_rng(4)
    run = rng.normal(size=60).tolist()
    assert variance_ratio([9.0, None, *run], at_least=30) == variance_ratio(run, at_least=30)
    assert variance_ratio([*run, None], at_least=30) is None


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_of_the_others_is_that_of_pandas(seed: int) -> None:
    series = [with_holes(seed * 10 + i, 50 - 5 * i, share=0.5) for i in range(4)]
    table = pd.DataFrame(
        {i: plain([*[None] * (50 - len(one)), *one]) for i, one in enumerate(series)}
    )
    for i, (one, mean) in enumerate(zip(series, mean_of_others(series), strict=True)):
        wanted = table.drop(columns=i).mean(axis=1).iloc[50 - len(one) :]
        assert plain(mean).to_numpy(float) == pytest.approx(
            wanted.to_numpy(), rel=1e-9, abs=1e-18, nan_ok=True
        )


def test_a_fading_mean_is_the_adjusted_exponential_mean_of_pandas() -> None:
    values = np.random.default_rng(1).lognormal(size=500)
    mean = FadingMean()
    for value in values.tolist():
        mean.add(value, keep=0.5 ** (1 / 90))
    wanted = pd.Series(values).ewm(halflife=90, adjust=True).mean().iloc[-1]
    assert mean.value == pytest.approx(wanted, rel=1e-12)


returns = st.lists(st.none() | st.floats(-0.2, 0.2), max_size=80)


@given(own=returns, market=returns)
def test_statistics_are_finite_in_range_and_mirror(own: Series, market: Series) -> None:
    flipped = [[None if r is None else -r for r in one] for one in (own, market)]
    assert volatility(flipped[0], at_least=3) == volatility(own, at_least=3)
    ratio = variance_ratio(own, at_least=10)
    assert variance_ratio(flipped[0], at_least=10) == ratio
    assert ratio is None or 0.0 <= ratio < 100.0
    found, mirror = co_movement(own, market, at_least=3), co_movement(*flipped, at_least=3)
    assert (found is None) == (mirror is None)
    if found is not None and mirror is not None:
        assert -1.0 <= found.correlation <= 1.0
        assert mirror == (found.correlation, found.beta, -found.relative_strength)


def test_what_stands_still_has_no_correlation_and_no_ratio() -> None:
    moving = np.random.default_rng(0).normal(0, 1e-4, size=100).tolist()
    assert volatility([0.0] * 100, at_least=30) == 0.0
    assert variance_ratio([0.0] * 100, at_least=30) is None
    assert co_movement([0.0] * 100, moving, at_least=30) is None
    assert co_movement(moving, [1e-3] * 100, at_least=30) is None
