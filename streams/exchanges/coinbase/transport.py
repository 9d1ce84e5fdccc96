"""Coinbase Advanced Trade by way of ccxt.pro."""

from __future__ import annotations

from collections.abc import Sequence

import ccxt.pro

from schemas.errors import VenueUnavailable
from schemas.frame import ContractKind
from streams.exchanges.ccxt_transport import CcxtTransport, chunks
from streams.exchanges.tap import Tapped
from streams.exchanges.venue import Stream


class _Coinbase(Tapped, ccxt.pro.coinbase):  # type: ignore[misc]
    pass


class CoinbaseTransport(CcxtTransport):
    """Full books and trades of spot products, all on one connection.

    A subscription to trades begins with the latest of before, which is how missed ones are had
    back. What the venue's REST calls the side of a trade is not certain, so it is not asked.
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
                await self.exchange.watch_trades_for_symbols(symbols)
            case _:
                raise VenueUnavailable(f"{stream.name}: the venue has no such stream")

    async def ask(self, kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
        """Nothing is asked for."""
        del symbol, from_id
        raise VenueUnavailable(f"{kind}: the venue is not asked for it")

    def weight(self, kind: str) -> float:
        """Requests count alike."""
        del kind
        return 1.0
