"""Series among the frames of a symbol: told as messages, or carried by frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from schemas.frame import NO_DERIVATIVES, Derivatives, Frame
from schemas.series import Series, SeriesName
from streams.history.values import Values
from streams.merge import FeedMessage

MOST_VALUES = 1_000
"""Values in one message; a broker's limit is 1 MB."""


def with_series(messages: Iterable[FeedMessage], series: Sequence[Values]) -> Iterator[FeedMessage]:
    """The messages of one symbol, and ahead of each frame the values known by its close.

    Ahead of the first frame come all that are older. Values behind the last frame are not told.
    """
    told = [0] * len(series)
    for message in messages:
        if isinstance(message, Frame):
            for number, values in enumerate(series):
                begin, end = told[number], _known(values, told[number], message.close_ns)
                if end > begin and values.name is not None:
                    told[number] = end
                    yield from _messages(values, values.name, range(begin, end), message)
        yield message


def _known(values: Values, begin: int, at_ns: int) -> int:
    """Where the values that are known by a time end; cheap where there are no new ones."""
    if begin == len(values.at_ns) or values.at_ns[begin] > at_ns:
        return begin
    return bisect_right(values.at_ns, at_ns, lo=begin)


def _messages(values: Values, name: SeriesName, which: range, frame: Frame) -> Iterator[Series]:
    for start in which[::MOST_VALUES]:
        part = slice(start, min(start + MOST_VALUES, which.stop))
        yield Series(
            venue=frame.venue,
            symbol=frame.symbol,
            name=name,
            source=values.source,
            known_ns=frame.close_ns,
            at_ns=values.at_ns[part],
            value=values.value[part],
        )


def older(values: Values, at_ns: int) -> Values:
    """The values that a newer one had replaced by a time."""
    end = max(bisect_right(values.at_ns, at_ns) - 1, 0)
    return values._replace(at_ns=values.at_ns[:end], value=values.value[:end])


class AsOf:
    """Derivatives as of a time, from series that frames have a field for; times only grow.

    >>> values = Values("file", None, "mark_price", (10, 20), (5.0, 6.5))
    >>> state = AsOf([values])
    >>> [float(known.mark_price) if known.mark_price else None
    ...  for known in (state.at(9), state.at(15), state.at(20))]
    [None, 5.0, 6.5]
    """

    def __init__(self, series: Sequence[Values]) -> None:
        self._series = series
        self._next = [0] * len(series)
        self._state = NO_DERIVATIVES

    def at(self, at_ns: int) -> Derivatives:
        """The newest values that were known at a time."""
        for number, values in enumerate(self._series):
            end = _known(values, self._next[number], at_ns)
            if end > self._next[number]:
                self._next[number] = end
                self._state = msgspec.structs.replace(
                    self._state, **{str(values.field): values.known(end - 1)}
                )
        return self._state
