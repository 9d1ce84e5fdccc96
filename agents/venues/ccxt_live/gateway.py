"""One account at one venue through ccxt.pro: what is the same for all of them.

ccxt signs, sends, parses and maps errors; it never retries here. Connection and budget are in
``client``, leverage and rights in ``terms``, what ccxt's rows say in ``rows``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from agents.venues.ccxt_live.coin_prices import CoinPrices
from agents.venues.ccxt_live.rows import (
    ZERO,
    decimal_of,
    funding_of,
    position_of,
    resting_of,
    seen_of,
    trade_of,
)
from agents.venues.ccxt_live.seen import Seen, SeenAccount, SeenFunding, SeenTrade
from agents.venues.ccxt_live.terms import CcxtTerms
from schemas.frame import Side
from schemas.order import Order, OrderType, TimeInForce
from schemas.venue import RestingOrder, VenuePosition, VenueRequest

_FORCE = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
_FUNDINGS = 1_000


class CcxtGateway(CcxtTerms):
    """Subclasses say what a venue does in its own way. See :class:`seen.Gateway`."""

    conditional: Mapping[str, Any] = MappingProxyType({})
    """What a request about a conditional order says beside its id."""
    funding_weight = 30.0
    """What a look at funding payments costs."""
    of_fundings: Mapping[str, Any] = MappingProxyType({})
    """What it says beside how many are wanted."""
    dead_man_range_s = (0.0, math.inf)
    """What ``live.dead_man_s`` may be there."""
    stops_outlive_us = True
    """Whether conditional orders are left alone by the dead-man switch."""

    async def create(self, order: Order) -> Seen:
        """Place an order under its own client id."""
        await self.load()
        params = self.create_params(order)
        kind, price = await self.shape(order)
        side = "buy" if order.side is Side.BUY else "sell"
        made = await self.ask_first(
            lambda: self.exchange.create_order(
                order.symbol, kind, side, str(order.qty), price, params
            ),
            # What protects or closes may come late; an entry that is late is another trade.
            patience_s=self.settings.timeout_s if order.reduce_only else 0,
        )
        return self.created(order, made)

    async def shape(self, order: Order) -> tuple[str, str | None]:
        """Type and price as ccxt is told them. Raises :class:`ccxt.NotSupported` for an order that
        the venue or ccxt cannot have as it is: nothing is sent.
        """
        kind = "limit" if order.type is OrderType.LIMIT else "market"
        return kind, None if order.price is None else str(order.price)

    def id_there(self, order: Order) -> str:
        """The client id in the venue's form."""
        return order.client_order_id

    def create_params(self, order: Order) -> dict[str, Any]:
        """What ccxt is told beside type, side, quantity and limit."""
        params: dict[str, Any] = {"clientOrderId": self.id_there(order)}
        if order.reduce_only and self.exchange.market(order.symbol)["contract"]:
            params["reduceOnly"] = True
        if order.type is OrderType.STOP:
            params["stopLossPrice"] = str(order.stop_price)
        elif order.type is OrderType.TAKE_PROFIT:
            params["takeProfitPrice"] = str(order.stop_price)
        elif order.time_in_force is TimeInForce.POST_ONLY:
            params["postOnly"] = True
        elif order.type is OrderType.LIMIT:
            params["timeInForce"] = _FORCE[order.time_in_force]
        return params

    def created(self, order: Order, made: Any) -> Seen:
        """What the reply to a new order shows; without an id nobody knows."""
        seen = self.seen(made)
        return seen._replace(client_order_id=order.client_order_id)

    async def cancel(self, order: Order) -> None:
        """Cancel an order by its client id."""
        params = {"clientOrderId": self.id_there(order), **self.about(order)}
        await self.change(lambda: self.exchange.cancel_order(None, order.symbol, params))

    async def change(self, asking: Callable[[], Any]) -> None:
        """Cancel, amend or wind the switch up: late is better than not at all."""
        await self.ask_first(asking, patience_s=self.settings.timeout_s)

    async def amend(self, request: VenueRequest, venue_id: str) -> None:
        """Change an order that rests: what is not changed is said again."""
        order = request.order
        side = "buy" if order.side is Side.BUY else "sell"
        qty, price = request.qty or order.qty, request.price or order.price
        params = self.amend_params(request)
        await self.change(
            lambda: self.exchange.edit_order(
                venue_id, order.symbol, "limit", side, str(qty),
                None if price is None else str(price), params,
            )
        )  # fmt: skip

    def amend_params(self, request: VenueRequest) -> dict[str, Any]:
        """What ccxt is told beside quantity and limit."""
        del request
        return {}

    async def look(self, order: Order) -> Seen:
        """An order by its client id."""
        params = {"clientOrderId": self.id_there(order), **self.about(order)}
        return self.seen(
            await self.ask(lambda: self.exchange.fetch_order(None, order.symbol, params))
        )

    def about(self, order: Order) -> Mapping[str, Any]:
        """What tells a conditional order apart."""
        return self.conditional if order.stop_price is not None else {}

    async def trades(self, order: Order, venue_id: str) -> list[SeenTrade]:
        """All trades of an order."""
        rows = await self.ask(lambda: self.exchange.fetch_order_trades(venue_id, order.symbol), 5)
        return [self.seen_trade(row) for row in rows]

    @cached_property
    def _prices(self) -> CoinPrices:
        return CoinPrices(self)

    async def price_of(self, coin: str) -> Decimal | None:
        """What a coin is worth in the account's currency; ``None`` where nothing there tells."""
        return await self._prices.of(coin)

    async def fundings(self, symbols: Sequence[str]) -> list[SeenFunding]:
        """The last week's funding payments of these symbols, the oldest first; of spot none."""
        await self.load()
        if not any(self.exchange.market(symbol)["contract"] for symbol in symbols):
            return []
        more = dict(self.of_fundings)
        ask = partial(self.exchange.fetch_funding_history, None, None, _FUNDINGS, more)
        rows = await self.ask(ask, self.funding_weight)
        seen = [self.seen_funding(row) for row in rows if row["symbol"] in symbols]
        return sorted(seen, key=lambda payment: (payment.time_ns, payment.symbol))

    async def account(self, symbols: Sequence[str]) -> SeenAccount:
        """The whole account: all symbols' orders and positions, not only those that are traded."""
        balance = await self.ask(self.exchange.fetch_balance, 5)
        orders = await self.open_orders(symbols)
        positions = await self.positions(symbols, balance)
        return SeenAccount(self.wallet(balance), tuple(orders), tuple(positions))

    async def open_orders(self, symbols: Sequence[str]) -> list[RestingOrder]:
        """Every open order."""
        del symbols
        return [self.resting(row) for row in await self.ask(self.exchange.fetch_open_orders)]

    def wallet(self, balance: Any) -> Decimal:
        """What the account holds of its currency, without what open positions would earn."""
        return decimal_of((balance.get(self.settings.currency) or {}).get("total")) or ZERO

    async def positions(self, symbols: Sequence[str], balance: Any) -> list[VenuePosition]:
        """Every position; of spot the coins of the symbols that are traded."""
        spot = [s for s in symbols if not self.exchange.market(s)["contract"]]
        found = [
            VenuePosition(s, decimal_of((balance.get(base) or {}).get("total")) or ZERO, ZERO)
            for s in spot
            if (base := self.exchange.market(s)["base"])
        ]
        if len(spot) == len(symbols) and symbols:
            return [position for position in found if position.qty]
        rows = await self.ask(self.exchange.fetch_positions, 5)
        return [*found, *(p for row in rows if (p := position_of(row)).qty)]

    def seen_funding(self, row: Any) -> SeenFunding:
        """A payment of ccxt's."""
        return funding_of(row)

    async def arm(self, symbols: Sequence[str], seconds: float) -> None:
        """Wind the dead-man switch up again, where the venue has one."""
        del symbols
        if self.exchange.has.get("cancelAllOrdersAfter"):
            await self.ask(lambda: self.exchange.cancel_all_orders_after(round(seconds * 1_000)))

    async def watch_orders(self, heard: Callable[[Seen], None]) -> None:
        """Listen to order updates until the stream breaks."""
        await self.load()
        while True:
            for row in await self.exchange.watch_orders():
                if row.get("clientOrderId"):
                    heard(self.seen(row))

    async def watch_trades(self, heard: Callable[[SeenTrade], None]) -> None:
        """Listen to trades of ours until the stream breaks."""
        await self.load()
        while True:
            for row in await self.exchange.watch_my_trades():
                heard(self.seen_trade(row))

    def seen(self, row: Any) -> Seen:
        """An order of ccxt's."""
        return seen_of(row)

    def resting(self, row: Any) -> RestingOrder:
        """An open order of ccxt's."""
        return resting_of(row)

    def seen_trade(self, row: Any) -> SeenTrade:
        """A trade of ccxt's; a fee without a currency is in the account's."""
        return trade_of(row, currency=self.settings.currency)
