"""Liquidations as they happen, against what is normal."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.cascade import LiquidationCascade, forced
from agents.indicators.decay import fade, memory_s
from agents.indicators.forced_lean import forced_lean
from agents.indicators.rate import EventRate
from agents.indicators.usual_size import UsualSize
from schemas.frame import Frame

LEAST = 3.0
"""So many usual liquidations at once are normal, however rare they are."""


@dataclass
class LiquidationRun:
    """Lean of the liquidations that frames tell of, event by event.

    The last moments are the sums of a :class:`LiquidationCascade` (half-life 5 minutes), the longer
    while decays with one hour. Normal is what the symbol's own rate of the last day lets expect of
    a sum, plus three liquidations of usual size, so that a lone one in a calm market is no
    run. By :func:`forced_lean` the lean is with the run for about 20 minutes after its last event,
    then against it, and fades within hours. Range: [-1, 1]. Unit: none. Warm-up: 5 liquidations and
    one hour; a venue that never tells of one is never ready. Cost per tick: three exponentials.

    >>> run = LiquidationRun()
    >>> run.update(Frame("v", "s", 0, 0, 0, 1, True, 0, 0))
    >>> run.lean(run.normal) is None
    True
    """

    now: LiquidationCascade = field(
        default_factory=lambda: LiquidationCascade(
            half_life_s=300.0, rate=EventRate(half_life_s=86_400.0, warmup_s=3_600.0)
        )
    )
    half_life_s: float = 3_600.0
    longs: float = 0.0
    shorts: float = 0.0
    usual: UsualSize = field(default_factory=lambda: UsualSize(span=100, ready=5))
    seen_ns: int | None = None

    def update(self, frame: Frame) -> None:
        """Take in one frame."""
        eventful = bool(frame.liquidations.qty) or any(frame.trades.flags)
        if not (eventful or frame.is_tick):
            return
        self.now.update(frame)
        if self.seen_ns is not None:
            kept = fade(frame.close_ns - self.seen_ns, self.half_life_s)
            self.longs *= kept
            self.shorts *= kept
        self.seen_ns = frame.close_ns
        if eventful:
            longs, shorts, count = forced(frame)
            self.longs += longs
            self.shorts += shorts
            if count:
                self.usual.update((longs + shorts) / count)

    @property
    def normal(self) -> tuple[float, float] | None:
        """Normal volume of the last moments and of the longer while, ``None`` in warm-up."""
        rate, usual = self.now.rate.value, self.usual.value
        if rate is None or usual is None or usual <= 0.0:
            return None
        least = LEAST * usual
        return (
            rate * memory_s(self.now.half_life_s) + least,
            rate * memory_s(self.half_life_s) + least,
        )

    @property
    def exhaustion(self) -> float:
        """``x``: 0 while the run goes on at its pace or faster, 1 when it is over."""
        return 1.0 - min(self._pace(), 1.0)

    def lean(self, normal: tuple[float, float] | None) -> float | None:
        """Lean as of the last tick, given what :attr:`normal` told; ``None`` while warming up."""
        if normal is None:
            return None
        now, before = normal
        return forced_lean(
            (self.now.longs / now, self.now.shorts / now),
            (self.longs / before, self.shorts / before),
            fresh=self._pace(),
        )

    def _pace(self) -> float:
        """Pace of the last moments over that of the longer while, 1 without any."""
        before = self.longs + self.shorts
        if before <= 0.0:
            return 1.0
        shorter = memory_s(self.now.half_life_s) / memory_s(self.half_life_s)
        return (self.now.longs + self.now.shorts) / (before * shorter)
