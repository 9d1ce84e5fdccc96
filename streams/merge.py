"""Frames of several symbols as one sequence."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from schemas.frame import Frame


def merge(*recordings: Iterable[Frame]) -> Iterator[Frame]:
    """Frames in the order (close, venue, symbol), lazily, whichever recording is named first.

    Each input must be in order itself. Holds one frame per input.
    """
    return heapq.merge(*recordings, key=_order)


def _order(frame: Frame) -> tuple[int, str, str]:
    return frame.close_ns, frame.venue, frame.symbol
