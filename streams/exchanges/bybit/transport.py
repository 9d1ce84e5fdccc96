"""Bybit linear contracts and spot by way of ccxt.pro."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ccxt.pro

from schemas.errors import VenueUnavailable
from schemas.frame import ContractKind
from schemas.series import SeriesName
from streams.exchanges.bybit import BEST_LEVELS
from streams.exchanges.ccxt_transport import CcxtTransport, chunks
from streams.exchanges.tap import Tapped
from streams.exchanges.venue import Stream

_TOPICS = {
    "book": f"orderbook.{BEST_LEVELS}",
    "trades": "publicTrade",
    "derivatives": "tickers",
    "liquidations": "allLiquidation",
}
"""By channel; a symbol follows."""
_COMPARED = 50
_TOPICS_AT_ONCE = 10
"""The venue takes no more spot topics in one subscription."""
_TRADES_AT_ONCE = {"linear": 1_000, "spot": 60}
_HISTORY_ROWS = 200
_MAX_ORDERS = 500


class _Bybit(Tapped, ccxt.pro.bybit):  # type: ignore[misc]
    too_many = (403, 418, 429)  # 403: access too frequent


class BybitTransport(CcxtTransport):
    """Books of 200 levels, trades; of contracts tickers (mark, index, funding, open interest) and
    liquidations too. All streams of a market share one connection.
    """

    venue_id = "bybit"
    exchange_class = _Bybit
    kinds = (ContractKind.SPOT, ContractKind.LINEAR)

    def market_of(self, url: str) -> str:
        """``linear`` or ``spot``, which the address ends in."""
        return url.rpartition("/")[2]

    def market_name(self, market: dict[str, Any]) -> str:
        """The same of a symbol."""
        return "spot" if market.get("spot") else "linear"

    def max_orders(self, market: dict[str, Any]) -> int:
        """The same for all symbols, and told by no request (error 110020)."""
        del market
        return _MAX_ORDERS

    def streams(self, symbols: Sequence[str]) -> list[Stream]:
        """Some symbols at once: books, trades, tickers and liquidations."""
        found = []
        for market in ("linear", "spot"):
            of_market = [s for s in symbols if self.contracts[s].market == market]
            for number, part in enumerate(chunks(of_market, _TOPICS_AT_ONCE), 1):
                found.append(Stream(f"{market} book {number}", ("book",), part))
                found.append(Stream(f"{market} trades {number}", ("trades",), part))
                if market == "linear":
                    found.append(Stream(f"{market} tickers {number}", ("derivatives",), part))
            if market == "linear":
                found += [
                    Stream(f"{market} liquidations {symbol}", ("liquidations",), (symbol,), True)
                    for symbol in of_market
                ]
        return found

    async def watch(self, stream: Stream) -> None:
        """Ccxt's watch method of a stream."""
        symbols = list(stream.symbols)
        match stream.channels:
            case ("book",):
                await self.exchange.watch_order_book_for_symbols(symbols, BEST_LEVELS)
            case ("trades",):
                await self.exchange.watch_trades_for_symbols(symbols)
            case ("derivatives",):
                await self.exchange.watch_tickers(symbols)
            case ("liquidations",):
                await self.exchange.watch_liquidations(symbols[0])
            case _:
                raise VenueUnavailable(f"{stream.name}: the venue has no such stream")

    def renewal(self, stream: Stream, symbol: str) -> list[dict[str, Any]]:
        """Unsubscribe and subscribe: each topic is of one symbol."""
        topics = [f"{_TOPICS[channel]}.{self.contracts[symbol].raw}" for channel in stream.channels]
        return [{"op": op, "args": topics} for op in ("unsubscribe", "subscribe")]

    async def ask(self, kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
        """``book``, its best levels; ``trades``, the newest, for ids are no sequence; ``ratio`` of
        a contract.
        """
        del from_id
        contract = self.contracts[symbol]
        query: dict[str, Any] = {"category": contract.market, "symbol": contract.raw}
        if kind == "book":
            query["limit"] = _COMPARED
            return await self.raw(lambda: self.exchange.publicGetV5MarketOrderbook(query))
        if kind == "trades":
            query["limit"] = _TRADES_AT_ONCE[contract.market]
            return await self.raw(lambda: self.exchange.publicGetV5MarketRecentTrade(query))
        if kind == "ratio":
            query |= {"period": "5min", "limit": 1}
            return await self.raw(lambda: self.exchange.publicGetV5MarketAccountRatio(query))
        raise VenueUnavailable(f"{kind}: the venue tells no such thing")

    def tells(self, kind: str, symbol: str) -> bool:
        """Spot has no ratio."""
        spot = self.contracts[symbol].market == "spot"
        return super().tells(kind, symbol) and not (kind == "ratio" and spot)

    def weight(self, kind: str) -> float:
        """Requests count alike; history of derivatives takes three."""
        return 3.0 if kind == "past" else 1.0

    async def past(self, symbol: str) -> dict[str, list[tuple[int, float]]]:
        """Of contracts: funding rates, hourly open interest and long/short ratio."""
        if self.contracts[symbol].market != "linear":
            return {}
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
