"""Hyperliquid by way of ccxt.pro."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import ccxt.pro

from schemas.errors import VenueUnavailable
from schemas.frame import ContractKind
from schemas.series import SeriesName
from streams.exchanges.ccxt_transport import CcxtTransport
from streams.exchanges.tap import Tapped
from streams.exchanges.venue import Stream

_PRICE_DECIMALS = 6
"""A perpetual's price has at most so many decimals less those of its size."""
_TYPES = {"book": "l2Book", "trades": "trades"}
"""Of subscriptions, by channel."""
_WEIGHTS = {"book": 2.0, "contexts": 20.0, "trades": 21.0, "markets": 40.0, "past": 45.0}
"""Of requests: 20, and 1 more for each 20 trades (of 10) or rates (of 500) that are told."""
_BARS_WEIGHT, _BARS_PER_WEIGHT = 20, 60


class _Hyperliquid(Tapped, ccxt.pro.hyperliquid):  # type: ignore[misc]
    pass


class HyperliquidTransport(CcxtTransport):
    """Whole books of 20 levels and trades of perpetuals, all on one connection."""

    venue_id = "hyperliquid"
    exchange_class = _Hyperliquid
    kinds = (ContractKind.LINEAR,)

    def raw_symbol(self, market: dict[str, Any]) -> str:
        """Messages name the coin."""
        return str(market["baseName"])

    def tick_size(self, market: dict[str, Any]) -> Decimal:
        """The finest step there may be; prices also have at most five significant figures."""
        size_decimals = int(market["info"]["szDecimals"])
        return Decimal(1).scaleb(size_decimals - _PRICE_DECIMALS)

    def streams(self, symbols: Sequence[str]) -> list[Stream]:
        """A subscription per symbol: the venue takes no more in one."""
        return [
            Stream(f"{channel} {symbol}", (channel,), (symbol,), channel == "trades")
            for symbol in symbols
            for channel in ("book", "trades")
        ]

    async def watch(self, stream: Stream) -> None:
        """Ccxt's watch method of a stream."""
        match stream.channels:
            case ("book",):
                await self.exchange.watch_order_book(stream.symbols[0])
            case ("trades",):
                await self.exchange.watch_trades(stream.symbols[0])
            case _:
                raise VenueUnavailable(f"{stream.name}: the venue has no such stream")

    def renewal(self, stream: Stream, symbol: str) -> list[dict[str, Any]]:
        """Unsubscribe and subscribe: each subscription is of one coin."""
        coin = self.contracts[symbol].raw
        return [
            {"method": method, "subscription": {"type": _TYPES[channel], "coin": coin}}
            for channel in stream.channels
            for method in ("unsubscribe", "subscribe")
        ]

    async def ask(self, kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
        """``contexts``: mark, index, funding and open interest of every perpetual; ``book``;
        ``trades``, the newest, for ids are no sequence.
        """
        del from_id
        match kind:
            case "contexts":
                query = {"type": "metaAndAssetCtxs"}
            case "book":
                query = {"type": "l2Book", "coin": self.contracts[symbol].raw}
            case "trades":
                query = {"type": "recentTrades", "coin": self.contracts[symbol].raw}
            case _:
                raise VenueUnavailable(f"{kind}: the venue is not asked for it")
        return await self.raw(lambda: self.exchange.publicPostInfo(query))

    async def server_ms(self) -> int | None:
        """The time of a book: the venue has no request for its clock, and makes books all the
        time.
        """
        coin = next((known.raw for known in self.contracts.values() if known.active), None)
        if coin is None:
            return None
        query = {"type": "l2Book", "coin": coin}
        book = await self.call(lambda: self.exchange.publicPostInfo(query))
        return int(book["time"])

    def weight(self, kind: str) -> float:
        """What a request takes of the venue's limit."""
        if kind == "bars":
            return _BARS_WEIGHT + math.ceil(self.settings.history_bars / _BARS_PER_WEIGHT)
        return _WEIGHTS.get(kind, 1.0)

    async def past(self, symbol: str) -> dict[str, list[tuple[int, float]]]:
        """Hourly funding rates."""
        return {
            SeriesName.FUNDING_RATE: await self.rows(
                lambda: self.exchange.fetch_funding_rate_history(symbol), "fundingRate"
            )
        }
