"""The only reader of wall time. Everything else is given its time."""

from __future__ import annotations

import time


def now_ns() -> int:
    """UTC nanoseconds since 1970."""
    return time.time_ns()


def monotonic_ns() -> int:
    """Nanoseconds of a clock that never steps back; only differences mean something."""
    return time.monotonic_ns()
