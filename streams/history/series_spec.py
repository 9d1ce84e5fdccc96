"""How a series is named on the command line: ``NAME[@SYMBOL]=FILE[#COLUMN]``."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import NamedTuple

from schemas.errors import UsageError
from schemas.series import SeriesName


class SeriesSpec(NamedTuple):
    """A series, the symbol that it is of (``None``: not said), its file, and the file's column."""

    name: SeriesName
    symbol: str | None
    path: Path
    column: str | None

    @classmethod
    def parse(cls, text: str) -> SeriesSpec:
        """The series that ``NAME[@SYMBOL]=FILE[#COLUMN]`` names. Raises :class:`UsageError`.

        >>> spec = SeriesSpec.parse("open_interest@BTC/USDT:USDT=oi.csv#value")
        >>> spec.symbol, spec.path.name, spec.column
        ('BTC/USDT:USDT', 'oi.csv', 'value')
        """
        what, equals, where = text.partition("=")
        name, _, symbol = what.partition("@")
        if not (equals and where and name):
            raise UsageError(f"series {text!r}: write it as name=FILE, as in fear_greed=index.csv")
        known = [series.value for series in SeriesName]
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise UsageError(f"unknown series {name}; the nearest known one is {''.join(near)}")
        file, column = where, ""
        if not Path(where).exists():
            file, _, column = where.partition("#")
        return cls(SeriesName(name), symbol or None, Path(file), column or None)
