"""The life of an order: which state may follow which, and what a venue's report changes.

A report may come late, twice, out of order or never. What is behind what is known already changes
nothing; what contradicts it is :class:`IllegalTransition`, which names both states: the order is
then to be looked up, not guessed at. Positions do not move here; they move by fills, in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from operator import attrgetter

import msgspec

from schemas.errors import ExecutionError, IllegalTransition, Overfilled, UnknownOrder
from schemas.money import CONTEXT
from schemas.order import Fill, Order, OrderStatus

_S = OrderStatus
ZERO = Decimal(0)

LEGAL: Mapping[OrderStatus, tuple[OrderStatus, ...]] = {
    # An intent is written before any network call. The venue's stream may be faster than the reply
    # to that call; and after a crash nobody knows whether it was made: then it is unknown.
    _S.INTENT: (
        _S.SUBMITTED, _S.ACKNOWLEDGED, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.UNKNOWN,
    ),
    _S.SUBMITTED: (
        _S.ACKNOWLEDGED, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.UNKNOWN,
    ),
    # An amendment that the venue takes acknowledges the order again.
    _S.ACKNOWLEDGED: (
        _S.ACKNOWLEDGED, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.UNKNOWN,
    ),
    _S.PARTIAL: (_S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.UNKNOWN),
    _S.UNKNOWN: (_S.ACKNOWLEDGED, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.REJECTED),
    _S.FILLED: (_S.RECONCILED,),
    # A cancelled order whose last fill is told late has filled after all.
    _S.CANCELLED: (_S.FILLED, _S.RECONCILED),
    _S.REJECTED: (_S.RECONCILED,),
    _S.RECONCILED: (),
}  # fmt: skip
"""THE table: what may follow each state."""

DONE = frozenset({_S.FILLED, _S.CANCELLED, _S.REJECTED, _S.RECONCILED})
"""States in which an order does not work any more."""

_ENDED = frozenset({_S.FILLED, _S.CANCELLED})
_ID = attrgetter("client_order_id")

_PROGRESS = {
    _S.INTENT: 0, _S.SUBMITTED: 1, _S.UNKNOWN: 1, _S.ACKNOWLEDGED: 2, _S.PARTIAL: 3,
    _S.FILLED: 4, _S.CANCELLED: 4, _S.REJECTED: 4, _S.RECONCILED: 5,
}  # fmt: skip
"""How far along a state is: a report of less than is known is late."""


class Report(msgspec.Struct, frozen=True):
    """What a venue says of an order: its state, and the whole quantity filled so far.

    ``UNKNOWN`` is our own word for a call whose answer was lost. ``filled_qty`` ``None`` means that
    the report does not tell.
    """

    client_order_id: str
    status: OrderStatus
    tick_ns: int
    filled_qty: Decimal | None = None
    reason: str = ""


def advance(
    order: Order, status: OrderStatus, *, tick_ns: int, reason: str, filled_qty: Decimal
) -> Order:
    """The next version of an order. Raises :class:`IllegalTransition`, :class:`Overfilled`."""
    if filled_qty > order.qty:
        raise Overfilled(
            f"order {order.client_order_id}: {filled_qty} filled of {order.qty}; "
            "halt and compare the position with the venue's"
        )
    if status not in LEGAL[order.status]:
        raise IllegalTransition(
            f"order {order.client_order_id}: {status.value} cannot follow {order.status.value}; "
            "look the order up at the venue"
        )
    return msgspec.structs.replace(
        order,
        version=order.version + 1,
        tick_ns=tick_ns,
        status=status,
        filled_qty=filled_qty,
        reason=reason,
    )


def _next(
    order: Order, status: OrderStatus, *, tick_ns: int, reason: str, filled_qty: Decimal
) -> Order:
    if order.status is _S.CANCELLED and status is _S.PARTIAL:
        # It stays cancelled; that more of it was filled before is told late.
        return msgspec.structs.replace(
            order, version=order.version + 1, tick_ns=tick_ns, filled_qty=filled_qty
        )
    return advance(order, status, tick_ns=tick_ns, reason=reason, filled_qty=filled_qty)


class OrderBook(msgspec.Struct):
    """The orders of an account, each in its latest version, and the trades booked on each.

    Every method gives the new version, or ``None`` where nothing changed.
    """

    orders: dict[str, Order] = msgspec.field(default_factory=dict)
    trades: dict[str, dict[str, Decimal]] = msgspec.field(default_factory=dict)
    """Quantity by the venue's trade id, by order."""

    def place(self, intent: Order) -> Order | None:
        """Take a new order; the same one again changes nothing."""
        known = self.orders.get(intent.client_order_id)
        if known is not None:
            return None
        if intent.status not in {_S.INTENT, _S.REJECTED} or intent.version:
            raise IllegalTransition(
                f"order {intent.client_order_id}: begins as {intent.status.value} "
                f"version {intent.version}; an order begins as intent version 0"
            )
        self.orders[intent.client_order_id] = intent
        return intent

    def report(self, report: Report) -> Order | None:
        """Take what the venue says.

        Raises :class:`UnknownOrder`, :class:`IllegalTransition`, :class:`Overfilled`.
        """
        order = self._known(report.client_order_id)
        filled = max(order.filled_qty, report.filled_qty or ZERO)
        status = _told(report.status, filled, order.qty)
        if status is _S.FILLED:
            filled = max(filled, order.qty)
        if _says_nothing_new(order, status, filled):
            return None
        return self._keep(
            _next(order, status, tick_ns=report.tick_ns, reason=report.reason, filled_qty=filled)
        )

    def fill(self, fill: Fill) -> Order | None:
        """Take a trade on an order, once per trade id of the venue."""
        order = self._known(fill.client_order_id)
        booked = self.trades.setdefault(fill.client_order_id, {})
        if fill.trade_id in booked:
            return None
        total = CONTEXT.add(self.booked_qty(fill.client_order_id), fill.qty)
        filled = max(order.filled_qty, total)
        told_before = filled == order.filled_qty and order.status is not _S.REJECTED
        if not told_before:
            status = _told(_S.PARTIAL, filled, order.qty)
            self._keep(
                _next(order, status, tick_ns=fill.tick_ns, reason=order.reason, filled_qty=filled)
            )
        booked[fill.trade_id] = fill.qty
        return None if told_before else self.orders[fill.client_order_id]

    def reconcile(self, client_order_id: str, *, tick_ns: int) -> Order | None:
        """The venue's trades of a done order are all here: close it.

        Raises :class:`ExecutionError` while fills are missing that the venue has told of.
        """
        order = self._known(client_order_id)
        if order.status is _S.RECONCILED:
            return None
        booked = self.booked_qty(client_order_id)
        if booked != order.filled_qty:
            raise ExecutionError(
                f"order {client_order_id}: {order.filled_qty} filled, trades of {booked} are here; "
                "fetch its trades from the venue first"
            )
        return self._keep(
            advance(
                order, _S.RECONCILED, tick_ns=tick_ns, reason=order.reason,
                filled_qty=order.filled_qty,
            )
        )  # fmt: skip

    def booked_qty(self, client_order_id: str) -> Decimal:
        """Quantity of the trades that are booked on an order."""
        total = ZERO
        for qty in self.trades.get(client_order_id, {}).values():
            total = CONTEXT.add(total, qty)
        return total

    def working(self) -> list[Order]:
        """Orders that may still fill, intents and unknown ones among them, by their ids.

        Not as they came: a state that was read from a snapshot has them in the order of its keys.
        """
        found = [order for order in self.orders.values() if order.status not in DONE]
        return sorted(found, key=_ID)

    def open(self) -> list[Order]:
        """:meth:`working`, and what made a position smaller and has ended while trades of it are
        on their way: until these are here, more is held in the books than there is to be closed.
        """
        return [
            order
            for order in sorted(self.orders.values(), key=_ID)
            if order.status not in DONE or self._lacks_trades(order)
        ]

    def _lacks_trades(self, order: Order) -> bool:
        return (
            order.status in _ENDED
            and order.reduce_only
            and self.booked_qty(order.client_order_id) < order.filled_qty
        )

    def forget(self, client_order_id: str) -> None:
        """Let go of a reconciled order; the durable ledger keeps it."""
        order = self._known(client_order_id)
        if order.status is not _S.RECONCILED:
            raise ExecutionError(
                f"order {client_order_id} is {order.status.value}; only what is reconciled may go"
            )
        del self.orders[client_order_id]
        self.trades.pop(client_order_id, None)

    def _known(self, client_order_id: str) -> Order:
        order = self.orders.get(client_order_id)
        if order is None:
            raise UnknownOrder(
                f"order {client_order_id} was not placed here; adopt, ignore or cancel it"
            )
        return order

    def _keep(self, order: Order) -> Order:
        self.orders[order.client_order_id] = order
        return order


def _told(status: OrderStatus, filled: Decimal, qty: Decimal) -> OrderStatus:
    """The state that a report means, given what is filled by now."""
    if filled == qty and status in {_S.ACKNOWLEDGED, _S.PARTIAL, _S.CANCELLED}:
        return _S.FILLED
    if filled > ZERO and status is _S.ACKNOWLEDGED:
        return _S.PARTIAL
    return status


def _says_nothing_new(order: Order, status: OrderStatus, filled: Decimal) -> bool:
    """Whether a report repeats, or is behind, what is known."""
    if filled > order.filled_qty:
        return False
    if status is order.status:
        return True
    if order.status is _S.UNKNOWN:
        return _PROGRESS[status] <= _PROGRESS[_S.UNKNOWN]
    if status is _S.UNKNOWN:
        return order.status in DONE
    return _PROGRESS[status] < _PROGRESS[order.status]
