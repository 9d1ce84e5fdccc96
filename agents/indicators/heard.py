"""The newest value of a source that speaks at its own pace."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.frame import NS_PER_S

SHORTEST_NS = 900 * NS_PER_S
LONGEST_NS = 3 * 86_400 * NS_PER_S
"""A value is believed for 15 minutes at least and three days at most."""

FIRST_NS = 2 * 86_400 * NS_PER_S
"""How long a value is believed while nothing is known of the source's pace."""


@dataclass
class Heard:
    """The newest value, believed for three of the usual distances between values.

    So a daily index lasts and a stream that fell silent does not. A value that is not newer than
    the last (a duplicate, a wrong clock) is none. Unit: the value's. Warm-up: one value. Cost:
    O(1).

    >>> heard = Heard()
    >>> heard.update(5.0, 0), heard.update(6.0, 3_600 * NS_PER_S), heard.update(7.0, 0)
    (True, True, False)
    >>> heard.fresh(3 * 3_600 * NS_PER_S), heard.fresh(5 * 3_600 * NS_PER_S)
    (6.0, None)
    """

    value: float | None = None
    at_ns: int = 0
    until_ns: int = 0
    """How long the value is believed."""
    gap_ns: float | None = None
    """Mean distance of the last few values."""

    def update(self, value: float, at_ns: int) -> bool:
        """Take in a value; whether it is news."""
        lasting = float(FIRST_NS)
        if self.value is not None:
            gap = at_ns - self.at_ns
            if gap <= 0:
                return False
            self.gap_ns = float(gap) if self.gap_ns is None else 0.75 * self.gap_ns + 0.25 * gap
            lasting = min(max(3.0 * self.gap_ns, SHORTEST_NS), LONGEST_NS)
        self.value, self.at_ns = value, at_ns
        self.until_ns = at_ns + round(lasting)
        return True

    def fresh(self, now_ns: int) -> float | None:
        """The value, ``None`` if there is none or it is too old."""
        return self.value if now_ns <= self.until_ns else None
