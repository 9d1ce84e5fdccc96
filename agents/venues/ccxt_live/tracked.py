"""One order under way: what is known of it, and when it is looked at next."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from agents.venues.ccxt_live.seen import Seen
from schemas.frame import NS_PER_S
from schemas.order import Order, OrderStatus, OrderType
from schemas.venue import RequestKind

ZERO = Decimal(0)

_ENDED = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED})
_FIRST_WAIT_S = 0.2
_NEVER = 1 << 62


class Tracked:
    """Until :meth:`is_settled`: it ended, and its trades come to what was filled."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.turn = asyncio.Lock()
        self.venue_id = ""
        self.status: OrderStatus | None = None
        self.filled_qty = ZERO
        self.trades: dict[str, Decimal] = {}
        self.answering: RequestKind | None = None
        self.refused = ""
        self.misses = 0
        self.asked_ns = 0
        self._due_ns = _NEVER
        self._wait_s = _FIRST_WAIT_S

    def ask(self, at_ns: int) -> None:
        """Look at it from a time on, and go on until it is known."""
        if not self.asked_ns:
            self.asked_ns = at_ns
        self._due_ns, self._wait_s = min(self._due_ns, at_ns), _FIRST_WAIT_S

    def again(self, now_ns: int, *, at_most_s: float) -> None:
        """A look told nothing: another one, a little later than the last time."""
        self._due_ns = now_ns + round(self._wait_s * NS_PER_S)
        self._wait_s = min(self._wait_s * 2, at_most_s)

    def rest(self, until_ns: int) -> None:
        """It is known: a market order is looked at again, one that rests with the whole account."""
        resting = self.order.type is not OrderType.MARKET
        self._due_ns, self._wait_s = (_NEVER if resting else until_ns), _FIRST_WAIT_S

    def begun(self, now_ns: int) -> None:
        """A look is under way."""
        del now_ns
        self._due_ns = _NEVER

    def is_due(self, now_ns: int) -> bool:
        """Whether it is to be looked at now."""
        return now_ns >= self._due_ns

    def learns(self, seen: Seen) -> bool:
        """Take what was seen; whether it says anything new."""
        filled = max(self.filled_qty, seen.filled_qty or ZERO)
        new = seen.status is not self.status or filled != self.filled_qty
        if self.status not in _ENDED:
            self.status = seen.status
        self.filled_qty = filled
        return new

    def lacks_trades(self) -> bool:
        """Whether more is filled than the trades that are here."""
        return self._traded() < self.filled_qty

    def is_settled(self) -> bool:
        """Whether nothing more can come."""
        return self.status in _ENDED and self._traded() >= self.filled_qty

    def is_conditional(self) -> bool:
        """Whether it waits for a trigger."""
        return self.order.stop_price is not None

    def _traded(self) -> Decimal:
        total = ZERO
        for qty in self.trades.values():
            total += qty
        return total
