"""Klines as CSV: Binance's public dumps (with or without a header), or any that names its columns.

Times are ISO-8601 or counts of s, ms, µs (Binance's spot dumps since 2025) or ns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from schemas.errors import MalformedMessage, RejectedInput
from streams.history.columns import UNNAMED, is_header, places
from streams.history.kline import Kline
from streams.history.lines import text_lines
from streams.history.times import time_ns
from streams.recordings.raw_lines import Reject


def recognises(head: str) -> bool:
    """Whether a first line is one of klines: their header, or a time and five numbers."""
    fields = head.split(",")
    if is_header(fields):
        return True
    try:
        _row(fields, UNNAMED)
    except RejectedInput:
        return False
    return True


def read(path: Path, reject: Reject, on_read: Callable[[int], None]) -> Iterator[Kline]:
    """The rows, unchecked; lines that are none go to ``reject``."""
    where: tuple[int | None, ...] | None = None
    for line in text_lines(path, reject, on_read):
        fields = line.split(",")
        if where is None:
            named = is_header(fields)
            where = places(path, fields) if named else UNNAMED
            if named:
                continue
        try:
            row = _row(fields, where)
        except RejectedInput as error:
            reject(path.name, error, line.encode(), 0)
            continue
        yield row


def _row(fields: list[str], where: tuple[int | None, ...]) -> Kline:
    texts = [None if at is None or at >= len(fields) else fields[at] for at in where]
    required = texts[:6]
    if None in required:
        raise MalformedMessage(f"{len(fields)} columns; expected at least time, prices and volume")
    opened, *numbers = [text for text in required if text is not None]
    trades, bought = texts[6:]
    try:
        o, h, l, c, volume = map(float, numbers)  # noqa: E741
        count = None if trades is None else int(trades)
        taker = None if bought is None else float(bought)
        return Kline(time_ns(opened), o, h, l, c, volume, count, taker)
    except ValueError as error:
        raise MalformedMessage(f"a field that is no number ({error})") from error
