"""How long a reader waits for more before it is woken: not at all while little comes."""

from __future__ import annotations

import math

from schemas.frame import NS_PER_S

_TAU_S = 2.0
"""Time in which what came fades from the rate."""


class Patience:
    """Bytes to wait for: what usually comes within ``window_s`` seconds, at least 1.

    Each waking costs about as much as a dozen messages. A reader of many symbols that can act on
    none of them before the last has come gains by being woken seldom; with few symbols it waits for
    nothing, since a single message is what usually comes.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._recent_bytes = 0.0
        self._noted_ns: int | None = None

    def note(self, size: int, now_ns: int) -> int:
        """Take what came by now; the bytes to wait for next."""
        elapsed_ns = 0 if self._noted_ns is None else now_ns - self._noted_ns
        self._noted_ns = now_ns
        self._recent_bytes = self._recent_bytes * math.exp(-elapsed_ns / NS_PER_S / _TAU_S) + size
        return max(1, int(self._recent_bytes / _TAU_S * self._window_s))
