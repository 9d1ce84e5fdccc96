"""Market time against wall time: speeds, durations, and when the next frame is due."""

from __future__ import annotations

import re

from schemas.errors import UsageError
from schemas.frame import NS_PER_S

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def parse_duration_s(text: str) -> float:
    """Seconds of ``20s``, ``1.5m`` or ``1h``. Raises :class:`UsageError`.

    >>> parse_duration_s("5m")
    300.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if match is None:
        raise UsageError(f"duration {text!r}: write it like 20s, 5m or 1h")
    return float(match[1]) * _SECONDS[match[2]]


def parse_speed(text: str) -> float | None:
    """Market seconds per wall second of ``1x``, ``20x``; ``None`` for ``max``.

    Raises :class:`UsageError`.

    >>> parse_speed("20x")
    20.0
    """
    if text == "max":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)x", text.strip())
    if match is None or not float(match[1]):
        raise UsageError(f"speed {text!r}: write it like 1x, 20x or max")
    return float(match[1])


class Pacer:
    """Says how long to wait before a frame, so that market time runs at ``speed`` times wall time.

    The first ``ahead_s`` of market time are not waited for, so that what needs history has it when
    the watching begins. ``speed`` ``None`` never waits.
    """

    def __init__(self, speed: float | None, *, ahead_s: float = 0.0) -> None:
        self._speed = speed
        self._ahead_ns = round(ahead_s * NS_PER_S)
        self._first_ns: int | None = None
        self._start: tuple[int, int] | None = None

    def wait_s(self, close_ns: int, *, now_ns: int) -> float:
        """Seconds until the frame that closes at ``close_ns`` is due; 0 or less: now."""
        if self._speed is None:
            return 0.0
        if self._first_ns is None:
            self._first_ns = close_ns
        if close_ns < self._first_ns + self._ahead_ns:
            return 0.0
        if self._start is None:
            self._start = (close_ns, now_ns)
        market_ns = close_ns - self._start[0]
        return (market_ns / self._speed - (now_ns - self._start[1])) / NS_PER_S
