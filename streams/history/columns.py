"""Which column of a klines file is what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import SourceMissing

_NAMES = {
    "open_ns": ("date", "open_time", "open time", "opentime", "timestamp", "time"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume",),
    "trades": ("trades", "count", "number_of_trades", "trades_count"),
    "taker_buy_volume": ("taker_buy_volume", "taker_buy_base_volume"),
}
"""By the field of a row, the names that it goes by in files."""
_OPTIONAL = ("trades", "taker_buy_volume")

UNNAMED = (0, 1, 2, 3, 4, 5, 8, 9)
"""Places in Binance's public dumps, which have columns that are not read, and often no header."""


def places(path: Path, header: Sequence[str]) -> tuple[int | None, ...]:
    """Place of each field of a row, ``None`` for an optional one that is not there.

    Raises :class:`SourceMissing` that names the columns that lack.
    """
    names = [name.strip().lower() for name in header]
    found: dict[str, int | None] = {
        field: next((names.index(alias) for alias in aliases if alias in names), None)
        for field, aliases in _NAMES.items()
    }
    lacking = [_NAMES[f][0] for f, at in found.items() if at is None and f not in _OPTIONAL]
    if lacking:
        raise SourceMissing(
            f"{path}: klines without {', '.join(lacking)}; its columns are {', '.join(header)}"
        )
    return tuple(found.values())


def is_header(fields: Sequence[str]) -> bool:
    """Whether a line of fields names the columns of klines.

    >>> is_header(["date", "Open", "High", "Low", "Close", "Volume"]), is_header(["a", "b"])
    (True, False)
    """
    return {"open", "high", "low", "close"} <= {field.strip().lower() for field in fields}
