"""A moment of market time, as people give it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cli.pace import parse_duration_s
from schemas.errors import UsageError
from schemas.frame import NS_PER_S

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT_NS = {10: NS_PER_S, 13: 1_000_000, 16: 1_000, 19: 1}
"""By the number of digits: epoch seconds, ms, us and ns of the years 2001 to 2286."""


class Moment(NamedTuple):
    """A time in ns; ``from_start`` says that it counts from the start of the data."""

    ns: int
    from_start: bool = False

    def after(self, start_ns: int) -> int:
        """The time in epoch ns, for data that starts then."""
        return start_ns + self.ns if self.from_start else self.ns


def parse_moment(text: str) -> Moment:
    """ISO 8601 (UTC unless it says otherwise), epoch s, ms, us or ns, or ``+90s`` from the start.

    >>> parse_moment("2024-08-09T00:00:01.5Z").ns == parse_moment("1723161601500").ns
    True
    >>> parse_moment("+90s")
    Moment(ns=90000000000, from_start=True)
    """
    if text.startswith("+"):
        return Moment(round(parse_duration_s(text[1:]) * NS_PER_S), from_start=True)
    if text.isascii() and text.isdigit() and len(text) in _UNIT_NS:
        return Moment(int(text) * _UNIT_NS[len(text)])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"time {text!r}: write it as 2024-08-09T00:01:30Z, as epoch s, ms or ns, "
            "or as +90s from the start"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Moment((moment - _EPOCH) // timedelta(microseconds=1) * 1_000)


def written(ns: int) -> str:
    """A time for people, to the millisecond.

    >>> written(1_723_161_601_500_000_000)
    '2024-08-09 00:00:01.500 UTC'
    """
    moment = _EPOCH + timedelta(microseconds=ns // 1_000)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1_000:03} UTC"
