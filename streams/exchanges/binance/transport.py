"""Binance spot and USD-M by way of ccxt.pro."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ccxt.pro

from schemas.errors import VenueUnavailable
from schemas.frame import ContractKind
from schemas.series import SeriesName
from streams.exchanges.ccxt_transport import CcxtTransport, chunks
from streams.exchanges.tap import Tapped
from streams.exchanges.venue import Stream

_TRADES_AT_ONCE = 1_000
_HISTORY_ROWS = 200


class _Spot(Tapped, ccxt.pro.binance):  # type: ignore[misc]
    pass


class _Usdm(Tapped, ccxt.pro.binanceusdm):  # type: ignore[misc]
    pass


class SpotTransport(CcxtTransport):
    """Spot: diffs of 100 ms, best prices, aggregated trades."""

    venue_id = "binance"
    exchange_class = _Spot
    kinds = (ContractKind.SPOT,)
    derivatives = False
    # Published weights of a book by depth asked for, and of a page of aggregated trades.
    book_weights: tuple[tuple[int, float], ...] = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))
    trades_weight = 4.0
    bars_weight = 2.0
    listing_weight = 80.0
    depths: tuple[int, ...] = (100, 500, 1_000, 5_000)

    def streams(self, symbols: Sequence[str]) -> list[Stream]:
        """One connection per kind of stream and 200 symbols."""
        return [
            Stream(f"{channel} {number}", (channel,), part)
            for number, part in enumerate(chunks(symbols), 1)
            for channel in ("book", "touch", "trades")
        ]

    async def watch(self, stream: Stream) -> None:
        """Ccxt's watch method of a stream."""
        symbols = list(stream.symbols)
        match stream.channels:
            case ("book",):
                await self.exchange.watch_order_book_for_symbols(symbols)
            case ("touch",):
                await self.exchange.watch_bids_asks(symbols)
            case ("trades",):
                # Aggregates have ids without gaps that REST tells too, without a key.
                await self.exchange.watch_trades_for_symbols(symbols, params={"name": "aggTrade"})
            case _:
                raise VenueUnavailable(f"{stream.name}: the venue has no such stream")

    async def ask(self, kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
        """``book``, or ``trades`` from an id on (the newest without one)."""
        query: dict[str, Any] = {"symbol": self.contracts[symbol].raw}
        if kind == "book":
            query["limit"] = self.depth
            return await self.raw(lambda: self.get_book(query))
        if kind == "trades":
            query["limit"] = _TRADES_AT_ONCE
            if from_id is not None:
                query["fromId"] = from_id
            return await self.raw(lambda: self.get_trades(query))
        raise VenueUnavailable(f"{kind}: the venue tells no such thing")

    @property
    def depth(self) -> int:
        """The least depth the venue knows that is no less than the settings ask for."""
        wanted = self.settings.snapshot_levels
        return next((depth for depth in self.depths if depth >= wanted), self.depths[-1])

    def weight(self, kind: str) -> float:
        """What a request takes of the venue's limit."""
        match kind:
            case "book":
                return next(weight for depth, weight in self.book_weights if depth >= self.depth)
            case "trades":
                return self.trades_weight
            case "bars":
                return self.bars_weight
            case "past":
                return 3.0  # requests, which have limits of their own
            case "markets" | "symbols":
                return self.listing_weight
            case _:
                return 1.0

    async def bars(self, symbol: str, timeframe: str, count: int) -> list[list[Any]]:
        """With number of trades and taker-buy volume, which ccxt leaves out."""
        raw = self.contracts[symbol].raw
        rows = await self.get_bars({"symbol": raw, "interval": timeframe, "limit": count})
        return [[*row[:6], row[8], row[9]] for row in rows]

    def max_orders(self, market: dict[str, Any]) -> int | None:
        """Of the filter MAX_NUM_ORDERS, which spot and USD-M write in their own ways."""
        return _limit_of(market, "MAX_NUM_ORDERS", "maxNumOrders")

    def max_conditionals(self, market: dict[str, Any]) -> int | None:
        """Of the filter MAX_NUM_ALGO_ORDERS, likewise."""
        return _limit_of(market, "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders")

    def get_bars(self, query: dict[str, Any]) -> Any:
        """Ask for bars."""
        return self.exchange.publicGetKlines(query)

    def get_book(self, query: dict[str, Any]) -> Any:
        """Ask for a book."""
        return self.exchange.publicGetDepth(query)

    def get_trades(self, query: dict[str, Any]) -> Any:
        """Ask for aggregated trades."""
        return self.exchange.publicGetAggTrades(query)


class UsdmTransport(SpotTransport):
    """USD-M: spot's streams, and mark price with funding each second, and liquidations."""

    venue_id = "binanceusdm"
    exchange_class = _Usdm
    kinds = (ContractKind.LINEAR,)
    derivatives = True
    book_weights = ((50, 2), (100, 5), (500, 10), (1_000, 20))
    trades_weight = 20.0
    bars_weight = 5.0
    listing_weight = 40.0
    depths = (50, 100, 500, 1_000)

    def streams(self, symbols: Sequence[str]) -> list[Stream]:
        """Spot's, mark prices and liquidations."""
        more = [
            stream
            for number, part in enumerate(chunks(symbols), 1)
            for stream in (
                Stream(f"derivatives {number}", ("derivatives",), part),
                Stream(f"liquidations {number}", ("liquidations",), part, quiet=True),
            )
        ]
        return super().streams(symbols) + more

    async def watch(self, stream: Stream) -> None:
        """Ccxt's watch method of a stream."""
        symbols = list(stream.symbols)
        match stream.channels:
            case ("derivatives",):
                await self.exchange.watch_mark_prices(symbols)
            case ("liquidations",):
                await self.exchange.watch_liquidations_for_symbols(symbols)
            case _:
                await super().watch(stream)

    async def ask(self, kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
        """Spot's, ``open_interest`` and ``ratio``."""
        query: dict[str, Any] = {"symbol": self.contracts[symbol].raw}
        if kind == "open_interest":
            return await self.raw(lambda: self.exchange.fapiPublicGetOpenInterest(query))
        if kind == "ratio":
            query |= {"period": "5m", "limit": 1}
            return await self.raw(
                lambda: self.exchange.fapiDataGetGlobalLongShortAccountRatio(query)
            )
        return await super().ask(kind, symbol, from_id=from_id)

    async def past(self, symbol: str) -> dict[str, list[tuple[int, float]]]:
        """Funding rates, hourly open interest and long/short ratio."""
        exchange, count = self.exchange, _HISTORY_ROWS
        return {
            SeriesName.FUNDING_RATE: await self.rows(
                lambda: exchange.fetch_funding_rate_history(symbol, None, count), "fundingRate"
            ),
            SeriesName.OPEN_INTEREST: await self.rows(
                lambda: exchange.fetch_open_interest_history(symbol, "1h", None, count),
                "openInterestAmount",
            ),
            SeriesName.LONG_SHORT_RATIO: await self.rows(
                lambda: exchange.fetch_long_short_ratio_history(symbol, "1h", None, count),
                "longShortRatio",
            ),
        }

    def get_bars(self, query: dict[str, Any]) -> Any:
        """Ask for bars."""
        return self.exchange.fapiPublicGetKlines(query)

    def get_book(self, query: dict[str, Any]) -> Any:
        """Ask for a book."""
        return self.exchange.fapiPublicGetDepth(query)

    def get_trades(self, query: dict[str, Any]) -> Any:
        """Ask for aggregated trades."""
        return self.exchange.fapiPublicGetAggTrades(query)


def _limit_of(market: dict[str, Any], name: str, field: str) -> int | None:
    for each in market["info"].get("filters") or ():
        if each["filterType"] == name:
            return int(each.get(field) or each["limit"])
    return None
