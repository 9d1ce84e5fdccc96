"""Orders of Binance's USD-M by REST: place, amend, cancel, query, one by one and in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.orders import Force, Kind, Order
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.venues.base import Refusal
from streams.simulator.exchange.venues.binance.futures_errors import refusal_of, refused
from streams.simulator.exchange.venues.binance.futures_messages import order_value
from streams.simulator.exchange.venues.binance.query import Query, refuse
from streams.simulator.exchange.venues.binance.tickets import futures_ticket

AccountHandler: TypeAlias = Callable[[Account, Query], Any]
Routes: TypeAlias = dict[tuple[str, str], AccountHandler]

_MOST_IN_BATCH = 5
_MOST_IN_CANCEL_BATCH = 10
_CLIENT_ID_LISTS = ("origClientOrderIdList", "origclientorderidlist")
ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}


class FuturesOrders:
    """Answers by method and path."""

    def __init__(self, desk: Desk, clock: MarketClock, listings: Mapping[str, Listing]) -> None:
        self._desk = desk
        self._clock = clock
        self._listings = listings

    def routes(self) -> Routes:
        """The account's order paths."""
        root = "/fapi/v1"
        return {
            ("POST", f"{root}/order"): self._place,
            ("POST", f"{root}/order/test"): self._test,
            ("PUT", f"{root}/order"): self._amend,
            ("DELETE", f"{root}/order"): self._cancel,
            ("GET", f"{root}/order"): self._get,
            ("GET", f"{root}/openOrder"): self._get_open,
            ("GET", f"{root}/openOrders"): self._open_orders,
            ("GET", f"{root}/allOrders"): self._all_orders,
            ("DELETE", f"{root}/allOpenOrders"): self._cancel_all,
            ("POST", f"{root}/batchOrders"): lambda a, q: self._batch(a, q, self._place),
            ("PUT", f"{root}/batchOrders"): lambda a, q: self._batch(a, q, self._amend),
            ("DELETE", f"{root}/batchOrders"): self._cancel_batch,
        }

    def _place(self, account: Account, query: Query) -> dict[str, Any]:
        ticket = futures_ticket(query)
        try:
            order = self._desk.place(account, ticket)
        except Rejected as rejected:
            raise refused(rejected) from rejected
        value = order_value(order, self._clock)
        # A limit order that may rest is answered before it has met the market, RESULT or not.
        may_rest = ticket.kind is Kind.LIMIT and ticket.force is Force.GTC
        if may_rest or query.optional("newOrderRespType") != "RESULT":
            value |= {"status": "NEW", "executedQty": "0", "cumQty": "0", "cumQuote": "0"}
            value |= {"avgPrice": "0.00", "updateTime": value["time"]}
        return value

    def _test(self, _account: Account, query: Query) -> dict[str, Any]:
        futures_ticket(query)
        return {}

    def _amend(self, account: Account, query: Query) -> dict[str, Any]:
        order = self._asked(account, query, Reason.UNKNOWN_ORDER)
        try:
            self._desk.amend(
                account, order, price=query.number("price"), qty=query.number("quantity")
            )
        except Rejected as rejected:
            raise refused(rejected) from rejected
        return order_value(order, self._clock)

    def _cancel(self, account: Account, query: Query) -> dict[str, Any]:
        order = self._asked(account, query, Reason.UNKNOWN_ORDER)
        try:
            self._desk.cancel(account, order)
        except Rejected as rejected:
            raise refused(rejected) from rejected
        return order_value(order, self._clock)

    def _get(self, account: Account, query: Query) -> dict[str, Any]:
        return order_value(self._asked(account, query, Reason.NOT_FOUND), self._clock)

    def _get_open(self, account: Account, query: Query) -> dict[str, Any]:
        order = self._asked(account, query, Reason.NOT_FOUND)
        if not order.open:
            raise refusal_of(Reason.NOT_FOUND)
        return order_value(order, self._clock)

    def _open_orders(self, account: Account, query: Query) -> list[dict[str, Any]]:
        symbol = None if query.optional("symbol") is None else query.listing().symbol
        return [order_value(order, self._clock) for order in account.open_orders(symbol)]

    def _all_orders(self, account: Account, query: Query) -> list[dict[str, Any]]:
        symbol, first_id = query.listing().symbol, query.whole("orderId", 0) or 0
        found = [
            order
            for order in account.orders.values()
            if order.symbol == symbol and order.id >= first_id and query.within(order.created_ns)
        ]
        limit = query.limit(500, 1000)
        return [
            order_value(order, self._clock)
            for order in (found[:limit] if first_id else found[-limit:])
        ]

    def _cancel_all(self, account: Account, query: Query) -> dict[str, Any]:
        for order in account.open_orders(query.listing().symbol):
            self._desk.cancel(account, order)
        return ALL_CANCELLED

    def _batch(self, account: Account, query: Query, each: AccountHandler) -> list[Any]:
        rows = _list_of(query, "batchOrders", _MOST_IN_BATCH)
        if not all(isinstance(row, dict) for row in rows):
            raise refuse(-1130, "Data sent for parameter 'batchOrders' is not valid.")
        return [
            self._one(account, each, {name: _plain(value) for name, value in row.items()})
            for row in rows
        ]

    def _cancel_batch(self, account: Account, query: Query) -> list[Any]:
        symbol = query.text("symbol")
        # ccxt and the venue's guide write the names in different cases.
        by_client = [n for n in _CLIENT_ID_LISTS if query.optional(n) is not None]
        name, key = "orderidlist", "orderId"
        if by_client:
            name, key = by_client[0], "origClientOrderId"
        elif query.optional("orderIdList") is not None:
            name = "orderIdList"
        ids = _list_of(query, name, _MOST_IN_CANCEL_BATCH)
        rows = [{"symbol": symbol, key: _plain(each)} for each in ids]
        return [self._one(account, self._cancel, row) for row in rows]

    def _one(self, account: Account, each: AccountHandler, row: dict[str, str]) -> Any:
        """One of a batch: its refusal is an answer among others."""
        try:
            return each(account, Query(row, self._listings))
        except Refusal as refusal:
            return refusal.reply.value

    def _asked(self, account: Account, query: Query, missing: Reason) -> Order:
        listing, order_id = query.listing(), query.whole("orderId")
        client_id = query.optional("origClientOrderId")
        if order_id is None and client_id is None:
            raise refuse(
                -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty."
            )
        order = account.find(listing.symbol, order_id=order_id, client_id=client_id)
        if order is None:
            raise refusal_of(missing)
        return order


def _list_of(query: Query, name: str, most: int) -> list[Any]:
    try:
        rows = msgspec.json.decode(query.text(name))
    except (msgspec.DecodeError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        raise refuse(-1130, f"Data sent for parameter '{name}' is not valid.")
    if len(rows) > most:
        raise refuse(-4082, "Invalid number of batch place orders.")
    return rows


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
