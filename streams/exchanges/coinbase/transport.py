"""Coinbase Advanced Trade by way of ccxt.pro."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import ccxt.pro

from schemas.errors import VenueUnavailable
from schemas.frame import ContractKind
from streams.exchanges.ccxt_transport import CcxtTransport, chunks
from streams.exchanges.tap import Tapped
from streams.exchanges.venue import Stream

_TRADES_AT_ONCE = 1_000
_COMPARED = 50


class _Coinbase(Tapped, ccxt.pro.coinbase):  # type: ignore[misc]
    pass


class CoinbaseTransport(CcxtTransport):
    """Full books and trades of spot products, all on one connection.

    A subscription to trades begins with the latest hundred of before. What lacks beyond them is
    asked for by REST, which names the maker's side as the stream does. Heartbeats come each second,
    so the silence of a dead connection is told from that of a quiet market, and a lost message is
    noticed by its number though nothing of the market follows.
    """

    venue_id = "coinbase"
    exchange_class = _Coinbase
    kinds = (ContractKind.SPOT,)
    derivatives = False

    def streams(self, symbols: Sequence[str]) -> list[Stream]:
        """Books and trades."""
        return [
            Stream(f"{channel} {number}", (channel,), part)
            for number, part in enumerate(chunks(symbols), 1)
            for channel in ("book", "trades")
        ]

    async def watch(self, stream: Stream) -> None:
        """Ccxt's watch method of a stream."""
        symbols = list(stream.symbols)
        match stream.channels:
            case ("book",):
                await self.exchange.watch_order_book_for_symbols(symbols)
            case ("trades",):
                await asyncio.gather(
                    self.exchange.subscribe("heartbeats", False),
                    self.exchange.watch_trades_for_symbols(symbols),
                )
            case _:
                raise VenueUnavailable(f"{stream.name}: the venue has no such stream")

    async def ask(self, kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
        """``book``, its best levels; ``trades``, the newest."""
        del from_id
        query: dict[str, Any] = {"product_id": self.contracts[symbol].raw}
        match kind:
            case "book":
                query["limit"] = _COMPARED
                ask = self.exchange.v3PublicGetBrokerageMarketProductBook
            case "trades":
                query["limit"] = _TRADES_AT_ONCE
                ask = self.exchange.v3PublicGetBrokerageMarketProductsProductIdTicker
            case _:
                raise VenueUnavailable(f"{kind}: the venue is not asked for it")
        return await self.raw(lambda: ask(query))

    def weight(self, kind: str) -> float:
        """Requests count alike."""
        del kind
        return 1.0
