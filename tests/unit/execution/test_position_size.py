"""The size of an entry: every cap where it binds, monotone in the score, the same both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.closed_trades import ClosedTrade, Exit
from agents.execution.kelly import kelly_fraction
from agents.execution.position_size import Means, PositionSize
from agents.execution.sizing import policy_of
from agents.execution.stop_plan import stop_plan, widest_fraction
from schemas.execution_settings import SizingSettings, StopsSettings
from schemas.signal import Signal, SignalKind, TradePlan
from tests.support.messages import frame_at, signal_of

LONG, SHORT = SignalKind.LONG, SignalKind.SHORT
DEEP = frame_at(10**9, bids=((9_999, 10**9),), asks=((10_001, 10**9),))
MEANS = Means(Decimal(100_000), Decimal(100_000), ())
STOPS = StopsSettings()


def signal(
    kind: SignalKind, score: float, *, range_: float = 0.2, reliability: float = 1.0
) -> Signal:
    """A signal at 100 whose stop is 1.5 ranges away and whose targets are 1, 2 and 3 stops away."""
    side = 1 if kind is LONG else -1
    plan = TradePlan(
        100 - side * 1.5 * range_,
        tuple(100 + side * 1.5 * range_ * ratio for ratio in (1, 2, 3)),
        range_,
        "atr_5m",
    )
    return msgspec.structs.replace(
        signal_of(kind, score=score), plan=plan, risk_fraction=0.01 * reliability
    )


def sized(
    given_: Signal, *, means: Means = MEANS, frame: object = DEEP, **settings: object
) -> tuple[Decimal, dict[str, Decimal]]:
    chosen = SizingSettings.model_validate(settings)
    share, _ = policy_of(chosen).fraction(given_)
    notional, factors = PositionSize(chosen, STOPS).notional(
        given_,
        share=share,
        plan=stop_plan(given_, STOPS),
        means=means,
        frame=frame,  # type: ignore[arg-type]
    )
    return notional, {factor.name: factor.value for factor in factors}


def test_without_a_cap_that_binds_it_is_the_policys_share_of_what_is_available() -> None:
    notional, _ = sized(signal(LONG, 70), means=Means(Decimal(100_000), Decimal(60_000), ()))
    assert notional == Decimal(3_000)


def test_the_risk_based_size_is_recorded_beside_the_final_one() -> None:
    given_ = signal(LONG, 70, reliability=0.5)
    notional, factors = sized(given_)
    stop = stop_plan(given_, STOPS).stop_fraction
    # balance · 1% · reliability 0.5 over the stop's distance
    assert factors["initial_notional"] * stop == pytest.approx(Decimal(500))
    assert factors["notional"] == notional


@given(
    st.sampled_from([LONG, SHORT]), st.sampled_from([0.05, 0.5, 3.0]), st.integers(0, 100_000),
    st.sampled_from(["standard", "cautious"]), st.sampled_from(["0.0002", "0.01"]),
)  # fmt: skip
def test_the_size_can_be_computed_again_from_what_is_recorded_of_it(
    kind: SignalKind, range_: float, available: int, profile: str, risk: str
) -> None:
    given_ = signal(kind, 90 if kind is LONG else 10, range_=range_, reliability=0.7)
    chosen = SizingSettings.model_validate({"profile": profile, "risk_fraction": risk})
    share, shares = policy_of(chosen).fraction(given_)
    means = Means(Decimal(100_000), Decimal(available), ())
    notional, f = sized(given_, means=means, profile=profile, risk_fraction=risk)
    f |= {factor.name: factor.value for factor in shares}
    assert f["fraction"] == share
    risked = min(chosen.risk_fraction, f["signal_risk_fraction"], f["kelly_fraction"])
    assert f["risk_fraction"] == risked
    asked = f["balance"] * f["signal_risk_fraction"] / f["stop_fraction"]
    assert f["initial_notional"] == pytest.approx(asked)
    assert f["risk_cap"] == pytest.approx(f["balance"] * risked / f["widest_stop_fraction"])
    caps = [cap for name, cap in f.items() if name.endswith("_cap")]
    assert len(caps) == (3 if profile == "cautious" else 2)
    assert notional == min(f["available"] * f["fraction"] * f["volatility"], *caps)


def test_wide_ranges_leave_less_down_to_a_floor() -> None:
    assert sized(signal(LONG, 70, range_=0.5))[1]["volatility"] == 1
    assert sized(signal(LONG, 70, range_=1.0))[0] == Decimal(2_500)
    assert sized(signal(LONG, 70, range_=9.0))[1]["volatility"] == Decimal("0.25")


def test_the_risk_cap_holds_at_the_widest_stop_that_a_score_can_give() -> None:
    given_ = signal(LONG, 80, range_=0.5)
    notional, factors = sized(given_, risk_fraction="0.0005")
    assert notional == factors["risk_cap"]
    assert notional * widest_fraction(given_, STOPS) == pytest.approx(Decimal(50))


def test_reliability_lowers_what_may_be_risked() -> None:
    risked = [
        sized(signal(LONG, 70, reliability=r), kelly_floor="0.5")[1]["risk_fraction"]
        for r in (1.0, 0.3)
    ]
    assert risked == [Decimal("0.01"), Decimal("0.003")]


def test_liquidity_caps_at_a_share_of_what_the_side_to_be_taken_shows() -> None:
    thin = frame_at(10**9, bids=((9_999, 40_000),), asks=((10_001, 8_000),))
    assert sized(signal(LONG, 70), frame=thin)[0] == Decimal(200)
    assert sized(signal(SHORT, 33), frame=thin)[0] == Decimal(1_000)
    blind = msgspec.structs.replace(thin, book=None)
    assert sized(signal(LONG, 70), frame=blind)[0] == 0


def test_the_cautious_profile_caps_a_position_at_5_percent_of_the_balance() -> None:
    assert sized(signal(LONG, 90))[0] == Decimal(10_000)
    notional, factors = sized(signal(LONG, 90), profile="cautious")
    assert notional == factors["profile_cap"] == Decimal(5_000)


sizes = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["threshold", "confluence"]),
        "scaling": st.sampled_from(["additive", "multiplicative"]),
        "profile": st.sampled_from(["standard", "cautious"]),
        "risk_fraction": st.sampled_from(["0.0002", "0.01"]),
    }
)
scores = st.integers(0, 10_000).map(lambda n: n / 100)


@given(sizes, scores, scores, st.sampled_from([0.05, 0.5, 3.0]))
def test_the_final_size_is_monotone_in_the_score_and_never_above_the_cap(
    settings: dict[str, Any], a: float, b: float, range_: float
) -> None:
    low, high = sorted((a, b))
    longs = [sized(signal(LONG, s, range_=range_), **settings)[0] for s in (low, high)]
    shorts = [sized(signal(SHORT, s, range_=range_), **settings)[0] for s in (low, high)]
    cap = Decimal(5_000 if settings["profile"] == "cautious" else 10_000)
    assert 0 <= longs[0] <= longs[1] <= cap
    assert cap >= shorts[0] >= shorts[1] >= 0


@given(sizes, st.integers(0, 3_000).map(lambda n: n / 100), st.sampled_from([0.05, 0.5, 3.0]))
def test_long_and_short_get_the_same_size_for_the_same_conviction(
    settings: dict[str, Any], excess: float, range_: float
) -> None:
    edges = (68, 35) if settings["policy"] == "threshold" else (70, 30)
    long = sized(signal(LONG, edges[0] + excess, range_=range_), **settings)[0]
    short = sized(signal(SHORT, edges[1] - excess, range_=range_), **settings)[0]
    assert float(long) == pytest.approx(float(short), rel=1e-9)


@given(scores, scores)
def test_higher_conviction_gets_the_wider_stop_within_tight_and_wide(a: float, b: float) -> None:
    low, high = sorted((a, b))
    narrow, wide = (stop_plan(signal(LONG, s), STOPS).stop_fraction for s in (low, high))
    assert narrow <= wide
    base = Decimal("0.003")
    assert narrow >= base * STOPS.tight - Decimal("1e-9")
    assert wide <= widest_fraction(signal(LONG, 70), STOPS)


def test_a_stop_is_tight_at_the_threshold_and_wide_at_full_conviction_both_ways() -> None:
    found = [
        stop_plan(signal(kind, score), STOPS).stop_fraction
        for kind, score in ((LONG, 68.0), (LONG, 88.0), (SHORT, 35.0), (SHORT, 15.0))
    ]
    assert [float(f) for f in found] == pytest.approx([0.00225, 0.0045, 0.00225, 0.0045])


def test_targets_are_those_of_the_signal_and_without_a_range_both_fall_back() -> None:
    plan = stop_plan(signal(SHORT, 30), STOPS)
    assert [float(f) for f in plan.target_fractions] == pytest.approx([0.003, 0.006, 0.009])
    blind = stop_plan(signal_of(LONG, score=68.0), STOPS)
    assert blind.stop_fraction == Decimal("0.01") * STOPS.tight
    assert blind.target_fractions == (Decimal("0.01"), Decimal("0.02"), Decimal("0.03"))


def traded(*profits: str) -> list[ClosedTrade]:
    return [ClosedTrade("k", 1, Exit.SIGNAL, Decimal(p), Decimal(100), Decimal(0)) for p in profits]


WHOLE = SizingSettings(kelly_share=Decimal(1), kelly_floor=Decimal("0.001"))


def test_kelly_starts_at_the_prior_and_comes_to_what_was_realised() -> None:
    assert float(kelly_fraction([], WHOLE)) == pytest.approx(0.5 - 0.5 / 1.5)
    many = traded(*["3", "-1"] * 250)
    # 500 trades against a prior of 50: win rate 1/2, payoff (3·250 + 1.5·50) / 300
    assert float(kelly_fraction(many, WHOLE)) == pytest.approx(0.5 - 0.5 / 2.75)


def test_kelly_of_a_small_sample_stays_near_the_prior() -> None:
    prior = kelly_fraction([], WHOLE)
    one_loss, ten = kelly_fraction(traded("-1"), WHOLE), kelly_fraction(traded(*["-1"] * 10), WHOLE)
    assert WHOLE.kelly_floor < ten < one_loss < prior
    assert prior - one_loss < Decimal("0.02")


def test_kelly_without_an_edge_leaves_the_floor() -> None:
    assert kelly_fraction(traded(*["-1"] * 400), WHOLE) == Decimal("0.001")
    assert kelly_fraction(traded(*["0"] * 400), WHOLE) == Decimal("0.001")


@given(st.lists(st.integers(-50, 50), max_size=60))
def test_kelly_lies_between_the_floor_and_its_share(profits: list[int]) -> None:
    found = kelly_fraction(traded(*map(str, profits)), SizingSettings())
    assert SizingSettings().kelly_floor <= found <= SizingSettings().kelly_share
