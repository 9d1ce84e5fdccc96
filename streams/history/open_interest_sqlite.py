"""Open interest as an SQLite table ``open_interest`` that a monitor of Binance futures wrote.

Columns: symbol (``BTCUSDT``), timestamp (text without a zone), open_interest in the base asset, and
open_interest_value in USD. Two kinds of rows are in it. Those fetched as history carry a value in
USD and the venue's time, UTC. Those that the monitor sampled itself carry 0 there, and the time of
the machine that it ran on: nothing in the file tells its zone, so they are rejected. (On one such
file they match the others only if the zone is UTC+7: off by 0.03%, by any other whole hour 0.4%
and more.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from schemas.errors import RejectedInput, SourceMissing, UnknownClock
from streams.history.times import known_ns
from streams.history.values import Told, number
from streams.recordings.raw_lines import Reject

MAGIC = b"SQLite format 3\x00"
"""What such files begin with."""
_ROWS = "SELECT timestamp, open_interest, open_interest_value FROM open_interest WHERE symbol = ?"


def read(path: Path, symbol: str, reject: Reject, on_read: Callable[[int], None]) -> Iterator[Told]:
    """The rows of a unified symbol; those without a known clock go to ``reject``.

    Raises :class:`SourceMissing` if there is no such table, or nothing of the symbol in it.
    """
    raw = symbol.partition(":")[0].replace("/", "")
    found = False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            for fields in database.execute(_ROWS + " ORDER BY timestamp", (raw,)):
                found = True
                try:
                    row = _told(*fields)
                except RejectedInput as error:
                    reject(path.name, error, f"{raw},{fields}".encode(), 0)
                    continue
                yield row
    except sqlite3.Error as error:
        raise SourceMissing(
            f"{path}: no open interest can be read of it ({error}); expected a table "
            "open_interest with symbol, timestamp, open_interest and open_interest_value"
        ) from error
    if not found:
        raise SourceMissing(f"{path}: holds no open interest of {raw}; name another file")
    on_read(path.stat().st_size)


def _told(timestamp: object, amount: object, in_usd: object) -> Told:
    row = f"{timestamp},{amount},{in_usd}"
    if not in_usd:
        raise UnknownClock("sampled by a clock whose zone the file does not tell")
    return Told(known_ns(str(timestamp)), number(str(amount)), row.encode())
