"""What was before the first frame, asked for by REST: bars and derivatives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import structlog

from schemas.errors import VenueUnavailable
from schemas.frame import NS_PER_S, Backfill
from schemas.series import Series, SeriesName
from streams.exchanges.venue import Candle, Transport
from streams.feed.budget import Budget
from streams.feed.counters import Counters

log = structlog.get_logger()
T = TypeVar("T")

TIMEFRAMES = (("4h", 14_400), ("15m", 900), ("5m", 300), ("1m", 60))
"""What dimensions look at, coarsest first: name and seconds."""
_ATTEMPTS = 3
_AGAIN_S = 0.5


class History:
    """Fetches history of symbols as messages; what cannot be had is left out, and counted."""

    def __init__(
        self, venue: str, transport: Transport, budget: Budget, counters: Counters, *, bars: int
    ) -> None:
        self._venue = venue
        self._transport = transport
        self._budget = budget
        self._counters = counters
        self._bars = bars

    async def of(self, symbol: str) -> list[Backfill | Series]:
        """Bars, coarsest timeframe first, then series; their ``known_ns`` is still 0."""
        if not self._bars:
            return []
        found: list[Backfill | Series] = []
        for name, seconds in TIMEFRAMES:
            with self._left_out(symbol, f"bars of {name}"):
                candles = await self._candles(symbol, name)
                if candles:
                    found.append(self._backfill(symbol, candles, seconds * NS_PER_S))
        with self._left_out(symbol, "derivatives"):
            await self._budget.take(self._transport.weight("past"), spare=True)
            for series, rows in (await self._transport.past(symbol)).items():
                if rows:
                    found.append(self._series(symbol, SeriesName(series), rows))
        return found

    @contextlib.contextmanager
    def _left_out(self, symbol: str, what: str) -> Iterator[None]:
        try:
            yield
        except VenueUnavailable as error:
            self._counters.add("missing_history")
            log.warning("feed.no_history", symbol=symbol, of=what, reason=str(error))

    async def _candles(self, symbol: str, timeframe: str) -> list[Candle]:
        for attempt in range(_ATTEMPTS):
            await self._budget.take(self._transport.weight("bars"))
            try:
                return await self._transport.candles(symbol, timeframe, self._bars)
            except VenueUnavailable:
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_AGAIN_S)
        return []

    def _backfill(self, symbol: str, candles: Sequence[Candle], timeframe_ns: int) -> Backfill:
        return Backfill(
            venue=self._venue,
            symbol=symbol,
            source="rest",
            known_ns=0,
            timeframe_ns=timeframe_ns,
            open_ns=tuple(candle.open_ns for candle in candles),
            open=tuple(candle.open for candle in candles),
            high=tuple(candle.high for candle in candles),
            low=tuple(candle.low for candle in candles),
            close=tuple(candle.close for candle in candles),
            volume=tuple(candle.volume for candle in candles),
            trades=_all(candle.trades for candle in candles),
            taker_buy_volume=_all(candle.taker_buy_volume for candle in candles),
        )

    def _series(self, symbol: str, name: SeriesName, rows: Sequence[tuple[int, float]]) -> Series:
        return Series(
            venue=self._venue,
            symbol=symbol,
            name=name,
            source="rest",
            known_ns=0,
            at_ns=tuple(at_ns for at_ns, _ in rows),
            value=tuple(value for _, value in rows),
        )


def _all(values: Iterable[T | None]) -> tuple[T, ...]:
    """A column, or nothing where the venue does not tell it."""
    known = tuple(values)
    return tuple(value for value in known if value is not None) if None not in known else ()
