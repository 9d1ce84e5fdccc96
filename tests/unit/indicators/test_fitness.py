"""Fitness of the data: every cause lowers it by its own amount, none ever raises it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from agents.indicators.fitness import Defects, Fitness, frame_defects
from schemas.frame import NS_PER_S, Frame, Quality
from tests.support.messages import frame_at

SOUND = Quality(book_synced=True)


def frame(seq: int, quality: Quality = SOUND, *, at_s: float | None = None) -> Frame:
    close_ns = round((seq if at_s is None else at_s) * NS_PER_S)
    return msgspec.structs.replace(frame_at(close_ns, seq=seq), quality=quality)


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        (SOUND, Defects()),
        (Quality(), Defects(gaps=1.0)),
        (Quality(book_synced=True, missing_ids=3), Defects(gaps=0.75)),
        (Quality(book_synced=True, rejects=1, resyncs=1), Defects(gaps=0.75)),
        (Quality(book_synced=True, stale=("book", "touch")), Defects(age=0.75)),
        (Quality(book_synced=True, skew_ns=-2_000_000_000), Defects(skew=0.75)),
        (Quality(book_synced=True, skew_ns=500_000_000), Defects()),
        (Quality(book_synced=True, ids_verifiable=False), Defects(ids=0.1)),
    ],
)
def test_each_cause_has_its_own_defect(quality: Quality, expected: Defects) -> None:
    assert frame_defects(quality) == pytest.approx(expected)


def test_frames_that_the_log_lacks_are_gaps_declared_or_not() -> None:
    fitness = Fitness()
    assert fitness.update(frame(1)) == 1.0
    assert fitness.update(frame(5)) == 0.25
    anew = Fitness()
    assert anew.update(frame(5, Quality(book_synced=True, declared_hole=1))) == 0.5


def test_a_long_silence_is_age() -> None:
    fitness = Fitness()
    fitness.update(frame(1, at_s=0.0))
    fitness.update(frame(2, at_s=40.1))
    assert dict(fitness.named()) == pytest.approx({"age": 0.75})
    quiet = Fitness()
    quiet.update(frame(1, at_s=0.0))
    assert quiet.update(frame(2, at_s=9.0)) == 1.0


def test_a_defect_is_halved_every_half_minute_and_forgotten_at_last() -> None:
    fitness = Fitness()
    fitness.update(frame(0, Quality(book_synced=True, missing_ids=1), at_s=0.0))
    for second in range(1, 31):
        fitness.update(frame(second))
    assert fitness.defects.gaps == pytest.approx(0.25)
    for second in range(31, 601):
        fitness.update(frame(second))
    assert fitness.named() == ()


def test_a_dimension_says_what_is_wrong_with_its_data() -> None:
    machine = DimensionMachine(registry.create("orderbook", {}))
    state = machine.initial()
    score = machine.step(state, frame(1, Quality(book_synced=True, missing_ids=1)))
    assert score is not None
    assert (score.fitness, score.defects) == (0.5, (("gaps", 0.5),))


qualities = st.builds(
    Quality,
    missing_ids=st.integers(0, 5),
    ids_verifiable=st.booleans(),
    book_synced=st.booleans(),
    resyncs=st.integers(0, 3),
    stale=st.sampled_from([(), ("book",), ("book", "touch")]),
    skew_ns=st.none() | st.integers(-(10**10), 10**10),
    rejects=st.integers(0, 3),
)


@given(st.lists(qualities, min_size=1, max_size=20), st.data())
def test_a_gap_never_raises_fitness_then_or_later(
    plain: list[Quality], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(plain) - 1))
    more = data.draw(st.integers(1, 5))
    worse = list(plain)
    worse[at] = msgspec.structs.replace(plain[at], missing_ids=plain[at].missing_ids + more)
    good, bad = Fitness(), Fitness()
    for i, (a, b) in enumerate(zip(plain, worse, strict=True)):
        kept, lowered = good.update(frame(i, a)), bad.update(frame(i, b))
        assert 0.0 <= lowered <= kept <= 1.0
        if i < at:
            assert lowered == kept
