"""The generated market has the stylised facts of the recordings; a random walk has not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import feather

from schemas.frame import NS_PER_S
from streams.simulator.market import CATALOGUE, MarketSource, RecordedSource, generated
from tests.golden.sources import golden_paths
from tests.support import stylised
from tests.support.random_walk import RandomWalkSource
from tests.support.stylised import facts, sample
from tests.support.stylised_bands import (
    OF_A_MONTH,
    RECORDED,
    RECORDINGS,
    SAMPLING_ERRORS,
    band,
    outside,
)

SEEDS = (1, 2, 3, 4, 5, 6)
SECONDS = 344.0
"""As long as the recordings of USD-M: several facts depend on the length of the sample."""
WARM_S = 60.0
START_NS = 1_735_689_600 * NS_PER_S
BTC, BTC_SPOT = CATALOGUE["BTC/USDT:USDT"][0], CATALOGUE["BTC/USDT"][0]


def facts_of(source: MarketSource) -> dict[str, float]:
    """Of a stretch as long as the recordings."""
    tick = float(source.rules.tick_size)
    return facts(sample(source.events(), tick=tick, warm_s=WARM_S, seconds=SECONDS))


def mean_facts(several: list[dict[str, float]]) -> dict[str, float]:
    """By fact, the mean over samples."""
    return {fact: float(np.mean([one[fact] for one in several])) for fact in several[0]}


@pytest.mark.needs_market_data
@pytest.mark.parametrize("name", RECORDINGS)
def test_the_bands_are_around_what_the_recordings_say(market_data: Path, name: str) -> None:
    rules = BTC if name == "BTC_usdm_20240808" else BTC_SPOT  # ETH has the tick of BTC spot
    source = RecordedSource(rules, golden_paths(market_data, name), start_ns=START_NS)
    market = sample(source.events(), tick=float(rules.tick_size))
    measured = facts(market)
    at = RECORDINGS.index(name)
    for fact, values in RECORDED.items():
        assert measured[fact] == pytest.approx(values[at], rel=1e-3), fact
    error = stylised.sampling_error(stylised.returns(market, 1.0), range(2, 6))
    assert error == pytest.approx(SAMPLING_ERRORS["return_memory_5s"][at], rel=0.05)


@pytest.mark.needs_market_data
def test_how_busy_a_market_is_differs_over_a_month_by_as_much(market_data: Path) -> None:
    path = market_data / "klines-2025-05" / "BTC_USDT_USDT-1m-futures.feather"
    bars = feather.read_table(path)
    close, volume = (np.array(bars[name].to_pylist()) for name in ("close", "volume"))
    returns = np.diff(np.log(close)) * 1e4
    whole = len(returns) // 6 * 6  # minutes in a stretch
    volatility = np.sqrt((returns[:whole].reshape(-1, 6) ** 2).mean(axis=1))
    volumes = volume[1 : whole + 1].reshape(-1, 6).sum(axis=1)
    of_volume = float(np.log(volumes).std())
    assert np.log(volatility).std() == pytest.approx(OF_A_MONTH["volatility_1s"], rel=1e-2)
    assert of_volume == pytest.approx(OF_A_MONTH["orders_per_s"], rel=1e-2)


def test_the_generated_market_lies_in_every_band() -> None:
    measured = mean_facts(
        [facts_of(generated("BTC/USDT:USDT", seed=s, start_ns=START_NS)) for s in SEEDS]
    )
    assert outside(measured) == []


def test_a_gaussian_random_walk_fails_in_each_kind_of_fact() -> None:
    measured = mean_facts(
        [facts_of(RandomWalkSource(BTC, seed=s, start_ns=START_NS)) for s in SEEDS[:2]]
    )
    failed = [line.split()[0] for line in outside(measured)]
    for fact in (
        "kurtosis_1s",
        "clustering_100ms",
        "clustering_activity_1s",
        "depth_touch",
        "flow_memory_1",
        "trade_flow_memory_1",
        "size_tail",
        "fano_1s",
        "burstiness",
    ):
        assert fact in failed


def test_a_band_is_no_narrower_than_a_recording_could_tell() -> None:
    low, high = band("return_memory_5s")
    error = float(np.mean(SAMPLING_ERRORS["return_memory_5s"]))
    assert error > np.std(RECORDED["return_memory_5s"], ddof=1)
    assert high - low == pytest.approx(4 * error)


def test_bands_are_two_deviations_around_the_mean() -> None:
    low, high = band("unmoved_1s")
    values = RECORDED["unmoved_1s"]
    assert (low + high) / 2 == pytest.approx(np.mean(values))
    assert high - low == pytest.approx(4 * np.std(values, ddof=1))
    low, high = band("kurtosis_1s")
    assert np.sqrt(low * high) == pytest.approx(np.exp(np.mean(np.log(RECORDED["kurtosis_1s"]))))


def test_statistics_of_samples_whose_answer_is_known() -> None:
    rng = np.random.default_rng(5)
    gaussian = rng.normal(size=200_000)
    assert stylised.kurtosis(gaussian) == pytest.approx(3.0, abs=0.05)
    assert stylised.kurtosis(rng.laplace(size=200_000)) == pytest.approx(6.0, abs=0.3)
    assert stylised.autocorrelation(gaussian, 1) == pytest.approx(0.0, abs=0.01)
    followed = gaussian[1:] + gaussian[:-1]  # a moving average of two: 1/2 at lag 1
    assert stylised.autocorrelation(followed, 1) == pytest.approx(0.5, abs=0.01)
    error = stylised.sampling_error(gaussian[:2_000], range(1, 2))
    assert error == pytest.approx(2_000**-0.5, rel=0.15)  # of noise: one by the root of the length
    pareto = rng.pareto(1.5, size=200_000) + 1.0
    assert stylised.hill(pareto, 0.01) == pytest.approx(1.5, rel=0.1)
    waits = rng.exponential(50.0, size=100_000)
    assert stylised.fano(np.cumsum(waits), 1.0) == pytest.approx(1.0, abs=0.05)
    assert stylised.burstiness(np.cumsum(waits)) == pytest.approx(1.0, abs=0.02)


def test_trades_of_one_millisecond_and_side_are_one_order() -> None:
    nothing = np.array([1.0])
    market = stylised.Sample(
        mid=nothing,
        spread_ticks=nothing,
        depth=nothing,
        trade_ms=np.array([1.0, 1.0, 1.0, 2.0]),
        trade_qty=np.array([1.0, 2.0, 4.0, 8.0]),
        trade_side=np.array([1.0, 1.0, -1.0, -1.0]),
    )
    times, sizes, sides = stylised.orders(market)
    assert times.tolist() == [1.0, 1.0, 2.0]
    assert sizes.tolist() == [3.0, 4.0, 8.0]
    assert sides.tolist() == [1.0, -1.0, -1.0]
