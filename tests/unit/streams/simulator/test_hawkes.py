"""Arrivals against what theory says of a Hawkes process."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.simulator.market.hawkes import Hawkes, Kernel, branching_ratio, kernel_of

BRINGS = ((0.4, 0.1), (0.2, 0.3))
BASE = (2.0, 1.0)


def arrivals(hawkes: Hawkes, seconds: float) -> list[tuple[float, int]]:
    """Everything until ``seconds``."""
    found = []
    while (arrival := hawkes.next_before(seconds)) is not None:
        found.append(arrival)
    return found


def test_mean_rates_are_those_of_theory() -> None:
    """λ = (1 − Bᵀ)⁻¹ base, where B is how many arrivals each brings."""
    kernels = (kernel_of(20.0, BRINGS),)
    found = arrivals(Hawkes(Random(7), BASE, kernels), 4_000.0)
    measured = np.bincount([kind for _, kind in found]) / 4_000.0
    expected = np.linalg.solve(np.eye(2) - np.array(BRINGS).T, BASE)
    np.testing.assert_allclose(measured, expected, rtol=0.04)


def test_counts_in_long_windows_vary_as_theory_says_and_far_more_than_poisson() -> None:
    """One kind: variance by mean tends to 1 / (1 − n)², n the arrivals that one brings."""
    found = arrivals(Hawkes(Random(3), (1.0,), (kernel_of(10.0, ((0.6,),)),)), 20_000.0)
    numbers = np.bincount([int(at_s / 20.0) for at_s, _ in found])
    assert numbers.var() / numbers.mean() == pytest.approx(1.0 / 0.4**2, rel=0.15)


def test_waits_rescaled_by_the_intensity_are_exponential() -> None:
    """Time-change theorem: the integrals of the intensity between arrivals are Exp(1)."""
    decay, brought, base = 5.0, 0.5, 2.0
    found = arrivals(Hawkes(Random(11), (base,), (kernel_of(decay, ((brought,),)),)), 1_000.0)
    excited, before_s, integrals = 0.0, 0.0, []
    for at_s, _ in found:
        faded = excited * np.exp(-decay * (at_s - before_s))
        integrals.append(base * (at_s - before_s) + (excited - faded) / decay)
        excited, before_s = faded + brought * decay, at_s
    values = np.sort(integrals)
    steps = np.arange(1, len(values) + 1) / len(values)
    distance = np.abs(1.0 - np.exp(-values) - steps).max()
    assert distance < 1.63 / np.sqrt(len(values))  # Kolmogorov-Smirnov at 1%


def test_arrivals_that_would_never_end_are_refused() -> None:
    with pytest.raises(ValueError, match="must be below 1"):
        Hawkes(Random(1), (1.0,), (Kernel(1.0, ((1.0,),)),))


def test_without_base_and_excitement_nothing_comes_and_time_goes_on() -> None:
    hawkes = Hawkes(Random(1), (0.0,), (kernel_of(1.0, ((0.5,),)),))
    assert hawkes.next_before(10.0) is None
    hawkes.base[0] = 5.0
    arrival = hawkes.next_before(1e9)
    assert arrival is not None
    assert arrival[0] > 10.0


@given(
    st.lists(st.lists(st.floats(0.0, 3.0), min_size=3, max_size=3), min_size=3, max_size=3),
    st.floats(0.1, 50.0),
)
def test_branching_ratio_is_the_spectral_radius(brings: list[list[float]], decay: float) -> None:
    expected = max(abs(np.linalg.eigvals(np.array(brings))))
    # Where the matrix is nearly defective the power iteration is slow: a loose bound holds always.
    assert branching_ratio([kernel_of(decay, brings)]) == pytest.approx(
        expected, rel=0.05, abs=0.05
    )
