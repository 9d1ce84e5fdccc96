"""Bars of history as messages: those before a first frame, and single ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from schemas.errors import RejectedInput
from schemas.frame import NS_PER_S, Backfill
from streams.history.files import KlinesFile, OnRead
from streams.history.kline import Kline, KlineCheck, Lengthen
from streams.recordings.raw_lines import Reject

N = TypeVar("N", int, float)

MINUTE_NS = 60 * NS_PER_S
USED_NS = (MINUTE_NS, 5 * MINUTE_NS, 15 * MINUTE_NS, 240 * MINUTE_NS)
"""Timeframes that dimensions look at."""

MOST_BARS = 1_000
"""Bars in one message; a broker's limit is 1 MB."""
MOST_AHEAD = 50_000
"""Bars of a timeframe that are kept for what is ahead of a first frame: 35 days of minutes."""


def longer_than(timeframe_ns: int) -> tuple[int, ...]:
    """The timeframes that must be made of bars of this one, because nothing else makes them.

    Minutes are added up by who uses them, the bars that are not over yet included.
    """
    if timeframe_ns == MINUTE_NS:
        return ()
    return tuple(ns for ns in USED_NS if ns > timeframe_ns and ns % timeframe_ns == 0)


def in_time(files: Sequence[KlinesFile]) -> list[KlinesFile]:
    """Files in the order of their first rows."""
    return sorted(files, key=lambda file: (file.first_ns, file.path.name))


def sound(
    files: Sequence[KlinesFile], check: KlineCheck, reject: Reject, on_read: OnRead
) -> Iterator[tuple[str, Kline]]:
    """File name and bar, of files of one timeframe in their order; the others go to ``reject``."""
    for file in files:
        for row in file.rows(reject, on_read):
            try:
                check.check(row)
            except RejectedInput as error:
                reject(file.path.name, error, row.text(), row.open_ns)
                continue
            yield file.path.name, row


def ahead(
    files: Sequence[KlinesFile],
    *,
    venue: str,
    start_ns: int,
    reject: Reject,
    on_read: OnRead,
) -> Iterator[Backfill]:
    """The bars of one symbol's files that closed by ``start_ns``, coarsest timeframe first.

    Timeframes that lack are made of the finest one that is there, unless that is the minute. Bars
    of a timeframe whose last one ended more than a bar before the start are left out: what lies
    between is not known, and must not pass for silence. Memory: the last :data:`MOST_AHEAD` bars.
    """
    found: dict[int, deque[Kline]] = {}
    names: dict[int, str] = {}
    given = sorted({file.timeframe_ns for file in files})
    made = [Lengthen(ns) for ns in longer_than(given[0]) if ns not in given] if given else []
    for timeframe_ns in given:
        same = in_time([file for file in files if file.timeframe_ns == timeframe_ns])
        names[timeframe_ns] = ",".join(file.path.name for file in same)
        kept = found[timeframe_ns] = deque(maxlen=MOST_AHEAD)
        for _, row in sound(same, KlineCheck(timeframe_ns), reject, on_read):
            if row.open_ns + timeframe_ns > start_ns:
                break
            kept.append(row)
            for longer in made if timeframe_ns == given[0] else ():
                names[longer.timeframe_ns] = names[timeframe_ns]
                queue = found.setdefault(longer.timeframe_ns, deque(maxlen=MOST_AHEAD))
                queue.extend(longer.add(row, timeframe_ns=timeframe_ns))
    for timeframe_ns in sorted(found, reverse=True):
        rows = list(found[timeframe_ns])
        if rows and rows[-1].open_ns + 2 * timeframe_ns > start_ns:
            yield from messages(
                rows,
                venue=venue,
                symbol=files[0].symbol,
                name=names[timeframe_ns],
                known_ns=start_ns,
                timeframe_ns=timeframe_ns,
            )


def messages(
    rows: Sequence[Kline], *, venue: str, symbol: str, name: str, known_ns: int, timeframe_ns: int
) -> Iterator[Backfill]:
    """Bars of one timeframe, oldest first, in messages of at most :data:`MOST_BARS`."""
    for start in range(0, len(rows), MOST_BARS):
        part = rows[start : start + MOST_BARS]
        yield Backfill(
            venue=venue,
            symbol=symbol,
            source=f"klines:{name}",
            known_ns=known_ns,
            timeframe_ns=timeframe_ns,
            open_ns=tuple(row.open_ns for row in part),
            open=tuple(row.open for row in part),
            high=tuple(row.high for row in part),
            low=tuple(row.low for row in part),
            close=tuple(row.close for row in part),
            volume=tuple(row.volume for row in part),
            trades=_all(row.trades for row in part),
            taker_buy_volume=_all(row.taker_buy_volume for row in part),
        )


def _all(values: Iterable[N | None]) -> tuple[N, ...]:
    """The values, none at all if one lacks."""
    listed = tuple(values)
    return () if None in listed else tuple(v for v in listed if v is not None)
