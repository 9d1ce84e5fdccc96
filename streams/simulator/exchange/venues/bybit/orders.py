"""Orders of Bybit v5 by REST: place, amend, cancel, query, one by one and in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.trading.account import Account, IncomeKind
from streams.simulator.exchange.trading.conditional import Conditional
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.orders import Order
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.trading.triggers import Triggers
from streams.simulator.exchange.venues.base import Refusal
from streams.simulator.exchange.venues.bybit.account_messages import (
    conditional_value,
    fill_value,
    funding_value,
    number_of,
    order_id,
    order_value,
)
from streams.simulator.exchange.venues.bybit.errors import code_of
from streams.simulator.exchange.venues.bybit.messages import Category
from streams.simulator.exchange.venues.bybit.protective import (
    check_attached,
    check_unprotected,
    check_whole,
)
from streams.simulator.exchange.venues.bybit.rest import Query
from streams.simulator.exchange.venues.bybit.signing import plain
from streams.simulator.exchange.venues.bybit.tickets import number, ticket_of, trigger_of

AccountHandler: TypeAlias = Callable[[Account, Query], dict[str, Any]]
Routes: TypeAlias = dict[tuple[str, str], AccountHandler]
Found: TypeAlias = Order | Conditional

_MOST_IN_BATCH = 20
_STOP = ("StopOrder", "tpslOrder")


class Orders:
    """Answers by method and path. ``query_of`` makes parameters of a batch's rows."""

    def __init__(
        self,
        desk: Desk,
        triggers: Triggers,
        clock: MarketClock,
        query_of: Callable[[dict[str, str]], Query],
    ) -> None:
        self._desk = desk
        self._triggers = triggers
        self._clock = clock
        self._query_of = query_of

    def routes(self) -> Routes:
        """The account's order paths."""
        root = "/v5/order"
        return {
            ("POST", f"{root}/create"): self._place,
            ("POST", f"{root}/amend"): self._amend,
            ("POST", f"{root}/cancel"): self._cancel,
            ("POST", f"{root}/cancel-all"): self._cancel_all,
            ("POST", f"{root}/create-batch"): lambda a, q: self._batch(a, q, self._place),
            ("POST", f"{root}/amend-batch"): lambda a, q: self._batch(a, q, self._amend),
            ("POST", f"{root}/cancel-batch"): lambda a, q: self._batch(a, q, self._cancel),
            ("GET", f"{root}/realtime"): self._realtime,
            ("GET", f"{root}/history"): self._history,
            ("GET", "/v5/execution/list"): self._executions,
        }

    def _place(self, account: Account, query: Query) -> dict[str, Any]:
        ticket = ticket_of(query)
        trigger = trigger_of(query, ticket)
        check_whole(query)
        check_attached(query, ticket)
        try:
            if trigger is None:
                return _ids(self._desk.place(account, ticket))
            kind = "tpslOrder" if query.get("orderFilter") == "tpslOrder" else "Stop"
            close_all = query.get("closeOnTrigger") == "true" and not ticket.qty
            return _ids(
                self._triggers.place(account, ticket, trigger, kind=kind, close_all=close_all)
            )
        except Rejected as rejected:
            if trigger is not None and rejected.reason is Reason.WOULD_TRIGGER:
                code, way = (110092, "Rising") if trigger.rising else (110093, "Falling")
                sign = "<=" if trigger.rising else ">="
                text = f"expect {way}, but trigger_price[{trigger.price}] {sign} current"
                raise query.refuse(code, text) from rejected
            raise _refused(query, rejected) from rejected

    def _amend(self, account: Account, query: Query) -> dict[str, Any]:
        check_unprotected(query)
        order = self._asked(account, query)
        price, qty = number(query, "price"), number(query, "qty")
        try:
            if isinstance(order, Conditional):
                trigger_price = number(query, "triggerPrice")
                self._triggers.amend(
                    account, order, qty=qty, price=price, trigger_price=trigger_price
                )
            else:
                self._desk.amend(account, order, price=price, qty=qty)
        except Rejected as rejected:
            raise _refused(query, rejected) from rejected
        return _ids(order)

    def _cancel(self, account: Account, query: Query) -> dict[str, Any]:
        order = self._asked(account, query)
        try:
            if isinstance(order, Conditional):
                self._triggers.cancel(account, order)
            else:
                self._desk.cancel(account, order)
        except Rejected as rejected:
            raise _refused(query, rejected) from rejected
        return _ids(order)

    def _cancel_all(self, account: Account, query: Query) -> dict[str, Any]:
        kind, symbols = query.get("orderFilter"), self._symbols(query)
        gone: list[Found] = []
        if kind not in _STOP:
            for order in account.open_orders():
                if order.symbol in symbols:
                    self._desk.cancel(account, order)
                    gone.append(order)
        if kind != "Order":
            for each in account.waiting():
                if each.symbol in symbols:
                    self._triggers.cancel(account, each)
                    gone.append(each)
        return {"list": [_ids(each) for each in gone], "success": "1"}

    def _batch(self, account: Account, query: Query, one: AccountHandler) -> dict[str, Any]:
        category = query.category()
        try:
            rows = msgspec.json.decode(query.get("request") or "", type=list[dict[str, Any]])
        except (msgspec.MsgspecError, RecursionError):
            raise query.refuse(10001, "params error: request invalid") from None
        if not 0 < len(rows) <= _MOST_IN_BATCH:
            raise query.refuse(10001, "params error: request too long")
        done: list[dict[str, Any]] = []
        told: list[dict[str, Any]] = []
        for row in rows:
            named = {"category": category, "symbol": str(row.get("symbol", ""))}
            blank = {"orderId": "", "orderLinkId": str(row.get("orderLinkId", ""))}
            try:
                done.append(
                    named
                    | one(account, self._query_of(plain(row | {"category": category})))
                    | {"createAt": str(self._clock.now_ms())}
                )
                told.append({"code": 0, "msg": "OK"})
            except Refusal as refusal:
                done.append(named | blank | {"createAt": ""})
                answer = refusal.reply.value
                told.append({"code": answer["retCode"], "msg": answer["retMsg"]})
        return {"list": done, "_ext": {"list": told}}

    def _realtime(self, account: Account, query: Query) -> dict[str, Any]:
        """Open orders; by id also those that are over."""
        category = query.category()
        if query.get("orderId") is not None or query.get("orderLinkId") is not None:
            found = self._find(account, query)
            rows = [] if found is None else [self._value(account, found)]
            return {"category": category, "list": rows, "nextPageCursor": ""}
        kind, symbols = query.get("orderFilter"), self._symbols(query)
        if kind is None and category == Category.SPOT:
            kind = "Order"
        orders: list[Found] = []
        if kind not in _STOP:
            orders += [each for each in account.open_orders() if each.symbol in symbols]
        if kind != "Order":
            orders += [each for each in account.waiting() if each.symbol in symbols]
        orders.sort(key=lambda each: -each.id)
        rows = [self._value(account, each) for each in orders[: query.limit(20, 50)]]
        return {"category": category, "list": rows, "nextPageCursor": ""}

    def _history(self, account: Account, query: Query) -> dict[str, Any]:
        """Orders that are over, the latest first."""
        symbols = self._symbols(query)
        asked = query.get("orderId") is not None or query.get("orderLinkId") is not None
        found: list[Found] = [each for each in account.orders.values() if not each.open]
        found += [
            each
            for each in account.conditionals.values()
            if not each.open and each.id not in account.orders
        ]
        if asked:
            one = self._find(account, query)
            found = [each for each in found if each is one]
        rows = [
            self._value(account, each)
            for each in sorted(found, key=lambda each: -each.id)
            if each.symbol in symbols and query.within(each.created_ns)
        ]
        return {
            "category": query.category(),
            "list": rows[: query.limit(20, 50)],
            "nextPageCursor": "",
        }

    def _executions(self, account: Account, query: Query) -> dict[str, Any]:
        symbols = self._symbols(query)
        if query.get("execType") == "Funding":
            return self._fundings(account, query)
        number_, link_id = query.get("orderId"), query.get("orderLinkId")
        rows = [
            fill_value(fill, account.orders[fill.order_id], self._clock)
            for fill in reversed(account.fills)
            if fill.symbol in symbols
            and (number_ is None or fill.order_id == number_of(number_))
            and link_id in (None, fill.client_id)
            and query.within(fill.time_ns)
        ]
        return {
            "category": query.category(),
            "list": rows[: query.limit(50, 100)],
            "nextPageCursor": "",
        }

    def _fundings(self, account: Account, query: Query) -> dict[str, Any]:
        symbols = self._symbols(query)
        rows = [
            funding_value(income, account.positions[income.symbol].listing, self._clock)
            for income in reversed(account.incomes)
            if income.kind is IncomeKind.FUNDING
            and income.symbol in symbols
            and query.within(income.time_ns)
        ]
        return {
            "category": query.category(),
            "list": rows[: query.limit(50, 100)],
            "nextPageCursor": "",
        }

    def _value(self, account: Account, found: Found) -> dict[str, Any]:
        if isinstance(found, Conditional):
            return conditional_value(found, self._clock)
        return order_value(found, account.conditionals.get(found.id), self._clock)

    def _asked(self, account: Account, query: Query) -> Found:
        query.listing()  # a must, and the order must be of it
        if query.get("orderId") is None and query.get("orderLinkId") is None:
            raise query.refuse(10001, "params error: orderId or orderLinkId is required")
        found = self._find(account, query)
        if found is None:
            raise _refused(query, Rejected(Reason.UNKNOWN_ORDER))
        return found

    @staticmethod
    def _find(account: Account, query: Query) -> Found | None:
        """What the id names: the order that came of a conditional one rather than that."""
        told, link_id = query.get("orderId"), query.get("orderLinkId")
        id_ = None if told is None else number_of(told)
        symbol = query.listing().symbol if query.get("symbol") is not None else None
        for each in reversed(account.orders.values()):
            if symbol in (None, each.symbol) and (
                each.id == id_ if id_ is not None else each.client_id == link_id
            ):
                return each
        found = account.find_conditional(id_=id_, client_id=link_id)
        return found if found is not None and symbol in (None, found.symbol) else None

    @staticmethod
    def _symbols(query: Query) -> set[str]:
        """Unified names of what is asked for: one symbol, or all that settle in a coin."""
        coin = query.get("settleCoin")
        return {
            listing.symbol
            for listing in query.listings()
            if coin is None or listing.rules.settle == coin
        }


def _ids(found: Found) -> dict[str, Any]:
    listing = found.ticket.listing
    return {"orderId": order_id(listing, found.id), "orderLinkId": found.client_id}


def _refused(query: Query, rejected: Rejected) -> Refusal:
    spot = query.get("category") == Category.SPOT
    return query.refuse(*code_of(rejected.reason, rejected.detail, spot=spot))
