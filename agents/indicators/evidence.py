"""How much the tape has to say at all."""

from __future__ import annotations

from dataclasses import dataclass

from agents.indicators.decay import fade
from schemas.frame import Frame


@dataclass
class TapeEvidence:
    """Share of a reading of the flow that the trades behind it can carry: ``n / (n + doubt)``.

    ``n`` counts the frames with trades, halved every ``half_life_s``: one order that fills against
    many is one piece of evidence, and so is a large one. A lean of a few trades is drawn towards
    neutral as a mean with a prior of ``doubt`` neutral trades would be; without new trades it comes
    to rest. Range: [0, 1). Unit: none. No warm-up: nothing seen is 0. Cost: one exponential per
    frame with trades.

    >>> evidence = TapeEvidence(doubt=5.0, count=15.0, seen_ns=0)
    >>> evidence.at(0), evidence.at(30_000_000_000)
    (0.75, 0.6)
    """

    half_life_s: float = 30.0
    doubt: float = 5.0
    count: float = 0.0
    seen_ns: int | None = None

    def update(self, frame: Frame, *, volume: float) -> None:
        """Take in one frame, in which so much was traded at the market."""
        if volume > 0.0:
            self.count = self._left(frame.close_ns) + 1.0
            self.seen_ns = frame.close_ns

    def at(self, close_ns: int) -> float:
        """The share as of a time."""
        left = self._left(close_ns)
        return left / (left + self.doubt)

    def _left(self, close_ns: int) -> float:
        if self.seen_ns is None:
            return 0.0
        return self.count * fade(close_ns - self.seen_ns, self.half_life_s)
