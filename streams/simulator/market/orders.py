"""What may be asked of a matching engine, and what it answers.

Prices are whole ticks, quantities whole steps (``Rules`` says what they are worth).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from schemas.frame import Side


class Force(Enum):
    """What becomes of the part of an order that does not trade at once."""

    GTC = "good till cancelled: it rests"
    IOC = "immediate or cancel: it lapses"
    FOK = "fill or kill: all of the order trades, or none"
    POST_ONLY = "the order is refused if any of it would trade"


class SelfTrade(Enum):
    """What happens where an order meets one of the same owner."""

    EXPIRE_MAKER = "the resting order is cancelled, and matching goes on"
    EXPIRE_TAKER = "the rest of the incoming order lapses"
    EXPIRE_BOTH = "both"
    ALLOW = "they trade"


class Status(Enum):
    """What became of an order when it came in."""

    RESTING = "all or a part of it stands in the book"
    FILLED = "all of it traded"
    EXPIRED = "what did not trade has lapsed"
    REFUSED = "it did nothing"


class Fill(NamedTuple):
    """One trade, for both sides. ``maker_left`` is what still rests of the maker's order."""

    price: int
    qty: int
    maker_id: int
    maker_owner: str
    maker_left: int
    taker_id: int
    taker_owner: str
    taker_side: Side


@dataclass(slots=True)
class Outcome:
    """The answer to an order.

    ``expired_ids`` are resting orders of the same owner that were cancelled rather than traded
    with. ``left`` is what rests, or has lapsed.
    """

    order_id: int
    status: Status
    left: int
    fills: list[Fill] = field(default_factory=list)
    expired_ids: list[int] = field(default_factory=list)

    @property
    def filled(self) -> int:
        """Steps that traded."""
        return sum(fill.qty for fill in self.fills)  # ints


class Order:
    """A resting order: ``qty`` is what is left of it. Only the book changes it."""

    __slots__ = ("after", "before", "id", "level", "owner", "qty")

    def __init__(self, order_id: int, owner: str, qty: int, level: Level) -> None:
        self.id = order_id
        self.owner = owner
        self.qty = qty
        self.level = level
        self.before: Order | None = None
        self.after: Order | None = None

    @property
    def side(self) -> Side:
        """Which side it rests on."""
        return self.level.side

    @property
    def price(self) -> int:
        """Ticks."""
        return self.level.price


class Level:
    """The orders at one price in the order of their arrival, as a doubly linked list.

    A list of the language would make a cancel in the middle as long as the queue.
    """

    __slots__ = ("first", "last", "orders", "price", "qty", "side")

    def __init__(self, side: Side, price: int) -> None:
        self.side = side
        self.price = price
        self.qty = 0
        self.orders = 0
        self.first: Order | None = None
        self.last: Order | None = None

    def append(self, order: Order) -> None:
        """Put an order at the end of the queue."""
        order.level = self
        order.before, order.after = self.last, None
        if self.last is None:
            self.first = order
        else:
            self.last.after = order
        self.last = order
        self.orders += 1
        self.qty += order.qty

    def remove(self, order: Order) -> None:
        """Take an order out, with what is left of it."""
        before, after = order.before, order.after
        if before is None:
            self.first = after
        else:
            before.after = after
        if after is None:
            self.last = before
        else:
            after.before = before
        self.orders -= 1
        self.qty -= order.qty
