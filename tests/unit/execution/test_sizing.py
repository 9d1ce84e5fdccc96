"""Both sizing policies: exact, monotone, capped, and nothing outside the thresholds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.sizing import SizingPolicy, policy_of
from schemas.errors import SettingsError
from schemas.execution_settings import SizingScaling, SizingSettings
from schemas.signal import SignalKind
from tests.support.messages import signal_of

LONG, SHORT = SignalKind.LONG, SignalKind.SHORT
CAP = Decimal("0.10")


def policy(name: str, **settings: object) -> SizingPolicy:
    return policy_of(SizingSettings.model_validate({"policy": name, **settings}))


THRESHOLD = policy("threshold")
CONFLUENCE = policy("confluence")
POLICIES = [
    policy(name, scaling=scaling, cap_fraction=CAP)
    for name in ("threshold", "confluence")
    for scaling in SizingScaling
]
scores = st.integers(0, 10_000).map(lambda n: n / 100)


def share(chosen: SizingPolicy, kind: SignalKind, score: float) -> Decimal:
    return chosen.fraction(signal_of(kind, score=score))[0]


@pytest.mark.parametrize(
    ("kind", "score", "expected"),
    [
        (LONG, 68.0, "0.03"),
        (LONG, 70.0, "0.05"),
        (LONG, 75.0, "0.10"),
        (LONG, 99.0, "0.10"),
        (LONG, 67.99, "0"),
        (SHORT, 35.0, "0.03"),
        (SHORT, 32.5, "0.055"),
        (SHORT, 35.01, "0"),
        (SignalKind.EXIT, 50.0, "0"),
    ],
)
def test_threshold_shares_worked_by_hand(kind: SignalKind, score: float, expected: str) -> None:
    assert share(THRESHOLD, kind, score) == Decimal(expected)


@pytest.mark.parametrize(
    ("kind", "score", "expected"),
    [
        (LONG, 69.99, "0"),
        (LONG, 70.0, "0.04"),  # one point beyond the scaling threshold of 69
        (LONG, 73.5, "0.075"),
        (LONG, 76.0, "0.10"),
        (LONG, 76.01, "0.10"),
        (SHORT, 30.01, "0"),
        (SHORT, 30.0, "0.04"),
        (SHORT, 24.0, "0.10"),
        (SHORT, 0.0, "0.10"),
        (SignalKind.EXIT, 10.0, "0"),
    ],
)
def test_confluence_shares_worked_by_hand(kind: SignalKind, score: float, expected: str) -> None:
    assert share(CONFLUENCE, kind, score) == Decimal(expected)


def test_a_scaling_threshold_above_the_minimum_leaves_a_band_of_the_base_share() -> None:
    banded = policy("confluence", min_score=65, scale_long=72, scale_short=30)
    base = Decimal("0.03")
    assert [share(banded, LONG, s) for s in (64.9, 65.0, 72.0, 73.0)] == [
        0, base, base, Decimal("0.04"),
    ]  # fmt: skip
    assert [share(banded, SHORT, s) for s in (35.1, 35.0, 30.0, 29.0)] == [
        0, base, base, Decimal("0.04"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["threshold", "confluence"])
def test_the_cautious_scaling_multiplies_the_base(name: str) -> None:
    chosen = policy(name, scaling="multiplicative")
    excess = 10 if name == "threshold" else 9
    assert share(chosen, LONG, 78.0) == Decimal("0.03") * (1 + excess * Decimal("0.01"))
    _, factors = chosen.fraction(signal_of(LONG, score=78.0))
    assert {f.name for f in factors} == {
        "base_fraction", "excess_points", "conviction_fraction", "cap_fraction", "fraction",
    }  # fmt: skip


@given(scores, scores)
def test_longs_grow_with_the_score_and_shorts_against_it_and_none_passes_the_cap(
    a: float, b: float
) -> None:
    low, high = sorted((a, b))
    for chosen in POLICIES:
        assert share(chosen, LONG, low) <= share(chosen, LONG, high) <= CAP
        assert CAP >= share(chosen, SHORT, low) >= share(chosen, SHORT, high)


@given(scores)
def test_outside_its_thresholds_a_policy_gives_nothing_and_inside_it_at_least_the_base(
    score: float,
) -> None:
    edges = {"threshold": (68, 35), "confluence": (70, 30)}
    for chosen, name in zip(POLICIES, ("threshold",) * 2 + ("confluence",) * 2, strict=True):
        long_edge, short_edge = edges[name]
        assert (share(chosen, LONG, score) >= Decimal("0.03")) == (score >= long_edge)
        assert (share(chosen, SHORT, score) >= Decimal("0.03")) == (score <= short_edge)
        assert share(chosen, LONG, score) == 0 or score >= long_edge
        assert share(chosen, SHORT, score) == 0 or score <= short_edge


@given(st.integers(0, 3_000).map(lambda n: n / 100))
def test_long_and_short_are_symmetric_about_their_thresholds(excess: float) -> None:
    def near(a: Decimal, b: Decimal) -> bool:
        return abs(a - b) < Decimal("1e-12")

    for chosen in POLICIES[:2]:
        assert near(share(chosen, LONG, 68 + excess), share(chosen, SHORT, 35 - excess))
    for chosen in POLICIES[2:]:
        assert near(share(chosen, LONG, 70 + excess), share(chosen, SHORT, 30 - excess))


def test_an_unknown_policy_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="known ones are confluence, threshold"):
        policy_of(SizingSettings(policy="guess"))
