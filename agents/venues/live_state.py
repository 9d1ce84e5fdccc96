"""What an account knows of a real venue, by its reports."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.lifecycle import OrderBook
from agents.venues.base import Change
from schemas.order import Order
from schemas.venue import RestingOrder, VenuePosition, VenueReport

NOT_LOOKED = "the venue was not looked at yet"


class Asked(msgspec.Struct):
    """A cancel, or with a change an amendment, that has no outcome yet."""

    order: Order
    change: Change | None = None
    sent: bool = False


class Look(msgspec.Struct, frozen=True):
    """What the last look at the venue showed, less what is ignored: ``venue:symbol`` that have
    orders, and positions by it.

    ``cash`` is ``balance`` less the entry cost of all positions, shorts counting against it.
    """

    effective_ns: int
    balance: Decimal
    cash: Decimal
    orders: tuple[str, ...] = ()
    positions: dict[str, Decimal] = {}


class LiveState(msgspec.Struct, tag=True):
    """Bounded by what is open and by reports that wait for their tick, of looks at the venue two.

    ``heard`` is the number of the last report by run: the log may be read again. ``problems`` are
    why nothing may be decided; ``doubts`` the differences of the last look, which count when the
    next one finds them again; ``troubles`` contradict the order's life or the account's currency,
    and stay until a person resumes. ``looked`` tells whether ``problems`` come of a look, by the
    process that hears now. ``held`` is what our fills come to, by symbol, ``outside`` what
    was there before us and is ignored. ``locked`` are sells that wait until others have freed the
    coins. ``moved_ns`` is the tick of what moved last. ``fees_elsewhere`` were taken in other coins
    than the account's, as they were booked. ``began_ns`` is the tick of the first convergence,
    ``paid_ns`` the time of the last funding payment that was booked, by symbol.
    """

    book: OrderBook = msgspec.field(default_factory=OrderBook)
    new: list[Order] = msgspec.field(default_factory=list)
    locked: list[Order] = msgspec.field(default_factory=list)
    asked: dict[str, Asked] = msgspec.field(default_factory=dict)
    strays: dict[str, RestingOrder] = msgspec.field(default_factory=dict)
    waiting: list[VenueReport] = msgspec.field(default_factory=list)
    heard: dict[str, int] = msgspec.field(default_factory=dict)
    run: int = 0
    problems: tuple[str, ...] = (NOT_LOOKED,)
    doubts: tuple[str, ...] = ()
    looked: bool = False
    troubles: tuple[str, ...] = ()
    converged_ns: int | None = None
    began_ns: int | None = None
    paid_ns: dict[str, int] = msgspec.field(default_factory=dict)
    fees_elsewhere: Decimal = Decimal(0)
    held: dict[str, Decimal] = msgspec.field(default_factory=dict)
    outside: dict[str, Decimal] = msgspec.field(default_factory=dict)
    adopting: dict[str, VenuePosition] = msgspec.field(default_factory=dict)
    look: Look | None = None
    moved_ns: int = -1
