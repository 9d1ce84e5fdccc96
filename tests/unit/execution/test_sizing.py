"""The threshold policy: exact, monotone, capped, and nothing outside the thresholds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.sizing import policy_of
from schemas.errors import SettingsError
from schemas.execution_settings import SizingScaling, SizingSettings
from schemas.signal import SignalKind
from tests.support.messages import signal_of

ADDITIVE = policy_of(SizingSettings())
MULTIPLICATIVE = policy_of(SizingSettings(scaling=SizingScaling.MULTIPLICATIVE))
scores = st.integers(0, 10_000).map(lambda n: n / 100)


@pytest.mark.parametrize(
    ("kind", "score", "share"),
    [
        (SignalKind.LONG, 68.0, "0.03"),
        (SignalKind.LONG, 70.0, "0.05"),
        (SignalKind.LONG, 75.0, "0.10"),
        (SignalKind.LONG, 99.0, "0.10"),
        (SignalKind.LONG, 67.99, "0"),
        (SignalKind.SHORT, 35.0, "0.03"),
        (SignalKind.SHORT, 32.5, "0.055"),
        (SignalKind.SHORT, 35.01, "0"),
        (SignalKind.EXIT, 50.0, "0"),
    ],
)
def test_shares_worked_by_hand(kind: SignalKind, score: float, share: str) -> None:
    assert ADDITIVE.fraction(signal_of(kind, score=score))[0] == Decimal(share)


def test_the_cautious_scaling_multiplies_the_base() -> None:
    share, factors = MULTIPLICATIVE.fraction(signal_of(SignalKind.LONG, score=78.0))
    assert share == Decimal("0.033")
    assert {f.name for f in factors} >= {"base_fraction", "excess_points", "fraction"}


@given(scores, scores)
def test_longs_grow_with_the_score_and_shorts_against_it(a: float, b: float) -> None:
    low, high = sorted((a, b))
    for policy in (ADDITIVE, MULTIPLICATIVE):
        longs = [policy.fraction(signal_of(SignalKind.LONG, score=s))[0] for s in (low, high)]
        shorts = [policy.fraction(signal_of(SignalKind.SHORT, score=s))[0] for s in (low, high)]
        assert longs[0] <= longs[1] <= Decimal("0.10")
        assert Decimal("0.10") >= shorts[0] >= shorts[1]


@given(st.integers(0, 3200).map(lambda n: n / 100))
def test_long_and_short_are_symmetric_about_their_thresholds(excess: float) -> None:
    long = ADDITIVE.fraction(signal_of(SignalKind.LONG, score=68 + excess))[0]
    short = ADDITIVE.fraction(signal_of(SignalKind.SHORT, score=35 - excess))[0]
    assert float(long) == pytest.approx(float(short), abs=1e-12)


def test_an_unknown_policy_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="known ones are confluence, threshold"):
        policy_of(SizingSettings(policy="guess"))
