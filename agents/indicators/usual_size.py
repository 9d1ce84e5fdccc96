"""A value per bar in units of its own usual size."""

from __future__ import annotations

from dataclasses import dataclass

NOTHING = 1e-12
"""A move of less than this part of the price is none: rounding, not a market."""


@dataclass
class UsualSize:
    """Exponentially weighted mean absolute size of a value over the closed bars.

    ``size = sum(k^i |x_i|) / sum(k^i)``, ``k = 1 - 1 / span``: a straight mean at first. Unit: the
    value's. Warm-up: ``ready`` bars. Cost: O(1).

    >>> usual = UsualSize(ready=2)
    >>> usual.update(1.0); usual.update(-1.0)
    >>> usual.standing(3.0, price=0.0)
    3.0
    """

    span: int = 100
    ready: int = 10
    count: int = 0
    total: float = 0.0
    weight: float = 0.0

    def update(self, value: float) -> None:
        """Take in the value of a closed bar."""
        kept = 1.0 - 1.0 / self.span
        self.total = self.total * kept + abs(value)
        self.weight = self.weight * kept + 1.0
        self.count = min(self.count + 1, self.ready)

    @property
    def value(self) -> float | None:
        """The usual size, ``None`` while warming up."""
        return self.total / self.weight if self.count >= self.ready else None

    def standing(self, value: float, *, price: float) -> float | None:
        """``value / (usual + 1e-12 |price|)``, 0 where nothing ever moved; ``None`` in warm-up."""
        if self.count < self.ready:
            return None
        scale = self.total / self.weight + NOTHING * abs(price)
        return value / scale if scale > 0.0 else 0.0
