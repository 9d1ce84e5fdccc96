"""Hyperliquid: perpetuals settled in USDC, on terms that ccxt's own defaults do not keep."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import partial
from typing import Any

import aiohttp
import ccxt.pro
import msgspec

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.errors import Fate, Paused, fate_of
from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.rows import ZERO, decimal_of
from agents.venues.ccxt_live.seen import Rights, Seen, SeenFunding, SeenTrade
from schemas.clock import now_ns
from schemas.errors import SettingsError
from schemas.frame import NS_PER_MS, Side
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, TimeInForce
from schemas.venue import RestingOrder, VenueRequest

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_PRIVATE = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_WEEK_MS = 7 * 86_400_000
_BEFORE_MS = 60_000
"""An order's trades are looked for from so long before its tick on: clocks differ."""
_WEIGHT = 20.0
"""Published weight of questions about open orders, fills and funding."""
_FIGURES = 5


class _Hyperliquid(ccxt.pro.hyperliquid):  # type: ignore[misc]
    """Signs what was asked for, and nothing else; what arrives late is refused by the venue."""

    lives_ms = 5_000

    async def initialize_client(self) -> bool:
        """Before each order ccxt's own approves a fee for ccxt, and names it as the referrer."""
        return True

    def sign_l1_action(self, action: Any, nonce: int, vault: Any = None, *_rest: Any) -> Any:
        return super().sign_l1_action(action, nonce, vault, nonce + self.lives_ms)

    def sign(self, path: str, api: Any, method: str, params: Any, *rest: Any) -> Any:
        if path == "exchange":
            params = {**params, "expiresAfter": params["nonce"] + self.lives_ms}
        return super().sign(path, api, method, params, *rest)


