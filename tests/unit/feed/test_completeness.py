"""What a frame lacks, and what the counters make of it."""

from __future__ import annotations

import msgspec
import pytest

from schemas.frame import NS_PER_MS, NS_PER_S, Quality
from streams.feed.completeness import lacks
from streams.feed.counters import Counters
from tests.support.messages import frame_at

WHOLE = Quality(book_synced=True)


@pytest.mark.parametrize(
    ("quality", "lack"),
    [
        (WHOLE, None),
        (Quality(book_synced=True, skew_ns=-500 * NS_PER_MS), None),
        (Quality(book_synced=False), "book"),
        (Quality(book_synced=True, stale=("trades",)), "stale"),
        (Quality(book_synced=True, missing_ids=1), "gap"),
        (Quality(book_synced=True, rejects=1), "rejects"),
        (Quality(book_synced=True, skew_ns=-501 * NS_PER_MS), "skew"),
    ],
)
def test_a_frame_lacks_what_its_quality_says(quality: Quality, lack: str | None) -> None:
    assert lacks(msgspec.structs.replace(frame_at(NS_PER_S), quality=quality)) == lack


def test_a_frame_without_a_book_lacks_it() -> None:
    assert lacks(msgspec.structs.replace(frame_at(NS_PER_S), quality=WHOLE, book=None)) == "book"


def test_counters_tell_the_share_of_complete_frames() -> None:
    counters = Counters("feed:x")
    assert counters.complete_pct() is None
    for quality in (WHOLE, WHOLE, WHOLE, Quality()):
        told = msgspec.structs.replace(frame_at(NS_PER_S), quality=quality)
        counters.published(told, done_ns=told.close_ns)
    assert counters.complete_pct() == 75.0
    told_counts = dict(counters.heartbeat().counters)
    assert told_counts == {"frames": 4, "complete_frames": 3, "incomplete.book": 1}
