"""The join waits for every dimension, keeps ticks in order and ignores repeats."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.join import Join, JoinState
from schemas.alert import Alert
from schemas.codec import encode
from schemas.frame import NS_PER_S, Message
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import Settings
from schemas.signal import Signal, SignalKind
from tests.support.messages import score_of

SETTINGS = Settings()
NAMES = SETTINGS.dimensions.enabled


def tick(value: float | None, tick_s: int, **named: float) -> list[DimensionScore]:
    return [score_of(name, value, tick_s=tick_s, **named) for name in NAMES]


def run(scores: list[DimensionScore]) -> list[Message]:
    join, state = Join(SETTINGS), JoinState()
    return [message for score in scores for message in taken(join, state, score)]


def taken(join: Join, state: JoinState, score: DimensionScore) -> list[Message]:
    """What a score gives for which there is room."""
    given = join.step(state, score)
    assert given is not None
    return given


def test_a_tick_is_decided_when_the_last_dimension_has_spoken() -> None:
    join, state = Join(SETTINGS), JoinState()
    first, second = tick(60.0, 1)
    assert taken(join, state, first) == []
    (decided,) = taken(join, state, second)
    assert isinstance(decided, ConfluenceScore)
    assert decided.score == 60.0
    assert decided.signal_id is None


def test_a_crossing_gives_a_signal_that_the_score_names() -> None:
    score, signal = run(tick(75.0, 1))
    assert isinstance(score, ConfluenceScore)
    assert isinstance(signal, Signal)
    assert score.signal_id == signal.id
    assert signal.kind is SignalKind.LONG
    assert (signal.tick_ns, signal.epoch, signal.seq) == (NS_PER_S, 1, 1)
    assert signal.price == 100.0
    assert signal.confidence == 0.75


def test_a_short_at_score_20_has_strength_80_percent() -> None:
    _, signal = run(tick(20.0, 1))
    assert isinstance(signal, Signal)
    assert (signal.confidence, signal.strength) == (0.2, 0.8)


def test_nothing_ready_gives_a_score_of_none_and_no_signal() -> None:
    (decided,) = run(tick(None, 1))
    assert isinstance(decided, ConfluenceScore)
    assert decided.score is None


def test_without_a_price_there_is_no_signal_and_the_reason_is_given() -> None:
    scores = [score_of(name, 90.0, price=None) for name in NAMES]
    (decided,) = run(scores)
    assert isinstance(decided, ConfluenceScore)
    assert decided.withheld == "no two-sided book, so no price to act on"


def test_a_missing_score_holds_up_its_symbol_and_raises_one_alert() -> None:
    join, state = Join(SETTINGS), JoinState()
    late, present = tick(60.0, 1)
    seen: list[Message] = []
    for score in [present, *tick(60.0, 2), *tick(60.0, 3)]:
        seen.extend(taken(join, state, score))
    (alert,) = seen
    assert isinstance(alert, Alert)
    assert late.dimension in alert.text
    caught_up = taken(join, state, late)
    assert [m.tick_ns // NS_PER_S for m in caught_up if isinstance(m, ConfluenceScore)] == [1, 2, 3]


def test_what_waits_is_bounded_and_nothing_is_lost_by_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.confluence.join.MOST_WAITING", 3)
    ticks = [tick(60.0, second) for second in range(1, 11)]
    late, ahead = [t[0] for t in ticks], [t[1] for t in ticks]
    join, state = Join(SETTINGS), JoinState()
    log, at, decided = [*ahead, *late], 0, list[Message]()
    refused: int | None = None
    while at < len(log):
        given = join.step(state, log[at])
        assert len(state.waiting) <= 3
        if given is None and refused is None:
            refused = at
        decided.extend(given or ())
        at += 1
        if refused is not None and not state.full:
            at, refused = refused, None
    assert [m.tick_ns // NS_PER_S for m in decided if isinstance(m, ConfluenceScore)] == [
        *range(1, 11)
    ]
    alerts = [m for m in decided if isinstance(m, Alert)]
    assert alerts
    assert all(late[0].dimension in alert.text for alert in alerts)


@given(seed=st.integers(0, 2**32), values=st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_interleaving_repeats_and_restarts_change_nothing(seed: int, values: list[float]) -> None:
    plain = [score for i, value in enumerate(values) for score in tick(value, i + 1)]
    expected = [encode(m) for m in run(plain) if not isinstance(m, Alert)]

    rng = random.Random(seed)
    queues = {name: [s for s in plain if s.dimension == name] for name in NAMES}
    at = dict.fromkeys(NAMES, 0)
    join, state, given_out = Join(SETTINGS), JoinState(), list[bytes]()
    while any(at[name] < len(queues[name]) for name in NAMES):
        name = rng.choice([n for n in NAMES if at[n] < len(queues[n])])
        if rng.random() < 0.2:
            at[name] = max(0, at[name] - rng.randrange(3))
        if rng.random() < 0.1:
            state = join.decode(join.encode(state))
        for message in taken(join, state, queues[name][at[name]]):
            if not isinstance(message, Alert):
                given_out.append(encode(message))
        at[name] += 1
    assert given_out == expected
