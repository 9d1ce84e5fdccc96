"""The mixture of normal distributions, against a plain EM in NumPy and against known mixtures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.mixture import START, Mixture, fit
from tests.support.bars import Floats

histograms = st.lists(st.floats(0.0, 100.0), min_size=1, max_size=40)


def places(count: int) -> Floats:
    return np.asarray((2 * np.arange(count) + 1 - count) / count, dtype=float)


def density(x: Floats, weight: float, centre: float, spread: float) -> Floats:
    height = weight / (spread * np.sqrt(2 * np.pi))
    return np.asarray(height * np.exp(-0.5 * ((x - centre) / spread) ** 2))


def plain_em(volumes: Floats, iterations: int) -> tuple[Floats, Floats, Floats]:
    """EM as in the textbook, from the same start and with the same least width."""
    x, v = places(len(volumes)), volumes / volumes.sum()
    least = 1 / (3 * len(volumes) ** 2)
    mean = (x * v).sum()
    variance = ((x - mean) ** 2 * v).sum()
    centres = mean + np.array(START) * np.sqrt(max(variance, least))
    spreads = np.full(3, np.sqrt(max(variance / 4, least)))
    weights = np.full(3, 1 / 3)
    for _ in range(iterations):
        each = np.stack(
            [density(x, *k) for k in zip(weights, centres, spreads, strict=True)], axis=1
        )
        parts = each / each.sum(axis=1, keepdims=True) * v[:, None]
        mass = parts.sum(axis=0)
        centres = (parts * x[:, None]).sum(axis=0) / mass
        variances = (parts * (x[:, None] - centres) ** 2).sum(axis=0) / mass
        spreads = np.sqrt(np.maximum(variances, least))
        weights = (mass + 1e-6) / (1 + 3e-6)
    return weights, centres, spreads


def histogram_of(parts: list[tuple[float, float, float]], count: int = 40) -> list[float]:
    x = places(count)
    rows: list[float] = np.sum([density(x, *part) for part in parts], axis=0).tolist()
    return rows


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("iterations", [1, 10])
def test_it_equals_a_plain_em(seed: int, iterations: int) -> None:
    volumes = np.random.default_rng(seed).exponential(1.0, 12 + 5 * seed)
    found = fit(volumes.tolist(), iterations=iterations)
    assert found is not None
    for mine, plain in zip(
        (found.weights, found.centres, found.spreads), plain_em(volumes, iterations), strict=True
    ):
        np.testing.assert_allclose(mine, plain, rtol=1e-9, atol=1e-12)


def test_known_mixtures_are_found_again() -> None:
    parts = [(0.2, -0.7, 0.08), (0.5, 0.1, 0.1), (0.3, 0.75, 0.06)]
    found = fit(histogram_of(parts), iterations=60)
    assert found is not None
    known = list(zip(found.weights, found.centres, found.spreads, strict=True))
    np.testing.assert_allclose(known, parts, atol=0.01)
    few = fit(histogram_of(parts))
    assert few is not None
    np.testing.assert_allclose(few.centres, [centre for _, centre, _ in parts], atol=0.05)


@given(volumes=histograms)
def test_each_step_makes_the_volumes_no_less_likely(volumes: list[float]) -> None:
    if sum(volumes) <= 1e-3:
        return
    x, v = places(len(volumes)), np.array(volumes)
    before = -math.inf
    for iterations in (1, 2, 4, 10):
        found = fit(volumes, iterations=iterations)
        assert found is not None
        each = [
            density(x, *k) for k in zip(found.weights, found.centres, found.spreads, strict=True)
        ]
        likelihood = float((v * np.log(np.maximum(sum(each), 1e-300))).sum() / v.sum())
        # The least width and the trace of weight kept back may cost a little.
        assert likelihood >= before - 1e-3
        before = likelihood


@given(volumes=histograms)
def test_it_is_bounded_and_weighs_one(volumes: list[float]) -> None:
    found = fit(volumes)
    if math.fsum(volumes) <= 0.0:
        assert found is None
        return
    assert found is not None
    assert math.fsum(found.weights) == pytest.approx(1.0, abs=1e-9)
    assert all(weight > 0.0 for weight in found.weights)
    assert all(abs(centre) <= 3.0 for centre in found.centres)
    assert all(1.0 / len(volumes) / 2 <= spread <= 2.0 for spread in found.spreads)


@given(volumes=histograms, x=st.floats(-50.0, 50.0))
def test_the_mirrored_histogram_has_the_mirrored_mixture(volumes: list[float], x: float) -> None:
    one, other = fit(volumes), fit(volumes[::-1])
    if one is None or other is None:
        assert one == other
        return
    assert other.centres[::-1] == [-centre for centre in one.centres]
    assert other.spreads[::-1] == one.spreads
    assert other.standing(-x)[0] == -one.standing(x)[0]


def test_the_same_rows_give_the_same_bits() -> None:
    volumes = np.random.default_rng(1).exponential(1.0, 20).tolist()
    assert fit(volumes) == fit(list(volumes))


def test_a_price_is_measured_from_the_cluster_that_holds_it() -> None:
    weights, spreads = [0.5, 0.25, 0.25], [0.1, 0.05, 0.05]
    heights = [math.log(weight / spread) for weight, spread in zip(weights, spreads, strict=True)]
    mixture = Mixture(weights, [-0.5, 0.5, 0.9], spreads, heights)
    for x, distance, centre in ((-0.6, -1.0, -0.5), (0.55, 1.0, 0.5)):
        found = mixture.standing(x)
        assert found[0] == pytest.approx(distance, abs=0.01)
        assert found[1] == centre
    distance, centre = mixture.standing(1e6)  # far from all, one still holds it
    assert centre == -0.5  # the widest
    assert distance == pytest.approx(1e7, rel=1e-3)
