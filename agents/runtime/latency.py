"""Latency from a frame's publication to what came of it, in histograms by stage."""

from __future__ import annotations

from bisect import bisect_left

from schemas.clock import now_ns
from schemas.frame import Message
from schemas.health import LatencyHistogram
from schemas.order import Order
from schemas.score import ConfluenceScore, DimensionScore
from schemas.signal import Signal

BOUNDS_US = (
    250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000,
)  # fmt: skip
"""Upper bounds of the buckets; broker timestamps are whole milliseconds, so finer means little."""

_STAGE_OF: dict[type[Message], str] = {
    DimensionScore: "dimension",
    ConfluenceScore: "join",
    Signal: "signal",
    Order: "order",
}


class LatencyMeter:
    """Counts latencies by stage. Only for watching: nothing decides by it."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def observe(self, given: Message, published_s: float | None) -> None:
        """Note that ``given`` was sent for a frame published at ``published_s``."""
        stage = _STAGE_OF.get(type(given))
        if stage is None or published_s is None:
            return
        counts = self._counts.setdefault(stage, [0] * (len(BOUNDS_US) + 1))
        elapsed_us = (now_ns() - round(published_s * 1e9)) // 1_000
        counts[bisect_left(BOUNDS_US, elapsed_us)] += 1

    def histograms(self) -> tuple[LatencyHistogram, ...]:
        """What was counted so far."""
        return tuple(
            LatencyHistogram(stage, BOUNDS_US, tuple(self._counts[stage]))
            for stage in sorted(self._counts)
        )
