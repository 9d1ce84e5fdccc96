"""Orders of Binance spot by REST: place, replace, cancel, query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.conditional import Conditional
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.trading.triggers import Triggers
from streams.simulator.exchange.venues.base import Refusal, Reply
from streams.simulator.exchange.venues.binance.futures_orders import Routes
from streams.simulator.exchange.venues.binance.query import Query, refuse
from streams.simulator.exchange.venues.binance.spot_errors import refusal_of, refused
from streams.simulator.exchange.venues.binance.spot_messages import (
    Placed,
    cancelled_value,
    order_value,
    placed_value,
)
from streams.simulator.exchange.venues.binance.tickets import spot_ticket, spot_trigger


class SpotOrders:
    """Answers by method and path."""

    def __init__(self, desk: Desk, triggers: Triggers, clock: MarketClock) -> None:
        self._desk = desk
        self._triggers = triggers
        self._clock = clock

    def routes(self) -> Routes:
        """The account's order paths."""
        root = "/api/v3"
        return {
            ("POST", f"{root}/order"): self._place,
            ("POST", f"{root}/order/test"): self._test,
            ("POST", f"{root}/order/cancelReplace"): self._replace,
            ("DELETE", f"{root}/order"): self._cancel,
            ("GET", f"{root}/order"): self._get,
            ("GET", f"{root}/openOrders"): self._open_orders,
            ("DELETE", f"{root}/openOrders"): self._cancel_all,
            ("GET", f"{root}/allOrders"): self._all_orders,
        }

    def _place(self, account: Account, query: Query) -> dict[str, Any]:
        ticket = spot_ticket(query)
        trigger = spot_trigger(query, ticket)
        try:
            if trigger is None:
                placed: Placed = self._desk.place(account, ticket)
            else:
                placed = self._triggers.place(account, ticket, trigger, kind=query.text("type"))
        except Rejected as rejected:
            raise refused(rejected) from rejected
        kind = query.optional("newOrderRespType") or "FULL"
        if kind == "ACK":
            names = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
            value = placed_value(placed, account, self._clock, full=False)
            return {name: value[name] for name in names}
        return placed_value(placed, account, self._clock, full=kind == "FULL")

    @staticmethod
    def _test(_account: Account, query: Query) -> dict[str, Any]:
        spot_ticket(query)
        return {}

    def _replace(self, account: Account, query: Query) -> dict[str, Any]:
        """Cancel, then place; if the cancel fails nothing is placed, unless that is allowed."""
        mode = query.text("cancelReplaceMode")
        told = {"orderId": query.optional("cancelOrderId")}
        told["origClientOrderId"] = query.optional("cancelOrigClientOrderId")
        asked = query.like({"symbol": query.text("symbol")} | {n: v for n, v in told.items() if v})
        try:
            cancelled: Any = self._cancel(account, asked)
        except Refusal as refusal:
            cancelled = refusal.reply.value
            if mode != "ALLOW_FAILURE":
                raise _replaced("FAILURE", cancelled, "NOT_ATTEMPTED", None) from refusal
        failed = "FAILURE" if "code" in cancelled else "SUCCESS"
        try:
            placed = self._place(account, query)
        except Refusal as refusal:
            raise _replaced(failed, cancelled, "FAILURE", refusal.reply.value) from refusal
        if failed == "FAILURE":
            raise _replaced(failed, cancelled, "SUCCESS", placed)
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": cancelled,
            "newOrderResponse": placed,
        }

    def _cancel(self, account: Account, query: Query) -> dict[str, Any]:
        placed = self._asked(account, query, Reason.UNKNOWN_ORDER)
        try:
            if isinstance(placed, Conditional):
                self._triggers.cancel(account, placed)
            else:
                self._desk.cancel(account, placed)
        except Rejected as rejected:
            raise refused(rejected) from rejected
        return cancelled_value(placed, account, self._clock)

    def _cancel_all(self, account: Account, query: Query) -> list[dict[str, Any]]:
        symbol = query.listing().symbol
        gone: list[Placed] = []
        for order in account.open_orders(symbol):
            self._desk.cancel(account, order)
            gone.append(order)
        for each in account.waiting(symbol):
            self._triggers.cancel(account, each)
            gone.append(each)
        if not gone:
            raise refusal_of(Reason.UNKNOWN_ORDER)
        return [cancelled_value(placed, account, self._clock) for placed in gone]

    def _get(self, account: Account, query: Query) -> dict[str, Any]:
        return order_value(self._asked(account, query, Reason.NOT_FOUND), account, self._clock)

    def _open_orders(self, account: Account, query: Query) -> list[dict[str, Any]]:
        symbol = None if query.optional("symbol") is None else query.listing().symbol
        return [
            order_value(placed, account, self._clock)
            for placed in _all(account)
            if placed.open and symbol in (None, placed.ticket.listing.symbol)
        ]

    def _all_orders(self, account: Account, query: Query) -> list[dict[str, Any]]:
        symbol, first_id = query.listing().symbol, query.whole("orderId", 0) or 0
        found = [
            placed
            for placed in _all(account)
            if placed.ticket.listing.symbol == symbol
            and placed.id >= first_id
            and query.within(placed.created_ns)
        ]
        limit = query.limit(500, 1000)
        rows = found[:limit] if first_id else found[-limit:]
        return [order_value(placed, account, self._clock) for placed in rows]

    @staticmethod
    def _asked(account: Account, query: Query, missing: Reason) -> Placed:
        symbol, id_ = query.listing().symbol, query.whole("orderId")
        client_id = query.optional("origClientOrderId")
        if id_ is None and client_id is None:
            raise refuse(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        order = account.find(symbol, order_id=id_, client_id=client_id)
        if order is not None:
            return order
        found = account.find_conditional(id_=id_, client_id=client_id)
        if found is None or found.symbol != symbol:
            raise refusal_of(missing)
        return found


def _all(account: Account) -> Iterator[Placed]:
    """Orders, and conditional ones that became none, by id."""
    waiting = (each for each in account.conditionals.values() if each.id not in account.orders)
    placed: list[Placed] = [*account.orders.values(), *waiting]
    return iter(sorted(placed, key=lambda each: each.id))


def _replaced(cancel: str, cancelled: Any, new: str, placed: Any) -> Refusal:
    """What becomes of a replacement of which not all succeeded."""
    partly = "SUCCESS" in (cancel, new)
    text = "Order cancel-replace partially failed." if partly else "Order cancel-replace failed."
    data = {
        "cancelResult": cancel,
        "newOrderResult": new,
        "cancelResponse": cancelled,
        "newOrderResponse": placed,
    }
    value = {"code": -2021 if partly else -2022, "msg": text, "data": data}
    return Refusal(Reply(value, 409 if partly else 400))