class HyperliquidGateway(CcxtGateway):
    """The key is that of an API wallet, which trades for the account and cannot withdraw.

    Spot and builders' markets (HIP-3) are not loaded: their balances and positions are elsewhere.
    """

    dead_man_range_s = (5.0, 86_400.0)
    stops_outlive_us = False

    def kind(self) -> Any:
        """Class of the client."""
        return _Hyperliquid

    def make(
        self,
        settings: LiveSettings,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        adjusts_clock: bool,
    ) -> Any:
        """The client; a request is good for ``live.recv_window_ms``."""
        exchange = super().make(settings, credentials, session, adjusts_clock)
        exchange.lives_ms = settings.recv_window_ms
        exchange.options |= {"builderFee": False, "refSet": True}
        exchange.options["fetchMarkets"] = {"types": ["swap"]}
        return exchange

    def signing(self, credentials: Credentials) -> dict[str, str]:
        """The account's address, and the private key of an API wallet of it."""
        if not _ADDRESS.fullmatch(credentials.key):
            raise SettingsError(
                "the key of hyperliquid is no address; give the account's, 0x and 40 hex digits"
            )
        if not _PRIVATE.fullmatch(credentials.secret):
            raise SettingsError(
                "the secret of hyperliquid is no private key; give an API wallet's, 64 hex digits"
            )
        return {"walletAddress": credentials.key, "privateKey": credentials.secret}

    async def rights(self) -> Rights:
        """An API wallet of the account may trade alone, the account's own key everything."""
        account = self.exchange.walletAddress.lower()
        private = self.exchange.privateKey.removeprefix("0x")
        signer = str(self.exchange.eth_get_address_from_private_key(private)).lower()
        if signer == account:
            return Rights(trade=True, withdraw=True)
        asked = {"type": "userRole", "user": signer}
        told = await self.ask(lambda: self.exchange.publicPostInfo(asked), _WEIGHT)
        user = str((told.get("data") or {}).get("user", "")).lower()
        return Rights(trade=told.get("role") == "agent" and user == account, withdraw=False)

    async def set_terms(self, symbol: str) -> list[str]:
        """Margin mode and leverage are one setting there."""
        mode, leverage = self.settings.margin_mode.value, int(self.settings.leverage)
        try:
            await self.ask(
                lambda: self.exchange.set_leverage(leverage, symbol, {"marginMode": mode})
            )
        except ccxt.ExchangeError as error:
            said = self.describe(error)
            return [f"{symbol}: leverage {leverage} {mode} cannot be set: {said}"]
        return await self.terms_differ(symbol, mode, leverage)

    async def terms_differ(self, symbol: str, margin_mode: str, leverage: int) -> list[str]:
        """What the venue says that differs; ccxt has no call for it."""
        asked = {
            "type": "activeAssetData",
            "user": self.exchange.walletAddress,
            "coin": self.exchange.market(symbol)["baseName"],
        }
        told = await self.ask(lambda: self.exchange.publicPostInfo(asked), _WEIGHT)
        there = told["leverage"]
        problems = []
        if int(there["value"]) != leverage:
            problems.append(f"{symbol}: leverage is {there['value']}, not {leverage}")
        if there["type"] != margin_mode:
            problems.append(f"{symbol}: margin mode is {there['type']}, not {margin_mode}")
        return problems

    async def shape(self, order: Order) -> tuple[str, str | None]:
        """A market order is a limit at once, some way through the market: ccxt adds its 5%."""
        if order.time_in_force is TimeInForce.FOK:
            raise ccxt.NotSupported("not sent: hyperliquid has no fill-or-kill orders")
        if order.price is not None:
            return "limit", str(_five_figures(order.price, order.side))
        if order.stop_price is not None:
            return "market", str(order.stop_price)
        return "market", str(await self._mid(order))

    async def _mid(self, order: Order) -> Decimal:
        patience_s = self.settings.timeout_s if order.reduce_only else 0
        ask = partial(self.exchange.fetch_order_book, order.symbol)
        try:
            book = await self.ask_first(ask, patience_s=patience_s)
        except Exception as error:
            if fate_of(error) is Fate.UNKNOWN:
                raise Paused(f"not sent: no price to be had: {self.describe(error)}") from error
            raise
        bid, ask_ = (
            decimal_of(side[0][0]) if side else None for side in (book["bids"], book["asks"])
        )
        if not bid or not ask_:
            raise ccxt.InvalidOrder(f"not sent: no bid and ask of {order.symbol}")
        return (bid + ask_) / 2

    def id_there(self, order: Order) -> str:
        """128 bits in hex."""
        return f"0x{order.client_order_id}"

    async def amend(self, request: VenueRequest, venue_id: str) -> None:
        """Refused: it is another order there, that counts its fills anew."""
        del venue_id
        raise ccxt.NotSupported(f"not sent: no amendment of {request.order.client_order_id}")

    def seen(self, row: Any) -> Seen:
        """An order; ccxt does not know each way in which it can end."""
        seen = super().seen(row)
        info = row.get("info")
        said = str(info.get("status", "")).lower() if isinstance(info, dict) else ""
        status = seen.status
        if "rejected" in said:
            status = OrderStatus.REJECTED
        elif "cancel" in said:  # also scheduledCancel, of the dead-man switch
            status = OrderStatus.CANCELLED
        id_ = seen.client_order_id.removeprefix("0x")
        return seen._replace(client_order_id=id_, status=status)

    def resting(self, row: Any) -> RestingOrder:
        """An open order under our own id."""
        order = super().resting(row)
        id_ = order.client_order_id.removeprefix("0x")
        return msgspec.structs.replace(order, client_order_id=id_)

    def wallet(self, balance: Any) -> Decimal:
        """What ccxt gives counts the profit of open positions in."""
        info = balance["info"]
        value = decimal_of((info.get("marginSummary") or {}).get("accountValue"))
        if value is None:
            return super().wallet(balance)
        open_ = [decimal_of(p["position"]["unrealizedPnl"]) for p in info["assetPositions"]]
        return value - sum((profit or ZERO for profit in open_), ZERO)

    async def open_orders(self, symbols: Sequence[str]) -> list[RestingOrder]:
        """All of the account's, conditional ones among them."""
        del symbols
        rows = await self.ask(self.exchange.fetch_open_orders, _WEIGHT)
        return [self.resting(row) for row in rows]

    async def trades(self, order: Order, venue_id: str) -> list[SeenTrade]:
        """All trades of an order: those of its symbol since then are asked for."""
        rows = await self._since(
            order.tick_ns // NS_PER_MS - _BEFORE_MS,
            partial(self.exchange.fetch_my_trades, order.symbol),
        )
        return [self.seen_trade(row) for row in rows if str(row["order"]) == venue_id]

    def seen_trade(self, row: Any) -> SeenTrade:
        """A trade; ccxt adds to its fee a builder's, which is in it."""
        seen = super().seen_trade(row)
        return seen._replace(fee=decimal_of(row["info"].get("fee")) or ZERO)

    async def fundings(self, symbols: Sequence[str]) -> list[SeenFunding]:
        """The last week's funding payments of these symbols, the oldest first."""
        await self.load()
        ask = partial(self.exchange.fetch_funding_history, None)
        rows = await self._since(now_ns() // NS_PER_MS - _WEEK_MS, ask)
        seen = [self.seen_funding(row) for row in rows if row["symbol"] in symbols]
        return sorted(seen, key=lambda payment: (payment.time_ns, payment.symbol))

    def seen_funding(self, row: Any) -> SeenFunding:
        """A payment; the hash that ccxt takes for its id is the same for all."""
        seen = super().seen_funding(row)
        return seen._replace(payment_id=f"{seen.symbol} {seen.time_ns}")

    async def _since(self, since_ms: int, ask: Callable[[int], Awaitable[Any]]) -> list[Any]:
        """All rows: each answer has the oldest so many of them."""
        found: dict[tuple[str, str, int], Any] = {}
        while True:
            rows = await self.ask(partial(ask, since_ms), _WEIGHT)
            fresh = {(str(r["id"]), str(r["symbol"]), int(r["timestamp"])): r for r in rows}
            if fresh.keys() <= found.keys():
                return list(found.values())
            found |= fresh
            since_ms = max(time_ms for _id, _symbol, time_ms in fresh)


def _five_figures(price: Decimal, side: Side) -> Decimal:
    """A limit as the venue takes it: five figures, or a whole number; never a worse one.

    >>> _five_figures(Decimal("60123.4"), Side.BUY), _five_figures(Decimal("1.23456"), Side.SELL)
    (Decimal('60123'), Decimal('1.2346'))
    """
    step = Decimal(1).scaleb(min(0, price.adjusted() + 1 - _FIGURES))
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return (price / step).to_integral_value(rounding) * step
