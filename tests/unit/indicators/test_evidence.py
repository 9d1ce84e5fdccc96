"""A lean of few trades counts for little, and silence brings it to rest."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.evidence import TapeEvidence
from schemas.frame import NS_PER_S, Frame, Trades
from tests.support.markets import random_market
from tests.support.played import machine, play, scores_of


def frame_at(second: int) -> Frame:
    return Frame("v", "s", 0, second, 0, second * NS_PER_S, True, 0, 0)


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.floats(0.5, 50.0))
def test_evidence_is_a_decaying_count_over_itself_and_the_doubt(
    traded: list[bool], doubt: float
) -> None:
    evidence = TapeEvidence(doubt=doubt)
    for second, some in enumerate(traded):
        evidence.update(frame_at(second), volume=3.0 if some else 0.0)
    last = len(traded) - 1
    count = sum(0.5 ** ((last - i) / 30.0) for i, some in enumerate(traded) if some)
    assert evidence.at(last * NS_PER_S) == pytest.approx(count / (count + doubt), rel=1e-9)
    assert evidence.at((last + 600) * NS_PER_S) <= evidence.at(last * NS_PER_S)


def silent(frames: list[Frame], count: int) -> list[Frame]:
    """The frames, and then nothing but ticks with the last book: a second apart."""
    last = frames[-1]
    found = list(frames)
    for i in range(1, count + 1):
        close_ns = last.close_ns + i * NS_PER_S
        found.append(
            msgspec.structs.replace(
                last, seq=last.seq + i, open_ns=close_ns - NS_PER_S, close_ns=close_ns,
                is_tick=True, trades=Trades(), touch=type(last.touch)(),
            )
        )  # fmt: skip
    return found


@pytest.mark.parametrize("seed", range(3))
def test_without_trades_flow_and_toxicity_come_to_rest(seed: int) -> None:
    frames = random_market(seed, 1_000, derivatives=False)
    no_interest = [msgspec.structs.replace(f, derivatives=type(f.derivatives)()) for f in frames]
    scores, _ = play(machine("orderflow"), silent(no_interest, 900))
    before = scores_of(scores[99])
    for name in ("trade_flow", "toxicity"):
        values = [scores_of(score)[name] for score in scores[100:]]
        away = [abs(value - 50.0) for value in values if value is not None]
        assert len(away) == 900
        assert before[name] is not None
        assert away[-1] < 1.0
        assert max(away[600:]) < 3.0


def lone_trade(frames: list[Frame], side: int) -> list[Frame]:
    """Five minutes of silence, then one trade of that side, as large as all of a busy minute."""
    quiet = silent(frames, 301)
    at_ns = quiet[-1].close_ns - 1
    qty = sum(sum(frame.trades.qty) for frame in frames[-600:])
    tape = Trades((at_ns,), (at_ns,), (60_000,), (qty,), (side,), (1,), (0,))
    return [*quiet[:-1], msgspec.structs.replace(quiet[-1], trades=tape)]


@pytest.mark.parametrize("side", [1, -1])
def test_one_trade_in_a_silent_market_is_no_flow(side: int) -> None:
    frames = random_market(5, 1_000, derivatives=False)
    scores, _ = play(machine("orderflow"), lone_trade(frames, side))
    flow = scores_of(scores[-1])["trade_flow"]
    assert flow is not None
    assert 0.0 < (flow - 50.0) * side < 15.0
    trusting, _ = play(machine("orderflow", evidence_doubt=0.0), lone_trade(frames, side))
    taken_whole = scores_of(trusting[-1])["trade_flow"]
    assert taken_whole is not None
    assert abs(taken_whole - 50.0) > 25.0
