"""Times as files write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.errors import MalformedMessage
from schemas.frame import NS_PER_S

DAY_NS = 86_400 * NS_PER_S
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ((11, NS_PER_S), (14, 10**6), (17, 10**3), (20, 1))
"""Digits of a count since 1970 and its unit in ns; each unit is told apart from 1973 to 5138."""


def time_ns(text: str) -> int:
    """UTC nanoseconds of ISO-8601 (UTC where no zone is named) or of a count of s, ms, µs or ns.

    Raises :class:`MalformedMessage`.

    >>> time_ns("2025-05-22T00:00:00Z") == time_ns("1747872000") == time_ns("1747872000000000")
    True
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return count_ns(int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedMessage(
            f"{text[:40]!r} is no time (ISO-8601, or s or ms of 1970)"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def count_ns(count: int) -> int:
    """UTC nanoseconds of a count since 1970, in s, ms, µs or ns by its size."""
    for digits, unit in _UNITS:
        if 0 <= count < 10**digits:
            return count * unit
    raise MalformedMessage(f"{count} is no time since 1970")


def known_ns(text: str) -> int:
    """When a value so dated is known: of a whole day, when that day is over.

    A date alone does not tell whether its value was there in the morning; so nothing looks ahead.

    >>> known_ns("2025-05-22") == time_ns("2025-05-23 00:00:00")
    True
    """
    return time_ns(text) + (DAY_NS if _is_date(text.strip()) else 0)


def iso(at_ns: int) -> str:
    """A time for people, to the second.

    >>> iso(0)
    '1970-01-01 00:00:00'
    """
    return f"{_EPOCH + timedelta(seconds=at_ns // NS_PER_S):%Y-%m-%d %H:%M:%S}"


def _is_date(text: str) -> bool:
    return len(text) == len("2025-05-22") and text.count("-") == 2
