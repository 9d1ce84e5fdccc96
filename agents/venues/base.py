"""What an account asks of a venue, on paper or a real one. The state is the caller's to keep."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from schemas.frame import Frame, Instrument
from schemas.order import Fill, Funding, Order
from schemas.venue import VenueReport, VenueRequest

Answer = Order | Fill | Funding
"""What a venue says within a frame."""


Closable = Callable[[str, Decimal], Decimal]
"""What of a quantity of ``venue:symbol`` can be closed: not dust."""


class Change(msgspec.Struct, frozen=True):
    """What an amendment sets anew; ``None`` leaves it."""

    qty: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class Venue(Protocol):
    """Pure: what it is told goes into the state, and what it answers comes out of that."""

    def initial(self) -> Any:
        """The state before anything was asked."""
        ...

    def submit(self, state: Any, order: Order) -> None:
        """Send one order; its acknowledgement and fills come with later frames."""
        ...

    def cancel(self, state: Any, order: Order, *, now_ns: int) -> None:
        """Ask to cancel an order, once. What fills before that arrives is filled."""
        ...

    def amend(self, state: Any, order: Order, change: Change, *, now_ns: int) -> None:
        """Ask for another quantity, limit or trigger of an order that rests."""
        ...

    def open_orders(self, state: Any) -> dict[str, list[Order]]:
        """What is not known to be done, with all its trades here, by ``venue:symbol``."""
        ...

    def open_orders_of(self, state: Any, key: str) -> list[Order]:
        """The same of one symbol."""
        ...

    def is_changing(self, state: Any, order: Order) -> bool:
        """Whether a cancel or an amendment of an order is under way."""
        ...

    def on_frame(self, state: Any, frame: Frame) -> list[Answer]:
        """What is heard by this frame's close, in order."""
        ...

    def leg_of(self, state: Any, fill: Fill) -> str:
        """Leg of the order of a fill."""
        ...

    def hear(self, state: Any, report: VenueReport) -> None:
        """Take a report with the tick from which it holds."""
        ...

    def last_run(self, state: Any) -> int:
        """Number of the last process that reported, 0 if there was none."""
        ...

    def resume(self, state: Any) -> None:
        """A person has looked at what was contradictory, and wants to go on."""
        ...

    def unready(self, state: Any) -> str | None:
        """Why nothing may be decided now; ``None``: all is well."""
        ...

    def drift(self, state: Any) -> str | None:
        """How the account and a look at the venue differ; ``None`` also while there is no look."""
        ...

    def reports_none(self, state: Any, scope: str, closable: Closable) -> bool:
        """Whether the venue shows no orders and nothing that can be closed in ``venue:symbol``, or,
        if it is empty, anywhere.
        """
        ...

    def liquidation_price(self, state: Any, key: str) -> Decimal | None:
        """The mark at which a position of ``venue:symbol`` would be liquidated, if it is known."""
        ...

    def locks(self, symbol: str) -> bool:
        """Whether an order that rests, a stop too, takes away what another one could sell."""
        ...

    def dispatch(
        self, state: Any, frame: Frame, rules: Instrument | None
    ) -> list[Order | VenueRequest]:
        """What leaves for the venue with this step, once the step is durable, and what does not
        because it breaks the venue's own rules.
        """
        ...
