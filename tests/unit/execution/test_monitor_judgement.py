"""What the monitor makes of a position: each edge, and an independent computation of the risk."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.guard import Guard, Target
from agents.execution.monitor.judgement import (
    Judgement,
    View,
    confidence,
    judge,
    level_of,
    leverage,
    risk_of,
)
from agents.execution.monitor.watch import Watch, lasted
from agents.execution.thesis import Outlook
from schemas.frame import NS_PER_S, Side
from schemas.monitor_settings import MonitorMode, MonitorSettings
from schemas.position_assessment import Concern, MonitorAction, RiskLevel
from schemas.score import Regime
from schemas.signal import Signal, SignalKind
from tests.support.messages import signal_of

BUY, SELL = Side.BUY, Side.SELL
SETTINGS = MonitorSettings()
NOW_NS = 1_000 * NS_PER_S


def thesis(side: Side = BUY, *, lean: float = 20.0, regime: Regime | None = None) -> Signal:
    kind = SignalKind.LONG if side is BUY else SignalKind.SHORT
    made = signal_of(kind, score=50.0 + lean * side)
    return msgspec.structs.replace(made, regime=regime, reliability=0.5)


def outlook(side: Side = BUY, *, lean: float = 20.0, **fields: object) -> Outlook:
    return Outlook(NOW_NS, 50.0 + lean * side, **{"reliability": 0.5, **fields})  # type: ignore[arg-type]


def view(
    side: Side = BUY, *, gain: str = "0", lean: float = 20.0, entry_regime: Regime | None = None,
    may_add: bool = False, age_s: int = 0, blind: str = "", stop: str = "-1",
    targets: tuple[str, ...] = (), **fields: object,
) -> View:  # fmt: skip
    """A position from 100 with a stop 1 away; gain, stop and targets in its favour."""

    def at(away: str) -> Decimal:
        return 100 + Decimal(away) * side

    guard = Guard(
        "s", side, NOW_NS - age_s * NS_PER_S, Decimal(100), Decimal(1), Decimal(100), at(stop),
        [Target(n, at(t), Decimal(1)) for n, t in enumerate(targets, start=1)],
    )  # fmt: skip
    return View(
        guard=guard, thesis=thesis(side, regime=entry_regime),
        outlook=outlook(side, lean=lean, **fields), mark=at(gain), now_ns=NOW_NS,
        max_age_s=14_400, max_leverage=3.0, blind=blind, may_add=may_add,
    )  # fmt: skip


def judged(**fields: object) -> Judgement:
    return judge(view(**fields), SETTINGS)  # type: ignore[arg-type]


def value_of(found: Judgement, name: str) -> float:
    return next(c.value for c in found.concerns if c.name == name)


def test_as_it_was_entered_a_position_has_full_confidence_and_no_risk() -> None:
    found = judged()
    assert (found.confidence, found.risk, found.level) == (1.0, 0.0, RiskLevel.NONE)
    assert (found.advice, found.reason) == (MonitorAction.HOLD, "risk 0.00: nothing")
    assert found.leverage == 3.0


@pytest.mark.parametrize(
    ("lean", "reliability", "expected"),
    [(20.0, 0.5, 1.0), (10.0, 0.5, 0.5), (20.0, 0.25, 0.5), (40.0, 0.75, 2.0), (-5.0, 0.9, 0.0)],
)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_confidence_is_lean_times_reliability_over_the_entrys(
    side: Side, lean: float, reliability: float, expected: float
) -> None:
    now = outlook(side, lean=lean, reliability=reliability)
    assert confidence(thesis(side), now, side) == pytest.approx(expected)


def test_confidence_is_unknown_without_a_score_or_with_an_entry_that_did_not_lean() -> None:
    assert confidence(thesis(), None, BUY) is None
    assert confidence(thesis(lean=0.0), outlook(), BUY) is None
    assert confidence(thesis(SELL), outlook(), BUY) is None


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"gain": "-0.5"}, "loss", 0.5),
        ({"gain": "-3"}, "loss", 1.0),
        ({"gain": "0.5"}, "loss", 0.0),
        ({"lean": 5.0}, "confidence", 0.75),
        ({"lean": 30.0}, "confidence", 0.0),
        ({"volatility": 1.5}, "volatility", 0.5),
        ({"volatility": 0.5}, "volatility", 0.0),
        ({"volatility": 9.0}, "volatility", 1.0),
        ({"age_s": 3_600}, "age", 0.25),
        ({"regime": Regime.VOLATILE}, "regime", 0.5),
        ({"regime": Regime.VOLATILE, "entry_regime": Regime.VOLATILE}, "regime", 0.0),
        ({"regime": Regime.RANGING, "entry_regime": Regime.VOLATILE}, "regime", 0.0),
        ({"regime": None}, "regime", 0.0),
    ],
)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_each_concern_has_its_measure(
    side: Side, fields: dict[str, object], name: str, expected: float
) -> None:
    assert value_of(judged(side=side, **fields), name) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("side", "against", "along"),
    [
        (BUY, Regime.TRENDING_DOWN, Regime.TRENDING_UP),
        (SELL, Regime.TRENDING_UP, Regime.TRENDING_DOWN),
    ],
)
def test_only_a_trend_against_the_position_that_is_new_is_a_concern(
    side: Side, against: Regime, along: Regime
) -> None:
    assert value_of(judged(side=side, regime=against), "regime") == 1.0
    assert value_of(judged(side=side, regime=along), "regime") == 0.0
    known = judged(side=side, regime=against, entry_regime=against)
    assert value_of(known, "regime") == 0.0


@pytest.mark.parametrize(
    ("risk", "level"),
    [
        (0.0, RiskLevel.NONE), (math.nextafter(0.3, 0), RiskLevel.NONE),
        (0.3, RiskLevel.LOW), (math.nextafter(0.6, 0), RiskLevel.LOW),
        (0.6, RiskLevel.MEDIUM), (math.nextafter(0.8, 0), RiskLevel.MEDIUM),
        (0.8, RiskLevel.HIGH), (1.0, RiskLevel.HIGH),
    ],
)  # fmt: skip
def test_levels_begin_at_their_edges(risk: float, level: RiskLevel) -> None:
    assert level_of(risk, SETTINGS) is level


def test_the_levels_call_for_what_the_specification_says() -> None:
    assert judged(lean=10.0).level is RiskLevel.LOW  # 0.8 · 0.5 = 0.4
    assert judged(lean=10.0).advice is MonitorAction.HOLD
    medium = judged(lean=10.0, gain="-0.7")  # 1 − 0.6 · 0.65 = 0.61
    assert (medium.level, medium.advice) == (RiskLevel.MEDIUM, MonitorAction.REDUCE)
    assert medium.reason == "risk 0.61: confidence 0.50, loss 0.70"
    high = judged(lean=5.0, gain="-0.9")  # 1 − 0.4 · 0.55 = 0.78, with regime 0.87
    assert high.advice is MonitorAction.REDUCE
    high = judged(lean=5.0, gain="-0.9", regime=Regime.TRENDING_DOWN)
    assert (high.level, high.advice) == (RiskLevel.HIGH, MonitorAction.EXIT)


def test_confidence_below_its_edge_is_left_whatever_the_risk_is() -> None:
    assert judged(lean=4.0).advice is not MonitorAction.EXIT  # 0.2
    found = judged(lean=3.9)
    assert found.advice is MonitorAction.EXIT
    assert found.reason == "confidence: 0.19 is below 0.2"
    calm = MonitorSettings(confidence_weight=0.0)
    assert judge(view(lean=3.9), calm).level is RiskLevel.NONE
    assert judge(view(lean=3.9), calm).advice is MonitorAction.EXIT


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_market_beyond_the_stop_or_the_last_target_is_a_reason_to_leave(side: Side) -> None:
    assert judged(side=side, gain="-1").advice is not MonitorAction.EXIT
    assert judged(side=side, gain="-1.01").reason.startswith("stop: ")
    assert judged(side=side, gain="2", targets=("1", "2")).advice is MonitorAction.HOLD
    found = judged(side=side, gain="2.01", targets=("1", "2"))
    assert (found.advice, found.reason[:7]) == (MonitorAction.EXIT, "target:")


def test_who_is_blind_gives_no_advice_however_bad_it_looks() -> None:
    found = judged(lean=-20.0, gain="-5", blind="no two-sided book")
    assert found.level is RiskLevel.HIGH
    assert (found.advice, found.reason) == (MonitorAction.HOLD, "blind: no two-sided book")


def test_a_part_is_added_only_to_what_does_well() -> None:
    good = {"gain": "0.25", "lean": 20.0, "may_add": True}
    assert judged(**good).advice is MonitorAction.ADD
    for worse in (
        {"gain": "0.24"}, {"lean": 19.9}, {"may_add": False}, {"regime": Regime.TRENDING_DOWN},
    ):  # fmt: skip
        assert judged(**{**good, **worse}).advice is MonitorAction.HOLD, worse


concerns = st.lists(
    st.builds(Concern, st.just("x"), st.floats(0, 1), st.floats(0, 1)), max_size=6
).map(tuple)


@given(concerns)
def test_risk_is_one_less_the_chance_that_no_concern_comes_true(made: tuple[Concern, ...]) -> None:
    found = risk_of(made)
    assert found == pytest.approx(1 - math.prod(1 - c.weight * c.value for c in made))
    assert -1e-12 <= found <= 1
    assert all(found >= c.weight * c.value - 1e-12 for c in made)


leans = st.floats(-50, 50)
moves = st.integers(-500, 500).map(lambda n: str(Decimal(n) / 100))


@given(leans, moves, st.integers(0, 14_400), st.floats(0.1, 5), st.floats(0, 1), st.booleans())
def test_long_and_short_are_judged_as_mirror_images(
    lean: float, gain: str, age_s: int, volatility: float, reliability: float, may_add: bool
) -> None:
    long, short = (
        judged(
            side=side, lean=lean, gain=gain, age_s=age_s, volatility=volatility,
            reliability=reliability, may_add=may_add, targets=("3",),
            regime=Regime.TRENDING_DOWN if side is BUY else Regime.TRENDING_UP,
        )
        for side in (BUY, SELL)
    )  # fmt: skip
    assert long.risk == pytest.approx(short.risk, abs=1e-9)
    if abs(long.risk - 0.6) > 1e-9 and abs(long.risk - 0.8) > 1e-9:
        assert long.advice is short.advice


@given(leans, leans, moves)
def test_less_confidence_never_makes_less_risk_nor_more_leverage(
    a: float, b: float, gain: str
) -> None:
    low, high = judged(lean=min(a, b), gain=gain), judged(lean=max(a, b), gain=gain)
    assert low.risk >= high.risk
    assert 1.0 <= low.leverage <= high.leverage <= 3.0


def test_leverage_falls_with_volatility_and_is_one_without_a_score() -> None:
    assert leverage(1.0, outlook(volatility=2.0), most=3.0) == 2.0
    assert leverage(0.5, outlook(), most=3.0) == 2.0
    assert leverage(2.0, outlook(volatility=0.5), most=3.0) == 3.0
    assert leverage(None, None, most=3.0) == 1.0


def test_a_reason_counts_from_its_beginning_and_anew_after_a_break() -> None:
    watch = Watch("s")
    watch.note(MonitorAction.EXIT, 10)
    watch.note(MonitorAction.REDUCE, 20)
    assert (watch.leave_ns, watch.reduce_ns, watch.add_ns) == (-1, 10, -1)
    watch.note(MonitorAction.EXIT, 30)
    assert (watch.leave_ns, watch.reduce_ns) == (30, 10)
    watch.note(MonitorAction.HOLD, 40)
    assert (watch.leave_ns, watch.reduce_ns) == (-1, -1)
    assert not lasted(watch.reduce_ns, 1_000, 0)
    assert lasted(30, 40, 10)
    assert not lasted(30, 39, 10)


def test_each_mode_may_do_what_those_before_it_may() -> None:
    modes = list(MonitorMode)
    assert [m.value for m in modes] == ["observe", "protect", "reduce", "full"]
    for number, mode in enumerate(modes):
        assert [mode.allows(other) for other in modes] == [n <= number for n in range(4)]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"low_risk": 0.7}, "must rise"),
        ({"entry_parts": ("0.5", "0.4")}, "come to 1"),
        ({"entry_parts": ("1.5", "-0.5")}, "above 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        MonitorSettings.model_validate(values)
