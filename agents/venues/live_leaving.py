"""New orders of a real venue: which leave with a step, which are rejected here, which wait.

On some spot venues an order that rests locks what it would sell, so that nothing else can sell it.
A sell then waits until those that lock its coins are cancelled, and all their trades are here.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from decimal import Decimal

import msgspec

from agents.execution.lifecycle import DONE
from agents.venues.base import Change
from agents.venues.live_filters import Sending, filtered
from agents.venues.live_state import Asked, LiveState
from schemas.frame import ContractKind, Frame, Instrument, Side, contract_kind
from schemas.live_settings import LiveSettings
from schemas.money import CONTEXT
from schemas.order import Order, OrderStatus, OrderType
from schemas.venue import RequestKind, VenueRequest

ZERO = Decimal(0)

LOCKING = frozenset({"binance", "bybit"})
"""Spot venues at which a sell that rests locks the coins that it would sell: on Binance a stop too,
on Bybit limits alone; there a stop is cancelled before a sell though it need not be.
"""
_CLOSED = frozenset({OrderStatus.RECONCILED, OrderStatus.REJECTED})
"""Nothing more can come of these, not even a trade that is told late."""


def locks(venue: str, symbol: str) -> bool:
    """Whether a resting sell locks what it would sell.

    >>> locks("binance", "BTC/USDT"), locks("binanceusdm", "BTC/USDT:USDT")
    (True, False)
    """
    return venue in LOCKING and contract_kind(symbol) is ContractKind.SPOT


class Leaving:
    """What leaves for the venue of one account; the state is the caller's to keep."""

    def __init__(self, settings: LiveSettings, *, account: str) -> None:
        self._settings = settings
        self._account = account

    def step(
        self, state: LiveState, frame: Frame, rules: Instrument | None
    ) -> list[Order | VenueRequest]:
        """Requests for what is new and what was locked, and orders that break the venue's rules;
        ``rules`` are those of the frame's symbol, so what was locked of another waits for its own.

        What waited leaves as a new version of itself: so this step, too, is one that the ledger has
        stored, or has not, and after a crash nobody sends it twice.
        """
        given: list[Order | VenueRequest] = []
        waiting = [order for order in state.locked if order.symbol != frame.symbol]
        locked = [order for order in state.locked if order.symbol == frame.symbol]
        sold: set[str] = set()
        waited = {order.client_order_id for order in locked}
        wanted = [*locked, *state.new]
        leaving = {order.client_order_id for order in wanted}
        for order in wanted:
            id_ = order.client_order_id
            leaving.discard(id_)
            if state.book.orders[id_].status is not OrderStatus.INTENT:
                continue  # a process that began since looks for it, as it may have left
            refused = self._refused(state, frame, order, rules, leaving)
            if refused is None and id_ in waited and id_ in state.asked:
                refused = "not sent: cancelled while others had locked its coins"
            if refused is not None:
                rejected = msgspec.structs.replace(
                    order, version=order.version + 1, status=OrderStatus.REJECTED, reason=refused
                )
                state.book.orders[id_] = rejected
                given.append(rejected)
                continue
            if order.side is Side.SELL and locks(order.venue, order.symbol):
                free = order.symbol not in sold and not self._locked(state, order)
                sold.add(order.symbol)
                if not free:
                    waiting.append(order)
                    continue
            if id_ in waited:
                order = msgspec.structs.replace(
                    order, version=order.version + 1, tick_ns=frame.close_ns
                )
                state.book.orders[id_] = order
                given.append(order)
            given.append(self.request(frame, RequestKind.CREATE, order, Change()))
        state.new, state.locked = [], waiting
        return given

    @staticmethod
    def _locked(state: LiveState, order: Order) -> bool:
        """Whether others have locked the coins of a sell; those that rest are asked to go."""
        others = _sells(state, order.symbol)
        for other in others:
            rests = other.type is not OrderType.MARKET and other.status not in DONE
            asked = state.asked.get(other.client_order_id)
            if rests and (asked is None or not asked.sent):
                state.asked[other.client_order_id] = Asked(other)
        return bool(others)

    def _refused(
        self,
        state: LiveState,
        frame: Frame,
        order: Order,
        rules: Instrument | None,
        leaving: Set[str],
    ) -> str | None:
        """Why an order may not leave; those that are still ``leaving`` after it do not count."""
        if order.venue != self._settings.venue:
            return f"venue: {order.venue} is not live.venue {self._settings.venue}"
        if rules is None:
            return "rules: the venue has not told its tick and step yet"
        spot = contract_kind(order.symbol) is ContractKind.SPOT
        held = state.held.get(order.symbol, ZERO)
        if spot and order.side is Side.SELL and order.qty > held:
            return f"spot: {order.qty} cannot be sold, {held} is held"
        there = [each for each in state.book.working() if each.symbol == order.symbol]
        working = [each for each in there if each.client_order_id not in leaving]
        conditionals = len([1 for each in working if each.stop_price is not None])
        return filtered(Sending(order, rules, len(working), conditionals, _mid(frame)))

    def request(
        self, frame: Frame, kind: RequestKind, order: Order, change: Change
    ) -> VenueRequest:
        """A request that leaves with a frame's step."""
        return VenueRequest(
            account=self._account,
            venue=order.venue,
            symbol=order.symbol,
            tick_ns=frame.close_ns,
            kind=kind,
            order=order,
            qty=change.qty,
            price=change.price,
            stop_price=change.stop_price,
        )


def _sells(state: LiveState, symbol: str) -> list[Order]:
    """Sells of a symbol that left, and of which something may still come, by their ids."""
    here = {order.client_order_id for order in (*state.locked, *state.new)}
    found: Iterable[Order] = (
        order
        for order in state.book.orders.values()
        if order.symbol == symbol
        and order.side is Side.SELL
        and order.status not in _CLOSED
        and order.client_order_id not in here
    )
    return sorted(found, key=lambda order: order.client_order_id)


def _mid(frame: Frame) -> Decimal | None:
    book = frame.book
    if book is None or not book.bid_price or not book.ask_price:
        return None
    return CONTEXT.divide(frame.price(book.bid_price[0] + book.ask_price[0]), Decimal(2))
