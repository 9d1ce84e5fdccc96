"""What a venue allows, and on which terms: markets, fees, rights, leverage and margin mode."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import ccxt.pro

from agents.venues.ccxt_live.client import CcxtClient
from agents.venues.ccxt_live.rows import decimal_of
from agents.venues.ccxt_live.seen import Fees, Rights, SeenMarket
from schemas.live_settings import PositionMode

_BPS = Decimal(10_000)


class CcxtTerms(CcxtClient):
    """Terms are read, and set where the settings want others."""

    async def rights(self) -> Rights:
        """What the key may do."""
        return Rights()

    def market(self, symbol: str) -> SeenMarket | None:
        """How the venue lists a symbol, ``None`` if it does not; after :meth:`load`."""
        row = self.exchange.markets.get(symbol)
        if row is None:
            return None
        return SeenMarket(
            active=row.get("active") is not False,
            settle=str(row.get("settle") or row["quote"]),
            tick_size=decimal_of(row["precision"].get("price")),
            qty_step=decimal_of(row["precision"].get("amount")),
            min_notional=decimal_of((row["limits"].get("cost") or {}).get("min")),
        )

    async def fees(self, symbol: str) -> Fees | None:
        """What the account pays for a symbol; ``None`` where the venue does not tell."""
        if not self.exchange.has.get("fetchTradingFee"):
            return None
        row = await self.ask(lambda: self.exchange.fetch_trading_fee(symbol), 20)
        maker, taker = decimal_of(row.get("maker")), decimal_of(row.get("taker"))
        if maker is None or taker is None:
            return None
        return Fees(maker * _BPS, taker * _BPS)

    def has_dead_man(self) -> bool:
        """Whether the venue cancels our orders when it hears nothing of us."""
        return bool(self.exchange.has.get("cancelAllOrdersAfter"))

    async def terms(self, symbol: str) -> list[str]:
        """How leverage and margin mode of a contract differ from the settings; sets nothing."""
        if not self.exchange.market(symbol)["contract"]:
            return []
        wanted = self.settings.margin_mode.value
        return await self.terms_differ(symbol, wanted, int(self.settings.leverage))

    async def confirm(self, symbols: Sequence[str]) -> list[str]:
        """Set what the settings want of each symbol, and say what is not so."""
        await self.load()
        if self.settings.position_mode is PositionMode.HEDGE:
            return ["position_mode: hedge is not supported; set live.position_mode to one_way"]
        problems = []
        if await self.is_hedged(symbols):
            problems.append("position_mode: the venue is in hedge mode; switch it to one-way there")
        for symbol in symbols:
            if symbol not in self.exchange.markets:
                problems.append(f"{symbol}: not listed at {self.settings.venue}")
            elif self.exchange.market(symbol)["contract"]:
                problems += await self.set_terms(symbol)
        return problems

    async def is_hedged(self, symbols: Sequence[str]) -> bool:
        """Whether longs and shorts are kept apart."""
        del symbols
        if not self.exchange.has.get("fetchPositionMode"):
            return False
        mode = await self.ask(self.exchange.fetch_position_mode)
        return bool(mode["hedged"])

    async def set_terms(self, symbol: str) -> list[str]:
        """Set margin mode and leverage of a contract, and read both back."""
        wanted = self.settings.margin_mode.value
        try:
            await self.ask(lambda: self.exchange.set_margin_mode(wanted, symbol))
        except (ccxt.NoChange, ccxt.NotSupported):
            pass
        except ccxt.ExchangeError as error:
            # A venue may say in its own words that it is so already; the look below decides.
            said = self.describe(error)
            if "already" not in said.lower() and "not modified" not in said.lower():
                return [f"{symbol}: margin mode {wanted} cannot be set: {said}"]
        leverage = int(self.settings.leverage)
        try:
            await self.ask(lambda: self.exchange.set_leverage(leverage, symbol))
        except ccxt.ExchangeError as error:
            if "not modified" not in str(error):
                return [f"{symbol}: leverage {leverage} cannot be set: {self.describe(error)}"]
        return await self.terms_differ(symbol, wanted, leverage)

    async def terms_differ(self, symbol: str, margin_mode: str, leverage: int) -> list[str]:
        """What the venue says that differs from what was set."""
        if not self.exchange.has.get("fetchLeverage"):
            return []
        told = await self.ask(lambda: self.exchange.fetch_leverage(symbol))
        problems = []
        if told.get("longLeverage") not in (None, leverage):
            problems.append(f"{symbol}: leverage is {told['longLeverage']}, not {leverage}")
        if told.get("marginMode") not in (None, margin_mode):
            problems.append(f"{symbol}: margin mode is {told['marginMode']}, not {margin_mode}")
        return problems
