"""A part of a whole over the last bars."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class RecentRatio:
    """Exponentially weighted ``sum(part) / sum(whole)`` over closed bars, the forming one on top.

    Weights ``k^i``, ``k = 1 - 1 / span``. Of net purchases and volume it is the balance of the
    takers, in [-1, 1]. 0 where there is no whole. Unit: none. Warm-up: ``ready`` bars. Cost: O(1).

    >>> balance = RecentRatio(span=2, ready=1)
    >>> balance.update(1.0, whole=4.0)
    >>> balance.peek(2.0, whole=2.0)
    0.625
    """

    span: int = 10
    ready: int = 10
    count: int = 0
    part: float = 0.0
    whole: float = 0.0

    def update(self, part: float, *, whole: float) -> None:
        """Take in a closed bar's."""
        kept = 1.0 - 1.0 / self.span
        self.part = self.part * kept + part
        self.whole = self.whole * kept + whole
        self.count = min(self.count + 1, self.ready)

    def peek(self, part: float = 0.0, *, whole: float = 0.0) -> float | None:
        """The ratio if a bar closed with these now, ``None`` while warming up."""
        if self.count < self.ready:
            return None
        kept = 1.0 - 1.0 / self.span
        total = self.whole * kept + whole
        return (self.part * kept + part) / total if total > 0.0 else 0.0
