"""How far a line has gone one way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class WindowDrift:
    """Sum of a line's last 20 changes over what it would be by chance: ``sum(x) / sqrt(sum(x^2))``.

    Of changes with random signs it has mean 0 and variance 1, whatever their sizes and unit; 0
    where nothing changed. So lines of different units can be compared. Range: within
    ±sqrt(period). Warm-up: ``period`` changes. Cost: O(1) a peek, O(period) a close.

    >>> drift = WindowDrift(period=4)
    >>> for change in (2.0, 2.0, -2.0):
    ...     drift.update(change)
    >>> drift.peek(2.0), drift.sum_with(2.0)
    (1.0, 4.0)
    """

    period: int = 20
    changes: list[float] = field(default_factory=list)
    """The last ``period - 1``, oldest first: what a peek is added to."""
    total: float = 0.0
    squares: float = 0.0

    def update(self, value: float) -> None:
        """Take in the change of a closed bar."""
        self.changes.append(value)
        if len(self.changes) >= self.period:
            del self.changes[0]
        self.total = math.fsum(self.changes)
        self.squares = math.fsum([x * x for x in self.changes])

    def peek(self, value: float) -> float | None:
        """The drift if a bar closed with this change, ``None`` while warming up."""
        if len(self.changes) < self.period - 1:
            return None
        squares = self.squares + value * value
        return (self.total + value) / math.sqrt(squares) if squares > 0.0 else 0.0

    def sum_with(self, value: float) -> float:
        """Sum of the changes, this one on top."""
        return self.total + value
