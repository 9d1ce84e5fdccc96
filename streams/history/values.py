"""Values with times, out of a file: checked, in order, and where they travel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from schemas.errors import MalformedMessage, RejectedInput, Repeated
from schemas.frame import Known
from schemas.series import SeriesName
from streams.recordings.raw_lines import Reject
from streams.scaling import known

_LARGEST = 1e15
_RANGES = {
    SeriesName.FEAR_GREED: (0.0, 100.0),
    SeriesName.NEWS: (-1.0, 1.0),
    SeriesName.SOCIAL: (-1.0, 1.0),
    SeriesName.FUNDING_RATE: (-1.0, 1.0),
}
"""What a value may be; other series are amounts."""
_NEVER_ZERO = (SeriesName.OPEN_INTEREST, SeriesName.LONG_SHORT_RATIO)
"""A zero of these is a value that the source failed to get."""

FRAME_FIELDS = {
    SeriesName.FUNDING_RATE: "funding_rate",
    SeriesName.OPEN_INTEREST: "open_interest",
    SeriesName.LONG_SHORT_RATIO: "long_short_ratio",
}
"""Series that a frame's derivatives have a field for."""

WHOLE_MARKET = (SeriesName.FEAR_GREED, SeriesName.NEWS, SeriesName.SOCIAL)
"""Series that are not of one symbol."""


class Told(NamedTuple):
    """One value of a file, when it was known, and its row for a dead letter."""

    at_ns: int
    value: float
    row: bytes


class Values(NamedTuple):
    """A series in order of time. ``name`` is ``None`` for prices, which only frames carry."""

    source: str
    name: SeriesName | None
    field: str | None
    at_ns: tuple[int, ...]
    value: tuple[float, ...]

    def known(self, i: int) -> Known:
        """The exact value of the decimal that the file showed (15 digits, at most 16 decimals)."""
        return known(f"{Decimal(f'{self.value[i]:.15g}'):.16f}", self.at_ns[i])


def number(text: str) -> float:
    """The number that a field shows. Raises :class:`MalformedMessage`."""
    try:
        return float(text)
    except ValueError as error:
        raise MalformedMessage(f"{text[:40]!r} is no number") from error


def ordered(
    rows: Iterable[Told], *, source: str, name: SeriesName | None, field: str | None, reject: Reject
) -> Values:
    """Values by time; those out of range and repeats of a time go to ``reject``."""
    times: list[int] = []
    values: list[float] = []
    for row in sorted(rows, key=lambda row: row.at_ns):
        try:
            _check(row.value, name)
            if times and times[-1] == row.at_ns:
                same = "the same" if values[-1] == row.value else "another"
                raise Repeated(f"a second value of the same time, {same} one")
        except RejectedInput as error:
            reject(source, error, row.row, row.at_ns)
            continue
        times.append(row.at_ns)
        values.append(row.value)
    return Values(source, name, field, tuple(times), tuple(values))


def _check(value: float, name: SeriesName | None) -> None:
    what = "price" if name is None else name.value
    low, high = (0.0, _LARGEST) if name is None else _RANGES.get(name, (0.0, _LARGEST))
    if not math.isfinite(value) or not low <= value <= high:
        raise MalformedMessage(f"{value} is no {what}: expected {low:g} to {high:g}")
    if value == 0.0 and (name is None or name in _NEVER_ZERO):
        raise MalformedMessage(f"0 is no {what}: a value that the source failed to get")
