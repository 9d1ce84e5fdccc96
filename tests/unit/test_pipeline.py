"""The pipeline takes of a log what the agents take of it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agents.pipeline import Pipeline, Record
from schemas.frame import NS_PER_MS, Frame
from tests.chaos.market import short_market, short_settings

FRAMES = 200


def given(frames: Iterable[Frame]) -> list[Record]:
    pipeline = Pipeline(short_settings())
    return [record for frame in frames for record in pipeline.process(frame)]


def of_epoch(frame: Frame, epoch: int, *, later_ms: int = 0) -> Frame:
    later_ns = later_ms * NS_PER_MS
    at = {"open_ns": frame.open_ns + later_ns, "close_ns": frame.close_ns + later_ns}
    return msgspec.structs.replace(frame, epoch=epoch, **at)


def test_a_feed_that_another_one_has_succeeded_does_not_interleave() -> None:
    """The agents take nothing of it; the account here took the prices of its frames."""
    frames = [of_epoch(frame, 2) for frame in short_market().frames[:FRAMES]]
    both = [
        part for frame in frames for part in (frame, of_epoch(frame, 1, later_ms=50))
    ]  # each of the old feed closes after all that its symbol had
    assert given(both) == given(frames)


def test_frames_that_come_again_give_nothing() -> None:
    frames = short_market().frames[:FRAMES]
    pipeline = Pipeline(short_settings())
    once = [record for frame in frames for record in pipeline.process(frame)]
    assert once
    assert [record for frame in frames for record in pipeline.process(frame)] == []
