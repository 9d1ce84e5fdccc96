"""Liquidations as a series tells of them, one volume per period."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.decay import fade
from agents.indicators.forced_lean import forced_lean
from agents.indicators.heard import Heard
from agents.indicators.usual_size import UsualSize
from schemas.frame import NS_PER_S


@dataclass
class ForcedSide:
    """Forced closes of one side by period: the last one, the last few, and the usual.

    >>> side = ForcedSide()
    >>> for day in range(6):
    ...     side.update(2.0, day * 86_400 * NS_PER_S)
    >>> side.recent.value, side.usual.value
    (2.0, 2.0)
    """

    heard: Heard = field(default_factory=Heard)
    recent: UsualSize = field(default_factory=lambda: UsualSize(span=3, ready=1))
    usual: UsualSize = field(default_factory=lambda: UsualSize(span=30, ready=5))

    def update(self, value: float, at_ns: int) -> None:
        """Take in the volume of the period that ended at ``at_ns``."""
        if value >= 0.0 and self.heard.update(value, at_ns):
            self.recent.update(value)
            self.usual.update(value)


@dataclass
class ForcedPeriods:
    """Lean of the liquidations that a series tells of, as one volume per period and side.

    :func:`forced_lean` of the last period against the last few (a span of 3), normal is the mean of
    30; it fades with a half-life of one period since the period's end. Range: [-1, 1]. Unit: none.
    Warm-up: 5 periods.

    >>> periods = ForcedPeriods()
    >>> for day, (longs, shorts) in enumerate([(1.0, 1.0)] * 9 + [(9.0, 1.0)]):
    ...     periods.longs.update(longs, day * 86_400 * NS_PER_S)
    ...     periods.shorts.update(shorts, day * 86_400 * NS_PER_S)
    >>> -1.0 < periods.lean(9 * 86_400 * NS_PER_S) < -0.4
    True
    """

    longs: ForcedSide = field(default_factory=ForcedSide)
    shorts: ForcedSide = field(default_factory=ForcedSide)

    def lean(self, now_ns: int) -> float | None:
        """Lean now, ``None`` while warming up or without a fresh period of both sides."""
        longs, shorts = self.longs.heard.fresh(now_ns), self.shorts.heard.fresh(now_ns)
        usual = (self.longs.usual.value, self.shorts.usual.value)
        recent = (self.longs.recent.value, self.shorts.recent.value)
        if longs is None or shorts is None or None in usual or None in recent:
            return None
        normal = (usual[0] or 0.0) + (usual[1] or 0.0)
        before = ((recent[0] or 0.0), (recent[1] or 0.0))
        whole = before[0] + before[1]
        if normal <= 0.0 or whole <= 0.0:
            return 0.0
        lean = forced_lean(
            (longs / normal, shorts / normal),
            (before[0] / normal, before[1] / normal),
            fresh=(longs + shorts) / whole,
        )
        at_ns = max(self.longs.heard.at_ns, self.shorts.heard.at_ns)
        gap_ns = self.longs.heard.gap_ns or 86_400.0 * NS_PER_S
        return lean * fade(now_ns - at_ns, gap_ns / NS_PER_S)
