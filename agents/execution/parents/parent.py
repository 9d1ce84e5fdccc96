"""A parent order and its children: all the state that an algorithm has."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.parents.tally import Tally
from agents.execution.parents.view import View
from schemas.frame import Side
from schemas.money import CONTEXT
from schemas.order import Factor, Fill, client_order_id

ZERO = Decimal(0)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a parent is to do, and what it saw when it began.

    ``own`` and ``other`` are the best prices of its own side and of the one it would take from,
    ``mid`` lies between. ``stop_fraction`` and ``range_price`` are for the risk rules.
    """

    account: str
    signal_id: str
    leg: str
    side: Side
    qty: Decimal
    reduce_only: bool
    reason: str
    algorithm: str
    begun_ns: int
    ends_ns: int
    own: Decimal
    other: Decimal
    factors: tuple[Factor, ...] = ()
    stop_fraction: Decimal = ZERO
    range_price: float | None = None

    @property
    def id(self) -> str:
        """Id of the parent: that of attempt 0; its children are attempts 1, 2, …"""
        return client_order_id(self.account, self.signal_id, self.leg, 0)

    @property
    def mid(self) -> Decimal:
        """Mid when it began."""
        return CONTEXT.divide(CONTEXT.add(self.own, self.other), Decimal(2))


class Child(msgspec.Struct):
    """A child at the venue. ``price`` ``None`` takes at the market; ``leaving``: cancel was sent.

    ``other`` is the price that an order taking at once would have got when it was sent.
    """

    id: str
    qty: Decimal
    price: Decimal | None
    other: Decimal
    filled: Decimal = ZERO
    leaving: bool = False

    @property
    def is_resting(self) -> bool:
        """Whether it has a limit and may wait for it."""
        return self.price is not None

    @property
    def left(self) -> Decimal:
        """What may still fill."""
        return CONTEXT.subtract(self.qty, self.filled)


class Parent(msgspec.Struct):
    """An order that is worked. Bounded by its schedule and by :data:`MOST_CHILDREN`.

    ``schedule`` has what is to be done by the end of each slice. ``children`` numbers them, those
    that a rule forbade among them; ``sent`` counts those that went out, ``sent_slice`` is the slice
    of the last. ``volume`` is what the market traded since it began, at ``notional`` in all,
    ``slice_volume`` what it did in the last whole slice. ``spread_sum`` over ``spreads`` frames
    gives the mean spread. ``stopped`` says why no child is sent any more, ``blocked`` which risk
    rule forbids the next. ``refused`` counts children in a row that the venue refused, ``told`` is
    what it last said.
    """

    task: Task
    schedule: tuple[Decimal, ...] = ()
    filled: Decimal = ZERO
    children: int = 0
    working: list[Child] = msgspec.field(default_factory=list)
    ended: dict[str, Decimal] = msgspec.field(default_factory=dict)
    sent: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)
    volume: Decimal = ZERO
    notional: Decimal = ZERO
    volume_at_slice: Decimal = ZERO
    slice_volume: Decimal = ZERO
    slice: int = 0
    sent_slice: int = -1
    spread_sum: Decimal = ZERO
    spreads: int = 0
    stopped: str = ""
    blocked: str = ""
    refused: int = 0
    told: str = ""

    @property
    def left(self) -> Decimal:
        """What is not filled."""
        return CONTEXT.subtract(self.task.qty, self.filled)

    def out(self) -> Decimal:
        """What children that work may still fill."""
        total = ZERO
        for child in self.working:
            total = CONTEXT.add(total, child.left)
        return total

    def observe(self, view: View, slice_ns: int) -> None:
        """Take what the market did in a frame."""
        number = (view.now_ns - self.task.begun_ns) // slice_ns
        if number > self.slice:
            self.slice_volume = CONTEXT.subtract(self.volume, self.volume_at_slice)
            self.volume_at_slice, self.slice = self.volume, number
        self.volume = CONTEXT.add(self.volume, view.traded)
        self.notional = CONTEXT.add(self.notional, view.notional)
        if view.spread is not None:
            self.spread_sum = CONTEXT.add(self.spread_sum, view.spread)
            self.spreads += 1

    def send(self, child: Child) -> None:
        """Note a child that goes to the venue; it was numbered already."""
        self.sent += 1
        self.sent_slice = self.slice
        self.working.append(child)

    def child(self, id_: str) -> Child | None:
        """One of the children that work."""
        return next((child for child in self.working if child.id == id_), None)

    def owns(self, id_: str) -> bool:
        """Whether an order is one of its children, working or ended."""
        return id_ in self.ended or self.child(id_) is not None

    def fill(self, fill: Fill) -> None:
        """Note a fill of one of the children, also of one that has ended and is told late."""
        child = self.child(fill.client_order_id)
        if child is not None:
            child.filled = CONTEXT.add(child.filled, fill.qty)
        self.filled = CONTEXT.add(self.filled, fill.qty)
        other = self.ended[fill.client_order_id] if child is None else child.other
        self.tally.take(fill, other=other, side=self.task.side)
        self.refused = 0

    def end(self, child: Child) -> None:
        """Note that a child is done."""
        self.working = [other for other in self.working if other is not child]
        self.ended[child.id] = child.other


MOST_CHILDREN = 1_000
"""Children of one parent; a parent that would need more is stopped."""
