"""The join waits for every dimension, keeps ticks in order and ignores repeats."""

from __future__ import annotations

import doctest
import importlib
import math
import pkgutil
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence import __path__ as confluence_path
from agents.confluence.adaptation import AdaptationState
from agents.confluence.join import Join, JoinState
from agents.confluence.raw import SOURCES, raw_value
from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from schemas.alert import Alert
from schemas.codec import encode
from schemas.frame import NS_PER_S, Message
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import settings_from
from schemas.signal import FrameRef, Signal, SignalKind, TradePlan, Validation
from tests.support.markets import random_market
from tests.support.messages import component_of, dimension_of, score_of

SETTINGS = settings_from({"dimensions": {"enabled": ["orderbook", "orderflow"]}})
NAMES = SETTINGS.dimensions.enabled


def tick(value: float | None, tick_s: int) -> list[DimensionScore]:
    return [score_of(name, value, tick_s=tick_s) for name in NAMES]


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


def test_a_signal_carries_all_that_led_to_it() -> None:
    book = dimension_of(
        "orderbook",
        component_of("liquidity", 90.0, weight=1.0, raw=(("spread_to_usual", 2.0),)),
    )
    flow = dimension_of(
        "orderflow",
        component_of("trade_flow", 80.0, weight=1.0, raw=(("intensity", 2.0),)),
    )
    chart = dimension_of(
        "technical", component_of("atr", 70.0, weight=1.0, raw=(("atr_5m", 0.5), ("adx_5m", 30.0)))
    )
    settings = settings_from({"dimensions": {"enabled": ["orderbook", "orderflow", "technical"]}})
    join, state = Join(settings), JoinState()
    score, signal = [m for s in (book, flow, chart) for m in taken(join, state, s)]
    assert isinstance(score, ConfluenceScore)
    assert isinstance(signal, Signal)
    assert score.regime is signal.regime is None
    # a wide spread moves the thresholds out by 5%, much volume in by as much
    assert (signal.long_threshold, signal.short_threshold) == (68.0, 35.0)
    assert [m.name for m in signal.threshold_moves] == ["volume", "liquidity"]
    assert signal.contributions == score.contributions
    assert [part.components[0][0] for part in signal.contributions] == [
        "liquidity", "trade_flow", "atr",
    ]  # fmt: skip
    assert signal.frames == (FrameRef(signal.venue, signal.symbol, 1, 1),)
    assert signal.plan == TradePlan(99.25, (100.75, 101.5, 102.25), 0.5, "atr_5m")
    assert signal.validation == Validation(None, 1.0, "no trained model; passed unchanged")
    assert signal.risk_fraction == 0.01 * signal.reliability
    assert score.flip is not None
    assert score.flip.signal is None


class Model:
    """Vetoes shorts and halves the risk of longs."""

    def validate(self, kind: SignalKind, score: ConfluenceScore) -> Validation:
        veto = "never short" if kind is SignalKind.SHORT else None
        return Validation("careful", 0.5, "half", veto)


def test_a_model_may_scale_an_entry_or_veto_it_but_never_an_exit() -> None:
    join, state = Join(SETTINGS, validator=Model()), JoinState()

    def play(value: float, tick_s: int) -> list[Message]:
        return [m for s in tick(value, tick_s) for m in taken(join, state, s)]

    (vetoed,) = play(20.0, 1)
    assert isinstance(vetoed, ConfluenceScore)
    assert (vetoed.signal_id, vetoed.withheld) == (None, "short: vetoed by careful: never short")
    _, entry = play(80.0, 60)
    assert isinstance(entry, Signal)
    assert entry.risk_fraction == 0.01 * entry.reliability * 0.5
    left, out = play(20.0, 120)  # it may not turn short, but nor may it stay long
    assert isinstance(left, ConfluenceScore)
    assert left.withheld == "short: vetoed by careful: never short"
    assert isinstance(out, Signal)
    assert left.signal_id == out.id
    assert out.kind is SignalKind.EXIT
    assert (out.plan, out.validation) == (None, None)


def test_below_the_floor_the_record_says_so_and_which_part_is_to_blame() -> None:
    scores = [score_of(name, 80.0, fitness=0.1, defects=(("gaps", 0.9),)) for name in NAMES]
    (score,) = run(scores)
    assert isinstance(score, ConfluenceScore)
    assert score.withheld == "long: reliability 0.080 is below the floor 0.3"
    assert {p.name: p.value for p in score.reliability_parts}["gaps"] == pytest.approx(0.1)


def test_a_state_that_was_written_before_there_were_regimes_is_read() -> None:
    join = Join(SETTINGS)
    old = {
        "waiting": {},
        "decided_ns": 5,
        "recent": [50.0, 51.0],
        "crossing": {"stance": "long", "long_armed": False, "short_armed": True, "entered_ns": 3},
        "alerted_ns": -1,
    }
    state = join.decode(msgspec.msgpack.encode(old))
    assert state.decided_ns == 5
    assert state.crossing.stance is SignalKind.LONG
    assert state.adaptation == AdaptationState()


def test_resumed_after_hours_the_join_ends_in_the_same_bytes_and_stays_small() -> None:
    rng = random.Random(4)
    price, ticks = 100.0, []
    for i in range(3_000):
        price *= math.exp(rng.gauss(0, 1e-3))
        ticks += [score_of(name, rng.uniform(0, 100), tick_s=5 * i, price=price) for name in NAMES]
    join, whole, cut = Join(SETTINGS), JoinState(), JoinState()
    told, again = [], []
    for i, score in enumerate(ticks):
        if i % 501 == 0:
            cut = join.decode(join.encode(cut))
        told += [encode(m) for m in taken(join, whole, score)]
        again += [encode(m) for m in taken(join, cut, score)]
    assert told == again
    assert join.encode(cut) == join.encode(whole)
    assert len(join.encode(whole)) < 4_000


def test_every_raw_value_that_the_join_looks_for_is_given_by_its_dimension() -> None:
    known = registry.dimensions()
    for name in sorted({source.dimension for source in SOURCES}):
        machine = DimensionMachine(registry.create(name, {}))
        state = machine.initial()
        frames = random_market(1, 4_000, interval_ns=5 * NS_PER_S)
        scores = [s for frame in frames if (s := machine.step(state, frame)) is not None]
        for source in SOURCES:
            if source.dimension == name in known:
                assert raw_value([scores[-1]], source) is not None, source


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(confluence_path)])
def test_the_examples_in_docstrings_hold(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(f"agents.confluence.{name}"))
    assert failed == 0


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
