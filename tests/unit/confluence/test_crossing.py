"""The crossing is a state machine; a model that remembers everything must agree with it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agents.confluence.crossing import Crossing, CrossingState, Tick, Verdict
from agents.confluence.thresholds import Thresholds
from schemas.confluence_settings import SignalsSettings
from schemas.frame import NS_PER_S
from schemas.signal import SignalKind

LIMITS = SignalsSettings()
IN_FORCE = Thresholds(LIMITS.long_threshold, LIMITS.short_threshold)


def step(
    crossing: Crossing,
    state: CrossingState,
    *,
    score: float,
    reliability: float = 1.0,
    tick_ns: int,
    limits: Thresholds = IN_FORCE,
) -> Verdict:
    """One tick as the join takes it, without a model to veto."""
    tick = Tick(score, reliability, tick_ns, limits)
    verdict = crossing.judge(state, tick, crossing.zones(state, tick))
    if verdict.kind is not None:
        crossing.take(state, verdict.kind, tick_ns)
    return verdict


def kinds(scores: list[float], *, every_s: int = 60, reliability: float = 1.0) -> list[str | None]:
    crossing, state = Crossing(LIMITS), CrossingState()
    given = []
    for i, score in enumerate(scores):
        tick_ns = (i + 1) * every_s * NS_PER_S
        verdict = step(crossing, state, score=score, reliability=reliability, tick_ns=tick_ns)
        given.append(None if verdict.kind is None else verdict.kind.value)
    return given


def test_a_long_fires_once_until_the_score_has_fallen_back() -> None:
    assert kinds([67.9, 68.0, 70.0, 66.0, 69.0]) == [None, "long", None, None, None]


def test_every_threshold_belongs_to_the_side_that_it_opens_or_leaves() -> None:
    assert kinds([67.999, 68.0, 55.001, 55.0]) == [None, "long", None, "exit"]
    assert kinds([35.001, 35.0, 44.999, 45.0]) == [None, "short", None, "exit"]


def test_a_long_is_left_near_neutral_and_fires_again_after_rearming() -> None:
    assert kinds([70.0, 55.0, 70.0]) == ["long", "exit", "long"]


def test_a_long_turns_into_a_short_without_an_exit_between() -> None:
    assert kinds([70.0, 30.0, 70.0]) == ["long", "short", "long"]


def test_entries_keep_the_cooldown_between_them_and_fire_when_it_is_over() -> None:
    crossing, state = Crossing(LIMITS), CrossingState()
    first = step(crossing, state, score=70.0, reliability=1.0, tick_ns=0)
    left = step(crossing, state, score=50.0, reliability=1.0, tick_ns=8 * NS_PER_S)
    early = step(crossing, state, score=30.0, reliability=1.0, tick_ns=9 * NS_PER_S)
    late = step(crossing, state, score=30.0, reliability=1.0, tick_ns=10 * NS_PER_S)
    assert first.kind is SignalKind.LONG
    assert left.kind is SignalKind.EXIT
    assert early.kind is None
    assert early.withheld == "short: cool-down, 1.0 s left"
    assert late.kind is SignalKind.SHORT


@pytest.mark.parametrize(("entry", "against"), [(70.0, 30.0), (30.0, 70.0)])
def test_a_side_that_the_cooldown_does_not_let_turn_is_left(entry: float, against: float) -> None:
    crossing, state = Crossing(LIMITS), CrossingState()
    first = step(crossing, state, score=entry, tick_ns=0)
    early = step(crossing, state, score=against, tick_ns=9 * NS_PER_S)
    late = step(crossing, state, score=against, tick_ns=10 * NS_PER_S)
    assert first.kind is not None
    assert early.kind is SignalKind.EXIT
    assert early.reason.startswith(f"{first.kind.value}: score ")
    assert late.kind is (SignalKind.SHORT if entry > against else SignalKind.LONG)


def test_below_the_floor_nothing_fires_and_the_reason_is_given() -> None:
    crossing, state = Crossing(LIMITS), CrossingState()
    verdict = step(crossing, state, score=90.0, reliability=0.29, tick_ns=0)
    assert verdict.kind is None
    assert verdict.withheld == "long: reliability 0.290 is below the floor 0.3"


def test_thresholds_that_moved_decide_and_are_named() -> None:
    crossing, state = Crossing(LIMITS), CrossingState()
    moved = Thresholds(69.8, 33.5)
    held = step(crossing, state, score=69.0, tick_ns=0, limits=moved)
    fired = step(crossing, state, score=69.9, tick_ns=1, limits=moved)
    assert held.kind is None
    assert fired.reason == "score 69.90 at or above 69.8"


def test_a_vetoed_entry_leaves_the_symbol_as_it_was() -> None:
    crossing, state = Crossing(LIMITS), CrossingState()
    tick = Tick(70.0, 1.0, 0, IN_FORCE)
    verdict = crossing.judge(state, tick, crossing.zones(state, tick))
    assert verdict.kind is SignalKind.LONG
    assert state == CrossingState()


class CrossingModel(RuleBasedStateMachine):
    """Against the whole history, kept plainly."""

    def __init__(self) -> None:
        super().__init__()
        self.crossing = Crossing(LIMITS)
        self.state = CrossingState()
        self.now_ns = 0
        self.history: list[tuple[int, float, SignalKind | None]] = []

    @rule(
        score=st.one_of(st.floats(0, 100), st.sampled_from([35.0, 38.0, 50.0, 55.0, 65.0, 68.0])),
        reliability=st.sampled_from([0.0, 0.3, 1.0]),
        after_s=st.integers(1, 20),
    )
    def tick(self, score: float, reliability: float, after_s: int) -> None:
        self.now_ns += after_s * NS_PER_S
        verdict = step(
            self.crossing,
            self.state,
            score=score,
            reliability=reliability,
            tick_ns=self.now_ns,
        )
        assert verdict.kind is None or reliability >= LIMITS.reliability_floor
        assert verdict.kind is None or verdict.withheld is None
        match verdict.kind:
            case SignalKind.LONG:
                assert score >= LIMITS.long_threshold
                self._fell_back_since(SignalKind.LONG)
            case SignalKind.SHORT:
                assert score <= LIMITS.short_threshold
                self._fell_back_since(SignalKind.SHORT)
            case SignalKind.EXIT:
                assert self._stance() is not SignalKind.EXIT
            case None:
                pass
        self.history.append((self.now_ns, score, verdict.kind))

    def _stance(self) -> SignalKind:
        return next((k for _, _, k in reversed(self.history) if k is not None), SignalKind.EXIT)

    def _fell_back_since(self, side: SignalKind) -> None:
        since = [i for i, (_, _, kind) in enumerate(self.history) if kind is side]
        if not since:
            return
        between = [score for _, score, _ in self.history[since[-1] + 1 :]]
        if side is SignalKind.LONG:
            assert min(between) < LIMITS.long_threshold - LIMITS.hysteresis
        else:
            assert max(between) > LIMITS.short_threshold + LIMITS.hysteresis

    @invariant()
    def never_the_same_side_twice_in_a_row(self) -> None:
        fired = [kind for _, _, kind in self.history if kind is not None]
        assert all(a is not b for a, b in pairwise(fired))

    @invariant()
    def entries_keep_the_cooldown(self) -> None:
        entries = [
            at for at, _, kind in self.history if kind in (SignalKind.LONG, SignalKind.SHORT)
        ]
        gaps = [b - a for a, b in pairwise(entries)]
        assert all(gap >= LIMITS.cooldown_s * NS_PER_S for gap in gaps)


TestCrossingModel = CrossingModel.TestCase
TestCrossingModel.settings = settings(max_examples=60, stateful_step_count=40)
