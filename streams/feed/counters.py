"""What a feed met since its start, by name; heartbeats carry it."""

from __future__ import annotations

from collections import Counter

from schemas.clock import now_ns
from schemas.frame import Frame
from schemas.health import Heartbeat, LatencyHistogram
from streams.feed.completeness import lacks

BOUNDS_US = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 105_000, 150_000, 500_000)
"""Upper bounds of the delay from a frame's close to its publication."""


class Counters:
    """Counts by name, and what keeps the feed from working, if anything does.

    Names: ``messages``, ``frames``, ``complete_frames``, ``incomplete.<what lacks>``,
    ``lost_connections``, ``silent_connections``, ``resyncs``, ``recovered_trades``,
    ``missing_trades``, ``refused_requests``, ``limited``, and ``rejected.<reason>``.
    """

    def __init__(self, component: str) -> None:
        self.counts: Counter[str] = Counter()
        self.status = "starting"
        self._component = component
        self._delays = [0] * (len(BOUNDS_US) + 1)

    def add(self, name: str, count: int = 1) -> None:
        """Count something."""
        self.counts[name] += count

    def complete_pct(self) -> float | None:
        """Share of the published frames that lack nothing, in percent."""
        frames = self.counts["frames"]
        return 100.0 * self.counts["complete_frames"] / frames if frames else None

    def published(self, frame: Frame, *, done_ns: int) -> None:
        """Count a frame that was published at ``done_ns``."""
        self.counts["frames"] += 1
        lack = lacks(frame)
        self.counts["complete_frames" if lack is None else f"incomplete.{lack}"] += 1
        delay_us = (done_ns - frame.close_ns) // 1_000
        for i, bound in enumerate(BOUNDS_US):
            if delay_us <= bound:
                self._delays[i] += 1
                return
        self._delays[-1] += 1

    def heartbeat(self) -> Heartbeat:
        """All of it as a message."""
        rejected = sum(n for name, n in self.counts.items() if name.startswith("rejected."))
        return Heartbeat(
            self._component,
            now_ns(),
            self.counts["messages"],
            0,
            rejected,
            (LatencyHistogram("frame", BOUNDS_US, tuple(self._delays)),),
            self.status,
            tuple(sorted(self.counts.items())),
        )
