"""What coins that fees are paid in are worth, by the venue's own last prices."""

from __future__ import annotations

from decimal import Decimal

import ccxt

from agents.venues.ccxt_live.client import CcxtClient
from agents.venues.ccxt_live.rows import decimal_of
from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S

_FRESH_NS = 10 * NS_PER_S
"""Trades of one order share a price; it is no older than this when a trade is heard of."""


class CoinPrices:
    """Prices in ``live.currency``. Memory: one for each coin asked for."""

    def __init__(self, client: CcxtClient) -> None:
        self._client = client
        self._currency = client.settings.currency
        self._known: dict[str, tuple[int, Decimal]] = {}

    async def of(self, coin: str) -> Decimal | None:
        """What a unit of a coin is worth; ``None`` where no market of the venue tells.

        Raises any error of the request: it is to be asked again, not taken for ``None``.
        """
        at_ns, known = self._known.get(coin, (-_FRESH_NS, Decimal(0)))
        if monotonic_ns() - at_ns < _FRESH_NS:
            return known
        await self._client.load()
        symbol = self._market_of(coin)
        if symbol is None:
            return None
        ticker = await self._client.ask(lambda: self._client.exchange.fetch_ticker(symbol))
        price = decimal_of(ticker.get("last"))
        if not price:
            raise ccxt.BadResponse(f"a ticker of {symbol} without a last price")
        self._known[coin] = monotonic_ns(), price
        return price

    def _market_of(self, coin: str) -> str | None:
        """The coin against the currency: spot if there is one, else the perpetual."""
        spot = f"{coin}/{self._currency}"
        for symbol in (spot, f"{spot}:{self._currency}"):
            row = self._client.exchange.markets.get(symbol)
            if row is not None and row.get("active") is not False:
                return symbol
        return None
