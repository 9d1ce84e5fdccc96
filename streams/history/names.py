"""What the name of a klines file tells: ``BTC_USDT_USDT-1m-futures.feather``."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from schemas.errors import SourceMissing
from schemas.frame import NS_PER_S

_NAME = re.compile(
    r"(?P<pair>[A-Za-z0-9]+(?:_[A-Za-z0-9]+){0,2})-(?P<count>\d+)(?P<unit>[mhd])"
    r"(?:-(?P<kind>futures|spot|mark|index|funding_rate))?(?:-\d[\d-]*)?(?:\..*)?"
)
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
_PAIR, _CONTRACT = 2, 3
"""How many assets a name holds: base and quote, and what a contract settles in."""


class Kind(StrEnum):
    """What the rows of a klines file are."""

    BARS = "bars"
    MARK = "mark"
    INDEX = "index"
    FUNDING_RATE = "funding_rate"


class KlinesName(NamedTuple):
    """Unified symbol, length of a bar, and what the bars are of."""

    symbol: str
    timeframe_ns: int
    kind: Kind


def klines_name(path: Path, *, symbol: str | None = None) -> KlinesName:
    """Meaning of a file's name; ``symbol`` is for names like ``BTCUSDT-1m-2025-05.csv``.

    Those do not tell a perpetual from spot. Raises :class:`SourceMissing`.

    >>> klines_name(Path("BTC_USDT_USDT-8h-mark.feather"))
    KlinesName(symbol='BTC/USDT:USDT', timeframe_ns=28800000000000, kind=<Kind.MARK: 'mark'>)
    """
    found = _NAME.fullmatch(path.name)
    if found is None or int(found["count"]) == 0:
        raise SourceMissing(
            f"{path}: klines whose name does not tell symbol and timeframe; name it like "
            "BTC_USDT-1m.csv (spot) or BTC_USDT_USDT-1m-futures.csv (perpetual)"
        )
    kind = found["kind"]
    return KlinesName(
        _symbol(found["pair"]) or symbol or _ask_for_symbol(path),
        int(found["count"]) * _SECONDS[found["unit"]] * NS_PER_S,
        Kind.BARS if kind in (None, "futures", "spot") else Kind(kind),
    )


def _symbol(pair: str) -> str | None:
    parts = pair.upper().split("_")
    if len(parts) == _CONTRACT:
        return f"{parts[0]}/{parts[1]}:{parts[2]}"
    return f"{parts[0]}/{parts[1]}" if len(parts) == _PAIR else None


def _ask_for_symbol(path: Path) -> str:
    raise SourceMissing(
        f"{path}: its name does not tell the market; name it like BTC_USDT-1m.csv (spot) or "
        "BTC_USDT_USDT-1m-futures.csv (perpetual), or give `prism replay` --symbol BTC/USDT:USDT"
    )
