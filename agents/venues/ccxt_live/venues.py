"""What each venue does in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any

import aiohttp
import ccxt

from agents.venues.ccxt_live.coinbase import CoinbaseGateway
from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.hyperliquid import HyperliquidGateway
from agents.venues.ccxt_live.rows import ZERO, decimal_of, resting_of, seen_of
from agents.venues.ccxt_live.seen import Rights, Seen, SeenFunding, SeenTrade
from schemas.errors import UsageError
from schemas.frame import ContractKind, Side, contract_kind
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, OrderType
from schemas.venue import RestingOrder, VenueRequest


class BinanceGateway(CcxtGateway):
    """Spot. It has no amendments that keep an order, and no dead-man switch."""

    async def trades(self, order: Order, venue_id: str) -> list[SeenTrade]:
        """All trades of an order: ccxt's own call knows spot alone."""
        query = {"orderId": venue_id}
        rows = await self.ask(
            partial(self.exchange.fetch_my_trades, order.symbol, None, 500, query), 5
        )
        return [self.seen_trade(row) for row in rows]

    right_to_trade = "enableSpotAndMarginTrading"
    """Its name in what the venue tells of a key."""

    async def rights(self) -> Rights:
        """What the key may do; the testnet has no such question."""
        if self.settings.sandbox and not self.settings.connect_to:
            return Rights()
        told = await self.ask(self.exchange.sapiGetAccountApiRestrictions)
        return Rights(bool(told.get(self.right_to_trade)), bool(told.get("enableWithdrawals")))


_ALGO_STATUS = {
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
}


class UsdmGateway(BinanceGateway):
    """USD-M: conditional orders are kept by another service, under the same client id.

    One that triggers becomes an ordinary order, which is looked at from then on.
    """

    conditional = MappingProxyType({"trigger": True})
    right_to_trade = "enableFutures"

    def to_sandbox(self, exchange: Any) -> None:
        """Demo trading: futures have no testnet any more."""
        exchange.enable_demo_trading(True)

    def created(self, order: Order, made: Any) -> Seen:
        """A new conditional order has an id of the other service."""
        return self._waiting(order, made) if order.stop_price else super().created(order, made)

    async def look(self, order: Order) -> Seen:
        """A conditional order, or what has become of it."""
        if order.stop_price is None:
            return await super().look(order)
        params = {"clientOrderId": order.client_order_id, **self.conditional}
        row = await self.ask(lambda: self.exchange.fetch_order(None, order.symbol, params))
        became = str(row["info"].get("actualOrderId") or "")
        if not became or became == "0":
            return self._waiting(order, row)
        made = await self.ask(lambda: self.exchange.fetch_order(became, order.symbol))
        return seen_of(made)._replace(client_order_id=order.client_order_id)

    def _waiting(self, order: Order, row: Any) -> Seen:
        info = row["info"]
        status = _ALGO_STATUS.get(str(info.get("algoStatus")), OrderStatus.ACKNOWLEDGED)
        id_ = info.get("algoId")
        return Seen(order.client_order_id, f"algo:{id_}" if id_ else "", status, ZERO)

    def wallet(self, balance: Any) -> Decimal:
        """The wallet: ccxt's total has in it what open positions would earn."""
        rows = balance["info"]["assets"]
        found = [r["walletBalance"] for r in rows if r["asset"] == self.settings.currency]
        return decimal_of(found[0]) or ZERO if found else ZERO

    async def open_orders(self, symbols: Sequence[str]) -> list[RestingOrder]:
        """Ordinary and conditional ones, of every symbol."""
        del symbols
        rows = await self.ask(self.exchange.fetch_open_orders, 40)
        waiting = await self.ask(
            lambda: self.exchange.fetch_open_orders(None, None, None, {**self.conditional}), 40
        )
        return [resting_of(row) for row in [*rows, *waiting]]

    def has_dead_man(self) -> bool:
        """Yes; ccxt does not know it."""
        return True

    async def arm(self, symbols: Sequence[str], seconds: float) -> None:
        """countdownCancelAll, a symbol each; conditional orders are not among those it cancels."""
        await self.load()
        for symbol in symbols:
            query = {
                "symbol": self.exchange.market_id(symbol),
                "countdownTime": round(seconds * 1_000),
            }
            ask = partial(self.exchange.fapiPrivatePostCountdownCancelAll, query)
            await self.change(ask)


