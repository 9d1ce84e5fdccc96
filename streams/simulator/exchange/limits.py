"""Windows of wall time, in which the limits of a venue count."""

from __future__ import annotations

from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_MS, NS_PER_S


class Window:
    """Counts by whom, anew every ``length_s`` seconds, all at the same moment."""

    def __init__(self, length_s: int) -> None:
        self.length_s = length_s
        self._index = -1
        self._used: dict[str, int] = {}

    def add(self, whom: str, amount: int) -> int:
        """Count; what is used then."""
        index = monotonic_ns() // (self.length_s * NS_PER_S)
        if index != self._index:
            self._index = index
            self._used.clear()
        self._used[whom] = self._used.get(whom, 0) + amount
        return self._used[whom]

    def used(self, whom: str) -> int:
        """What is used of the present window."""
        return self.add(whom, 0)

    def left_ms(self) -> int:
        """Until the window ends."""
        length_ns = self.length_s * NS_PER_S
        return (length_ns - monotonic_ns() % length_ns) // NS_PER_MS

    def left_s(self) -> int:
        """Until the window ends, rounded up."""
        return self.left_ms() // 1000 + 1
