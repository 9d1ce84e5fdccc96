"""Conditional orders: a ticket that waits for a price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum, auto

from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.orders import Order, Ticket
from streams.simulator.exchange.trading.prices import index_price, last_price, mark_price


class TriggerBy(Enum):
    """The price that is waited for."""

    LAST = auto()
    MARK = auto()
    INDEX = auto()


class Waiting(StrEnum):
    """Where a conditional order stands. It waits while it is new; what it became is at work while
    it is triggered.
    """

    NEW = "new"
    TRIGGERED = "triggered"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """``rising`` waits for the price to be at or above, else at or below it."""

    price: Decimal
    rising: bool
    by: TriggerBy = TriggerBy.LAST

    def reached(self, listing: Listing) -> bool:
        """Whether the price is there now."""
        match self.by:
            case TriggerBy.LAST:
                now = last_price(listing)
            case TriggerBy.MARK:
                now = mark_price(listing)
            case TriggerBy.INDEX:
                now = index_price(listing)
        return now >= self.price if self.rising else now <= self.price


@dataclass(kw_only=True, eq=False)
class Conditional:
    """A conditional order. ``kind`` is the venue's name of its type.

    ``close_all`` closes whatever the position is when it triggers. ``order`` is what it became;
    ``failure`` why it could become nothing.
    """

    id: int
    ticket: Ticket
    trigger: Trigger
    kind: str
    created_ns: int
    updated_ns: int
    close_all: bool = False
    status: Waiting = Waiting.NEW
    triggered_ns: int = 0
    order: Order | None = None
    failure: str = ""

    @property
    def client_id(self) -> str:
        """The client's own name of it."""
        return self.ticket.client_id

    @property
    def symbol(self) -> str:
        """Unified name of what is traded."""
        return self.ticket.listing.symbol

    @property
    def open(self) -> bool:
        """Whether it still waits."""
        return self.status is Waiting.NEW
