"""Times as text, for the venues that write them so."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.frame import NS_PER_S


def iso(ns: int) -> str:
    """RFC 3339 with nanoseconds.

    >>> iso(1_735_689_600_000_000_001)
    '2025-01-01T00:00:00.000000001Z'
    """
    seconds, rest = divmod(ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
