"""Coinbase Advanced Trade: spot. Orders are found, and cancelled, by the venue's id alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import ccxt

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.rows import ZERO, decimal_of
from agents.venues.ccxt_live.seen import Fees, Rights, Seen, SeenTrade
from schemas.errors import SettingsError
from schemas.frame import NS_PER_MS, Side
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, OrderType
from schemas.venue import RestingOrder, VenueRequest

_BPS = Decimal(10_000)
_PAGE = 100
_PAGES = 20
_IDS = 4_096
_BEFORE_MS = 60_000
"""An order is looked for from so long before its tick on: clocks differ."""
_WAY = Decimal("0.05")
"""The limit of a conditional order is so far behind its trigger, as a part of it."""


class CoinbaseGateway(CcxtGateway):
    """ccxt knows no testnet of it, no leverage, and no stop that ends in a market order."""

    def __init__(
        self,
        settings: LiveSettings,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        *,
        adjusts_clock: bool = True,
    ) -> None:
        del adjusts_clock  # what it signs with such keys is by this machine's clock
        super().__init__(settings, credentials, session, adjusts_clock=False)
        self.exchange.options["fetchBalance"] = "v3PrivateGetBrokerageAccounts"
        self._ids: dict[str, str] = {}

    def to_sandbox(self, exchange: Any) -> None:
        """There is none."""
        del exchange
        raise SettingsError("live.sandbox: coinbase has no testnet; trade there on paper")

    def signing(self, credentials: Credentials) -> dict[str, str]:
        """Name and PEM of a CDP key; a PEM of one line has its ends of lines as ``\\\\n``."""
        secret = credentials.secret.replace("\\n", "\n")
        if not credentials.key.startswith("organizations/"):
            raise SettingsError(
                "the key of coinbase is no name of a CDP key; give organizations/.../apiKeys/..."
            )
        if not secret.startswith("-----BEGIN EC PRIVATE KEY-----"):
            raise SettingsError(
                "the secret of coinbase is no EC private key; make the CDP key with ECDSA, as "
                "streams of orders take no other, and give its PEM"
            )
        return {"apiKey": credentials.key, "secret": secret}

    async def time_ms(self) -> Any:
        """The venue's clock; ccxt takes its whole seconds."""
        return (await self.exchange.v3PublicGetBrokerageTime())["epochMillis"]

    async def rights(self) -> Rights:
        """What the key may do; a transfer takes money out."""
        told = await self.ask(self.exchange.v3PrivateGetBrokerageKeyPermissions)
        return Rights(bool(told.get("can_trade")), bool(told.get("can_transfer")))

    async def fees(self, symbol: str) -> Fees | None:
        """What the account pays: one tier for all of spot."""
        row = (await self.ask(self.exchange.fetch_trading_fees)).get(symbol) or {}
        maker, taker = decimal_of(row.get("maker")), decimal_of(row.get("taker"))
        return None if maker is None or taker is None else Fees(maker * _BPS, taker * _BPS)

    async def set_terms(self, symbol: str) -> list[str]:
        """Refused: ccxt closes a contract's position without a client id or a quantity."""
        return [f"{symbol}: contracts of coinbase are not supported; trade spot there"]

    async def terms_differ(self, symbol: str, margin_mode: str, leverage: int) -> list[str]:
        """The same."""
        del margin_mode, leverage
        return await self.set_terms(symbol)

    async def shape(self, order: Order) -> tuple[str, str | None]:
        """A trigger ends in a limit order, some way behind it."""
        if self.exchange.market(order.symbol)["contract"]:
            raise ccxt.NotSupported("not sent: contracts of coinbase are not supported")
        if order.stop_price is None:
            return await super().shape(order)
        limit = order.stop_price * (1 + _WAY if order.side is Side.BUY else 1 - _WAY)
        return "limit", str(self.exchange.price_to_precision(order.symbol, str(limit)))

    def create_params(self, order: Order) -> dict[str, Any]:
        """Ccxt drops ``clientOrderId`` for an id of its own, and buys at market by cost."""
        params = super().create_params(order)
        params["client_order_id"] = params.pop("clientOrderId")
        if order.type is OrderType.MARKET:
            size = {"base_size": str(order.qty)}
            params["order_configuration"] = {"market_market_ioc": size}
            if order.side is Side.BUY:
                params["createMarketBuyOrderRequiresPrice"] = False
        return params

    async def create(self, order: Order) -> Seen:
        """Place an order. What the venue refuses in so many words was not placed."""
        try:
            return await super().create(order)
        except ccxt.ExchangeError as error:
            if type(error) is ccxt.ExchangeError and _is_refusal(str(error)):
                raise ccxt.InvalidOrder(str(error)) from error
            raise

    def created(self, order: Order, made: Any) -> Seen:
        """Taken, and nothing else is told."""
        id_ = self._keep(order, str(made.get("id") or ""))
        return Seen(order.client_order_id, id_, OrderStatus.ACKNOWLEDGED, ZERO)

    async def cancel(self, order: Order) -> None:
        """Cancel an order, after a look for its id where that is not known."""
        await self.load()
        id_ = self._ids.get(order.client_order_id) or (await self.look(order)).venue_id
        await self.change(lambda: self.exchange.cancel_order(id_, order.symbol))

    async def amend(self, request: VenueRequest, venue_id: str) -> None:
        """Refused: ccxt takes a refusal for success, and the terms it has then are not told."""
        del venue_id
        raise ccxt.NotSupported(f"not sent: no amendment of {request.order.client_order_id}")

    async def look(self, order: Order) -> Seen:
        """An order by its id, where that is known; else among all of its symbol since then."""
        await self.load()
        id_ = self._ids.get(order.client_order_id)
        if id_ is not None:
            return self.seen(await self.ask(lambda: self.exchange.fetch_order(id_, order.symbol)))
        since_ms = order.tick_ns // NS_PER_MS - _BEFORE_MS
        rows = await self._all(
            lambda more: self.exchange.fetch_orders(order.symbol, since_ms, _PAGE, more)
        )
        for row in rows:
            if row["clientOrderId"] == order.client_order_id:
                self._keep(order, str(row["id"]))
                return self.seen(row)
        raise ccxt.OrderNotFound(f"coinbase lists no order {order.client_order_id}")

    async def trades(self, order: Order, venue_id: str) -> list[SeenTrade]:
        """All trades of an order."""
        query = {"order_ids": [venue_id]}
        rows = await self._all(
            lambda more: self.exchange.fetch_my_trades(order.symbol, None, _PAGE, query | more)
        )
        return [self.seen_trade(row) for row in rows]

    async def open_orders(self, symbols: Sequence[str]) -> list[RestingOrder]:
        """Every open order."""
        del symbols
        rows = await self._all(
            lambda more: self.exchange.fetch_open_orders(None, None, _PAGE, more)
        )
        return [self.resting(row) for row in rows]

    async def watch_orders(self, heard: Callable[[Seen], None]) -> None:
        """Listen. ccxt takes for an order's quantity what is filled of it."""
        await super().watch_orders(lambda seen: heard(seen._replace(qty=None)))

    async def watch_trades(self, heard: Callable[[SeenTrade], None]) -> None:
        """There is no such stream: orders tell what is filled, and looks by what trades."""
        del heard
        await asyncio.Event().wait()

    async def _all(self, ask: Callable[[dict[str, Any]], Awaitable[Any]]) -> list[Any]:
        """All pages; ccxt hands the place of the next one on in a row."""
        found: list[Any] = []
        more: dict[str, Any] = {}
        for _ in range(_PAGES):
            rows = await self.ask(partial(ask, more))
            found += rows
            cursors = [row["info"]["cursor"] for row in rows if row["info"].get("cursor")]
            if not cursors:
                return found
            more = {"cursor": cursors[0]}
        raise ccxt.BadResponse(f"coinbase lists more than {_PAGES * _PAGE} rows")

    def _keep(self, order: Order, id_: str) -> str:
        if len(self._ids) >= _IDS:
            self._ids.clear()  # those that are still needed are looked for
        if id_:
            self._ids[order.client_order_id] = id_
        return id_


def _is_refusal(said: str) -> bool:
    return '"error_response"' in said and '"UNKNOWN_FAILURE_REASON"' not in said
