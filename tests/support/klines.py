"""Small klines for tests, and files of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.feather

from schemas.errors import RejectedInput
from schemas.frame import NS_PER_MS, NS_PER_S
from streams.history.kline import Kline

MINUTE_NS = 60 * NS_PER_S
HOUR_NS = 60 * MINUTE_NS
START_NS = 1_746_403_200 * NS_PER_S
"""2025-05-05 00:00 UTC."""


def bars(
    count: int, *, minutes: int = 1, start_ns: int = START_NS, first: float = 100.0
) -> list[Kline]:
    """Bars that rise and fall, of known volume."""
    found = []
    price = first
    for i in range(count):
        after = round(price + (i % 7 - 3) * 0.25, 2)
        high, low = max(price, after) + 0.5, min(price, after) - 0.5
        open_ns = start_ns + i * minutes * MINUTE_NS
        found.append(Kline(open_ns, price, high, low, after, float(i % 5 + 1), i + 1, 0.5))
        price = after
    return found


def write_feather(path: Path, rows: Sequence[Kline]) -> Path:
    """As freqtrade writes them."""
    times = pa.array([row.open_ns for row in rows], pa.timestamp("ns", tz="UTC"))
    columns = {"date": times}
    for name in ("open", "high", "low", "close", "volume"):
        columns[name] = pa.array([getattr(row, name) for row in rows], pa.float64())
    pyarrow.feather.write_feather(pa.table(columns), str(path))
    return path


def cut(source: Path, folder: Path, begin_ns: int, end_ns: int) -> Path:
    """The rows of a file that open within a time, under the same name."""
    table = pyarrow.feather.read_table(source)
    opened = table.column("date").cast(pa.int64())
    compute: Any = pyarrow.compute
    inside = compute.and_(compute.greater_equal(opened, begin_ns), compute.less(opened, end_ns))
    path = folder / source.name
    pyarrow.feather.write_feather(table.filter(inside), str(path))
    return path


def csv_lines(rows: Iterable[Kline], *, unit_ns: int = NS_PER_MS) -> list[str]:
    """As Binance's dumps have them."""
    lines = []
    for r in rows:
        prices = f"{r.open},{r.high},{r.low},{r.close},{r.volume}"
        close = (r.open_ns + MINUTE_NS) // unit_ns - 1
        lines.append(
            f"{r.open_ns // unit_ns},{prices},{close},0,{r.trades},{r.taker_buy_volume},0,0"
        )
    return lines


def write_csv(path: Path, lines: Iterable[str]) -> Path:
    """Lines as a file."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


class Rejects:
    """Gathers what a reader rejected."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.details: list[str] = []
        self.bodies: list[bytes] = []

    def __call__(self, _source: str, error: RejectedInput, body: bytes, _receive_ns: int) -> None:
        self.reasons.append(error.reason)
        self.details.append(str(error))
        self.bodies.append(body)
