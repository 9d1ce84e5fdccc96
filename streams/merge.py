"""What feeds give of several symbols, as one sequence."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import TypeVar

from schemas.frame import Backfill, Frame, Instrument
from schemas.series import Series

FeedMessage = Frame | Instrument | Backfill | Series
"""What a feed gives: frames, and rules, history and series ahead of what may use them."""

M = TypeVar("M", bound=FeedMessage)


def merge(*sources: Iterable[M]) -> Iterator[M]:
    """Messages in the order (event time, venue, symbol), lazily, whichever source is named first.

    Each input must be in order itself, and keeps it. Holds one message per input.
    """
    return heapq.merge(*sources, key=_order)


def event_ns(message: FeedMessage) -> int:
    """Event time: a frame's close; of history and series, when the feed learned them."""
    match message:
        case Frame():
            return message.close_ns
        case Instrument():
            return message.effective_ns
        case Backfill() | Series():
            return message.known_ns


def _order(message: FeedMessage) -> tuple[int, str, str]:
    return event_ns(message), message.venue, message.symbol