class BybitGateway(CcxtGateway):
    """Linear and spot in one unified account. A new order's reply holds nothing but its id."""

    conditional = MappingProxyType({"trigger": True})
    dead_man_range_s = (3.0, 300.0)

    async def arm(self, symbols: Sequence[str], seconds: float) -> None:
        """Disconnected-cancel-all, of each kind that is traded; see :meth:`watch_orders`."""
        kinds = {"swap" if self.exchange.market(s)["contract"] else "spot" for s in symbols}
        for kind in sorted(kinds):
            after = partial(
                self.exchange.cancel_all_orders_after, round(seconds * 1_000), {"type": kind}
            )
            await self.ask(after)

    async def watch_orders(self, heard: Callable[[Seen], None]) -> None:
        """Listen. The venue misses a connection only after that has asked to be missed."""
        if self.settings.dead_man_s:
            url = await self.exchange.get_url_by_market_type(None, True, "watchOrders")
            await self.exchange.authenticate(url)
            asked = {"op": "subscribe", "args": ["dcp.future", "dcp.spot"]}
            await self.exchange.client(url).send(asked)
        await super().watch_orders(heard)

    async def rights(self) -> Rights:
        """What the key may do."""
        told = (await self.ask(self.exchange.privateGetV5UserQueryApi)).get("result") or {}
        wallet = (told.get("permissions") or {}).get("Wallet") or []
        return Rights(str(told.get("readOnly")) == "0", "Withdraw" in wallet)

    def create_params(self, order: Order) -> dict[str, Any]:
        """A trigger has a direction there, on spot by where the price is."""
        params = super().create_params(order)
        if order.stop_price is not None:
            params.pop("stopLossPrice", None)
            params.pop("takeProfitPrice", None)
            falls = (order.side is Side.SELL) == (order.type is OrderType.STOP)
            params["triggerPrice"] = str(order.stop_price)
            if contract_kind(order.symbol) is not ContractKind.SPOT:
                params["triggerDirection"] = "descending" if falls else "ascending"
        return params

    def amend_params(self, request: VenueRequest) -> dict[str, Any]:
        """Triggers can be amended."""
        trigger = request.stop_price
        return {} if trigger is None else {"triggerPrice": str(trigger)}

    def created(self, order: Order, made: Any) -> Seen:
        """Taken, and nothing else is told."""
        id_ = str(made.get("id") or "")
        return Seen(order.client_order_id, id_, OrderStatus.ACKNOWLEDGED, ZERO)

    funding_weight = 1.0
    of_fundings = MappingProxyType({"paginate": True})

    def seen_funding(self, row: Any) -> SeenFunding:
        """Ccxt hands on the venue's fee, which is above 0 where it is paid."""
        seen = super().seen_funding(row)
        return seen._replace(amount=-seen.amount)

    async def cancel(self, order: Order) -> None:
        """Cancel an order by its client id."""
        params = {"orderLinkId": order.client_order_id, **self.about(order)}
        await self.change(lambda: self.exchange.cancel_order(None, order.symbol, params))

    async def look(self, order: Order) -> Seen:
        """An order among those that are open or ended just now, else in the history."""
        await self.load()
        market = self.exchange.market(order.symbol)
        query = {
            "category": "linear" if market["contract"] else "spot",
            "symbol": market["id"],
            "orderLinkId": order.client_order_id,
        }
        for ask in (
            self.exchange.privateGetV5OrderRealtime,
            self.exchange.privateGetV5OrderHistory,
        ):
            told = await self.ask(partial(ask, query))
            rows = (told.get("result") or {}).get("list") or []
            if rows:
                return seen_of(self.exchange.parse_order(rows[0], market))
        raise ccxt.OrderNotFound(f"bybit has no order {order.client_order_id}")

    async def open_orders(self, symbols: Sequence[str]) -> list[RestingOrder]:
        """Those of every category that is traded. On spot conditional ones are asked for apart."""
        spot = any(not self.exchange.market(s)["contract"] for s in symbols)
        queries: list[dict[str, Any]] = [{"type": "swap", "settleCoin": self.settings.currency}]
        queries += [{"type": "spot"}, {"type": "spot", **self.conditional}] if spot else []
        found = {}
        for query in queries:
            rows = await self.ask(partial(self.exchange.fetch_open_orders, None, None, None, query))
            found.update({str(row["id"]): resting_of(row) for row in rows})
        return list(found.values())

    async def is_hedged(self, symbols: Sequence[str]) -> bool:
        """The index of a position says it: 0 is one-way."""
        del symbols
        rows = await self.ask(self.exchange.fetch_positions)
        return any(str(row["info"].get("positionIdx", "0")) != "0" for row in rows)


GATEWAYS: Mapping[str, type[CcxtGateway]] = {
    "binance": BinanceGateway,
    "binanceusdm": UsdmGateway,
    "bybit": BybitGateway,
    "coinbase": CoinbaseGateway,
    "hyperliquid": HyperliquidGateway,
}
"""By ``live.venue``."""


def gateway_of(
    settings: LiveSettings,
    credentials: Credentials,
    session: aiohttp.ClientSession,
    *,
    adjusts_clock: bool = True,
) -> CcxtGateway:
    """The gateway to ``live.venue``. Raises :class:`UsageError` for a venue without one."""
    kind = GATEWAYS.get(settings.venue)
    if kind is None:
        raise UsageError(f"live.venue {settings.venue!r}: choose of {', '.join(GATEWAYS)}")
    return kind(settings, credentials, session, adjusts_clock=adjusts_clock)
