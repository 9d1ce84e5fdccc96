"""Klines as Feather (Arrow IPC), as freqtrade writes them: date, open, high, low, close, volume."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather

from schemas.errors import MalformedMessage, RejectedInput, SourceMissing
from streams.history.columns import places
from streams.history.kline import Kline
from streams.history.times import count_ns
from streams.recordings.raw_lines import Reject

MAGIC = (b"ARROW1", b"FEA1")
"""What such files begin with."""
_ROWS = 4_096


def read(path: Path, reject: Reject, on_read: Callable[[int], None]) -> Iterator[Kline]:
    """The rows, unchecked; those that lack a value go to ``reject``.

    Raises :class:`SourceMissing` if the file is damaged or has other columns.
    """
    table, where = _table(path)
    size = path.stat().st_size
    for batch in table.to_batches(max_chunksize=_ROWS):
        lists = [None if at is None else batch.column(at).to_pylist() for at in where]
        for i in range(batch.num_rows):
            fields = [None if values is None else values[i] for values in lists]
            try:
                row = _row(*fields[:6], trades=fields[6], bought=fields[7])
            except RejectedInput as error:
                reject(path.name, error, repr(fields).encode(), 0)
                continue
            yield row
        on_read(size * batch.num_rows // table.num_rows)


def _table(path: Path) -> tuple[Any, tuple[int | None, ...]]:
    """The file with its times as integers, and the place of each field of a row."""
    try:
        table = pyarrow.feather.read_table(path)
        where = places(path, table.column_names)
        times = table.column(where[0])
        if pa.types.is_timestamp(times.type):
            times = times.cast(pa.timestamp("ns", times.type.tz))
        return table.set_column(where[0], "open_ns", times.cast(pa.int64())), where
    except (pa.ArrowException, OSError) as error:
        fact = str(error).partition("\n")[0]
        raise SourceMissing(f"{path}: cannot be read as Feather ({fact}); write it anew") from error


def _row(
    opened: int | None,
    *prices: float | None,
    trades: int | None,
    bought: float | None,
) -> Kline:
    if opened is None or None in prices:
        raise MalformedMessage("a row that lacks a value")
    o, h, l, c, volume = (float(price) for price in prices if price is not None)  # noqa: E741
    return Kline(count_ns(opened), o, h, l, c, volume, trades, bought)
