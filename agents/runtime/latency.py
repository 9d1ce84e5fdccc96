"""Latency from the venue's clock to a frame in the log and to what came of it, by stage."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from schemas.clock import now_ns
from schemas.frame import NS_PER_S, Frame, Message
from schemas.health import LatencyHistogram
from schemas.order import Order
from schemas.position_assessment import MonitorAction, PositionAssessment
from schemas.score import ConfluenceScore, DimensionScore
from schemas.signal import Signal

BOUNDS_US = (
    250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000,
)  # fmt: skip
"""Upper bounds of the buckets; broker timestamps are whole milliseconds, so finer means little."""

_NOT_LIVE_NS = 3_600 * NS_PER_S
"""A frame published this long after its close is played from a recording: its age says nothing."""

_STAGE_OF: dict[type[Message], str] = {
    DimensionScore: "dimension",
    ConfluenceScore: "join",
    Signal: "signal",
    Order: "order",
}


class LatencyMeter:
    """Counts latencies by stage, and what the position monitor did. Only for watching: nothing
    decides by it.
    """

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._actions: Counter[str] = Counter()

    def observe(self, given: Message, published_s: float | None) -> None:
        """Note that ``given`` was sent for a frame published at ``published_s``."""
        if isinstance(given, PositionAssessment) and given.action is not MonitorAction.HOLD:
            self._actions[f"monitor_{given.action.value}"] += 1
        stage = _STAGE_OF.get(type(given))
        if stage is None or published_s is None:
            return
        self._count(stage, now_ns() - round(published_s * NS_PER_S))

    def observe_input(self, frame: Message, published_s: float) -> None:
        """Note how a frame came here: ``ingest``, venue's clock to receipt of its newest trade, and
        ``frame``, close to publication. Where clocks differ the first can be below zero.
        """
        if not isinstance(frame, Frame):
            return
        if frame.trades.receive_ns:
            self._count("ingest", frame.trades.receive_ns[-1] - frame.trades.exchange_ns[-1])
        age_ns = round(published_s * NS_PER_S) - frame.close_ns
        if age_ns < _NOT_LIVE_NS:
            self._count("frame", age_ns)

    def _count(self, stage: str, elapsed_ns: int) -> None:
        counts = self._counts.setdefault(stage, [0] * (len(BOUNDS_US) + 1))
        counts[bisect_left(BOUNDS_US, elapsed_ns // 1_000)] += 1

    def counters(self) -> tuple[tuple[str, int], ...]:
        """How often each action of the position monitor was sent, by name."""
        return tuple(sorted(self._actions.items()))

    def histograms(self) -> tuple[LatencyHistogram, ...]:
        """What was counted so far."""
        return tuple(
            LatencyHistogram(stage, BOUNDS_US, tuple(self._counts[stage]))
            for stage in sorted(self._counts)
        )
