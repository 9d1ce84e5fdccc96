"""Files of history: what each is, by its content and its name, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import RejectedInput, SourceMissing, TruncatedSource
from schemas.series import SeriesName
from streams.history import feather, klines_csv, open_interest_sqlite, series_csv
from streams.history.kline import Kline
from streams.history.names import Kind, klines_name
from streams.history.series_spec import SeriesSpec
from streams.history.values import FRAME_FIELDS, Told, Values, ordered
from streams.recordings.files import chunks
from streams.recordings.raw_lines import Reject

OnRead = Callable[[int], None]

_OTHERS = {
    open_interest_sqlite.MAGIC: "an SQLite database; give it as --series open_interest=FILE",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"PAR1": "a Parquet file; write it as Feather or CSV",
}
"""What files begin with that are no market data by themselves, and what to do."""


@dataclass(frozen=True)
class KlinesFile:
    """One file of klines. ``first_ns`` is the open time of its first row."""

    path: Path
    symbol: str
    timeframe_ns: int
    kind: Kind
    first_ns: int

    def rows(self, reject: Reject, on_read: OnRead) -> Iterator[Kline]:
        """Its rows, unchecked; what is no row goes to ``reject``."""
        return _rows(self.path, reject, on_read)

    def values(self, reject: Reject, on_read: OnRead) -> Values:
        """Its prices (known at a bar's close) or funding rates (in the column ``open``)."""
        name, field = None, f"{self.kind.value}_price"
        told = (
            Told(row.open_ns + self.timeframe_ns, row.close, row.text())
            for row in self.rows(reject, on_read)
        )
        if self.kind is Kind.FUNDING_RATE:
            name, field = SeriesName.FUNDING_RATE, "funding_rate"
            told = (Told(row.open_ns, row.open, row.text()) for row in self.rows(reject, on_read))
        return ordered(told, source=self.path.name, name=name, field=field, reject=reject)


def klines_file(path: Path, *, symbol: str | None = None) -> KlinesFile | None:
    """The klines that a file holds, ``None`` if it holds something else.

    ``symbol`` is for names that do not tell it. Raises :class:`SourceMissing` if the file is not
    there, is known not to be market data, or is klines that cannot be used.
    """
    head = _head(path)
    for magic, action in _OTHERS.items():
        if head.startswith(magic):
            raise SourceMissing(f"{path}: {action}")
    if not head.startswith(feather.MAGIC):
        first = head.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
        if not klines_csv.recognises(first):
            return None
    name = klines_name(path, symbol=symbol)
    row = next(_rows(path, _ignore, _unread), None)
    if row is None:
        raise SourceMissing(f"{path}: klines without a single row; name another file")
    return KlinesFile(path, name.symbol, name.timeframe_ns, name.kind, row.open_ns)


def series_values(spec: SeriesSpec, symbol: str, reject: Reject, on_read: OnRead) -> Values:
    """The values of a series as they concern one symbol. Raises :class:`SourceMissing`."""
    field = FRAME_FIELDS.get(spec.name)
    rows: Iterator[Told]
    if is_database(spec.path):
        if spec.name is not SeriesName.OPEN_INTEREST:
            raise SourceMissing(
                f"{spec.path}: an SQLite database; only open_interest is read of it"
            )
        rows = open_interest_sqlite.read(spec.path, symbol, reject, on_read)
    else:
        rows = series_csv.read(spec.path, spec.column, reject, on_read)
    values = ordered(rows, source=spec.path.name, name=spec.name, field=field, reject=reject)
    if not values.at_ns:
        raise SourceMissing(f"{spec.path}: no value of {spec.name} in it; name another file")
    return values


def is_database(path: Path) -> bool:
    """Whether a file holds the values of several symbols."""
    return _head(path).startswith(open_interest_sqlite.MAGIC)


def _rows(path: Path, reject: Reject, on_read: OnRead) -> Iterator[Kline]:
    if _head(path).startswith(feather.MAGIC):
        return feather.read(path, reject, on_read)
    return klines_csv.read(path, reject, on_read)


def _head(path: Path) -> bytes:
    """The beginning of a file's content."""
    try:
        return next(iter(chunks(path, _unread)), b"")
    except TruncatedSource:
        return b""


def _ignore(_source: str, _error: RejectedInput, _body: bytes, _receive_ns: int) -> None:
    """What is wrong with a file is told when it is read as a whole."""


def _unread(_count: int) -> None:
    """A look at a file is no progress."""
