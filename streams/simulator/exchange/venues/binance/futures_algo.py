"""Conditional orders of Binance's USD-M: the algo order endpoints."""

from __future__ import annotations

from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.conditional import Conditional
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.trading.triggers import Triggers
from streams.simulator.exchange.venues.binance.futures_errors import refusal_of, refused
from streams.simulator.exchange.venues.binance.futures_messages import conditional_value
from streams.simulator.exchange.venues.binance.futures_orders import ALL_CANCELLED, Routes
from streams.simulator.exchange.venues.binance.query import Query, refuse
from streams.simulator.exchange.venues.binance.tickets import algo_ticket


class FuturesAlgo:
    """Answers by method and path."""

    def __init__(self, triggers: Triggers, clock: MarketClock) -> None:
        self._triggers = triggers
        self._clock = clock

    def routes(self) -> Routes:
        """The paths of conditional orders."""
        root = "/fapi/v1"
        return {
            ("POST", f"{root}/algoOrder"): self._place,
            ("DELETE", f"{root}/algoOrder"): self._cancel,
            ("GET", f"{root}/algoOrder"): self._get,
            ("GET", f"{root}/openAlgoOrders"): self._open_orders,
            ("GET", f"{root}/allAlgoOrders"): self._all_orders,
            ("DELETE", f"{root}/algoOpenOrders"): self._cancel_all,
        }

    def _place(self, account: Account, query: Query) -> dict[str, Any]:
        ticket, trigger, kind = algo_ticket(query)
        try:
            each = self._triggers.place(
                account, ticket, trigger, kind=kind, close_all=query.flag("closePosition")
            )
        except Rejected as rejected:
            raise refused(rejected) from rejected
        return conditional_value(each, self._clock)

    def _cancel(self, account: Account, query: Query) -> dict[str, Any]:
        each = self._asked(account, query, Reason.UNKNOWN_ORDER)
        try:
            self._triggers.cancel(account, each)
        except Rejected as rejected:
            raise refused(rejected) from rejected
        return {
            "algoId": each.id,
            "clientAlgoId": each.client_id,
            "code": "200",
            "msg": "success",
        }

    def _get(self, account: Account, query: Query) -> dict[str, Any]:
        return conditional_value(self._asked(account, query, Reason.NOT_FOUND), self._clock)

    def _open_orders(self, account: Account, query: Query) -> list[dict[str, Any]]:
        symbol = None if query.optional("symbol") is None else query.listing().symbol
        return [conditional_value(each, self._clock) for each in account.waiting(symbol)]

    def _all_orders(self, account: Account, query: Query) -> list[dict[str, Any]]:
        symbol = query.listing().symbol
        found = [
            each
            for each in account.conditionals.values()
            if each.symbol == symbol and query.within(each.created_ns)
        ]
        return [conditional_value(each, self._clock) for each in found[-query.limit(500, 1000) :]]

    def _cancel_all(self, account: Account, query: Query) -> dict[str, Any]:
        for each in account.waiting(query.listing().symbol):
            self._triggers.cancel(account, each)
        return ALL_CANCELLED

    @staticmethod
    def _asked(account: Account, query: Query, missing: Reason) -> Conditional:
        id_, client_id = query.whole("algoId"), query.optional("clientAlgoId")
        if id_ is None and client_id is None:
            raise refuse(
                -1102, "Param 'algoId' or 'clientAlgoId' must be sent, but both were empty."
            )
        found = account.find_conditional(id_=id_, client_id=client_id)
        if found is None:
            raise refusal_of(missing)
        return found
