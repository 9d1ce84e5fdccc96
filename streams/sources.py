"""Files to sources: which are recordings, which klines, and what goes beside which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import UsageError
from schemas.settings import FeedSettings
from streams.history.files import KlinesFile, is_database, klines_file
from streams.history.market import Market
from streams.history.markets import FeedMarket, KlinesMarket, RecordedMarket
from streams.history.names import Kind
from streams.history.series_spec import SeriesSpec
from streams.history.values import WHOLE_MARKET
from streams.recordings import made_by_feeds, sources_from

VENUE = "klines"
"""Venue of klines where none is named: their files do not tell it."""


def markets_from(
    paths: Sequence[Path],
    *,
    venue: str | None = None,
    symbol: str | None = None,
    history: Sequence[Path] = (),
    series: Sequence[SeriesSpec] = (),
    feed: FeedSettings | None = None,
) -> list[Market]:
    """Sources by symbol, in the order of their keys.

    ``paths`` are recordings and klines, told apart by their content. Of one symbol's klines the
    finest timeframe is the source; coarser ones are history, of which only bars before the first
    frame count. ``history`` are klines of the time before; ``symbol`` is for klines whose names do
    not tell it. Raises :class:`UsageError`, also as :class:`SourceMissing`.
    """
    made, paths = made_by_feeds(paths)
    klines = {path: klines_file(path, symbol=symbol) for path in paths}
    recorded = sources_from([path for path, file in klines.items() if file is None])
    markets: list[Market] = [RecordedMarket(recording, venue=venue) for recording in recorded]
    markets += [FeedMarket(one, feed=feed or FeedSettings(), venue=venue) for one in made]
    files = [file for file in klines.values() if file is not None]
    for name in sorted({file.symbol for file in files}):
        _add_klines(markets, [file for file in files if file.symbol == name], venue or VENUE)
    for path in history:
        _add_history(markets, path, symbol)
    for spec in series:
        _add_series(markets, spec)
    return sorted(markets, key=lambda market: market.key)


def _add_klines(markets: list[Market], files: list[KlinesFile], venue: str) -> None:
    """Klines of one symbol become a source."""
    bars = [file for file in files if file.kind is Kind.BARS]
    symbol = files[0].symbol
    if any(market.symbol == symbol for market in markets):
        raise UsageError(
            f"{symbol}: both recorded and as klines ({files[0].path}); "
            "give klines of the time before the recording with --history"
        )
    if not bars:
        raise UsageError(
            f"{files[0].path}: {files[0].kind.value} of {symbol} without its bars; "
            "name klines of it too"
        )
    finest = min(file.timeframe_ns for file in bars)
    market = KlinesMarket([f for f in bars if f.timeframe_ns == finest], venue=venue)
    market.beside.bars += [file for file in bars if file.timeframe_ns > finest]
    market.beside.derivatives += _one_of_each([f for f in files if f.kind is not Kind.BARS])
    markets.append(market)


def _add_history(markets: Sequence[Market], path: Path, symbol: str | None) -> None:
    file = klines_file(path, symbol=symbol)
    if file is None:
        raise UsageError(f"{path}: no klines; --history takes klines (CSV, Feather)")
    fitting = [market for market in markets if market.symbol == file.symbol]
    if not fitting:
        raise UsageError(f"{path}: history of {file.symbol}, of which there is no source")
    for market in fitting:
        if file.kind is Kind.FUNDING_RATE:
            market.beside.derivatives = _one_of_each([*market.beside.derivatives, file])
        elif file.kind is not Kind.BARS:
            raise UsageError(f"{path}: {file.kind.value} prices go with klines as a source")
        elif isinstance(market, KlinesMarket) and file.timeframe_ns <= market.timeframe_ns:
            raise UsageError(f"{path}: no coarser than the source; name it as a source itself")
        else:
            market.beside.bars.append(file)
            market.beside.wanted = True


def _one_of_each(files: list[KlinesFile]) -> list[KlinesFile]:
    for file in files:
        others = [other for other in files if other.kind is file.kind]
        if len(others) > 1:
            names = ", ".join(other.path.name for other in others)
            raise UsageError(f"{names}: {file.kind.value} of {file.symbol} twice; give one")
    return files


def _add_series(markets: Sequence[Market], spec: SeriesSpec) -> None:
    fitting = [market for market in markets if spec.symbol in (None, market.symbol)]
    if not fitting:
        raise UsageError(f"series {spec.name} of {spec.symbol}, of which there is no source")
    of_all = spec.symbol is not None or spec.name in WHOLE_MARKET or is_database(spec.path)
    if len(fitting) > 1 and not of_all:
        names = ", ".join(market.symbol for market in fitting)
        raise UsageError(
            f"series {spec.name}: of which symbol ({names})? "
            f"Write {spec.name}@{fitting[0].symbol}={spec.path}"
        )
    for market in fitting:
        named = [other.name.value for other in market.beside.series]
        named += [file.kind.value for file in market.beside.derivatives]
        if spec.name.value in named:
            raise UsageError(f"series {spec.name} of {market.symbol}: given twice; give it once")
        market.beside.series.append(spec)
