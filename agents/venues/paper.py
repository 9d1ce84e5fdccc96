"""The paper venue: fills from the tape and the books of frames, so that nothing is filled that was
not there. ``docs/paper-venue.md`` lists what it assumes, all of it on the careful side.
"""

from __future__ import annotations

from decimal import Decimal

from agents.venues.base import Answer, Change, Closable
from agents.venues.paper_queue import Working
from agents.venues.paper_session import Session
from agents.venues.paper_state import PaperState, Request
from agents.venues.paper_terms import LIQUIDATION, Terms
from agents.venues.paper_wallet import Wallet
from schemas.execution_settings import PaperSettings
from schemas.frame import Frame, Instrument
from schemas.order import Fill, Order
from schemas.venue import VenueReport, VenueRequest

__all__ = ["LIQUIDATION", "Change", "PaperState", "PaperVenue"]


class PaperVenue:
    """One account at a venue that trades on paper; the state is the caller's to keep.

    Cost: O(orders of the symbol + trades) a frame. Memory: open orders and positions.
    """

    def __init__(self, settings: PaperSettings, *, account: str) -> None:
        self._balance = settings.balance
        self._terms = Terms(settings, account=account)
        self.margin = self._terms.margin

    def initial(self) -> PaperState:
        """The start balance, and nothing else."""
        return PaperState(Wallet(cash=self._balance))

    def submit(self, state: PaperState, order: Order) -> None:
        """Send one order; its acknowledgement and fills come with later frames."""
        queue = state.working.setdefault(f"{order.venue}:{order.symbol}", [])
        queue.append(Working(order, order.tick_ns + self._terms.latency_ns))

    def cancel(self, state: PaperState, order: Order, *, now_ns: int) -> None:
        """Ask to cancel an order, once. What fills before that arrives is filled."""
        self._request(state, order, None, now_ns=now_ns)

    def amend(self, state: PaperState, order: Order, change: Change, *, now_ns: int) -> None:
        """Ask for another quantity, limit or trigger of an order that rests.

        A smaller quantity keeps the place in the queue; anything else goes to its end.
        """
        self._request(state, order, change, now_ns=now_ns)

    def open_orders(self, state: PaperState) -> dict[str, list[Order]]:
        """What the venue reports as not done, by ``venue:symbol``; those on their way included."""
        return {key: [w.order for w in queue] for key, queue in state.working.items()}

    def open_orders_of(self, state: PaperState, key: str) -> list[Order]:
        """The same of one symbol."""
        return [working.order for working in state.working.get(key, ())]

    def is_changing(self, state: PaperState, order: Order) -> bool:
        """Whether a cancel or an amendment of an order is under way."""
        requests = state.requests.get(f"{order.venue}:{order.symbol}", ())
        return any(request.client_order_id == order.client_order_id for request in requests)

    def on_frame(self, state: PaperState, frame: Frame) -> list[Answer]:
        """What the venue answers at this frame's close, in order."""
        return Session(self._terms, state, frame).run()

    def leg_of(self, state: PaperState, fill: Fill) -> str:
        """Leg of the order of a fill, while the order works."""
        orders = self.open_orders_of(state, f"{fill.venue}:{fill.symbol}")
        legs = (order.leg for order in orders if order.client_order_id == fill.client_order_id)
        return next(legs, "")

    def hear(self, state: PaperState, report: VenueReport) -> None:
        """Nothing is reported on paper."""

    def last_run(self, state: PaperState) -> int:  # noqa: ARG002 - the seam's
        """Nobody reports of it."""
        return 0

    def resume(self, state: PaperState) -> None:
        """Nothing waits for a person."""

    def unready(self, state: PaperState) -> str | None:  # noqa: ARG002 - the seam's
        """Paper is always ready."""
        return None

    def drift(self, state: PaperState) -> str | None:  # noqa: ARG002 - the seam's
        """There is one book of it."""
        return None

    def liquidation_price(self, state: PaperState, key: str) -> Decimal | None:
        """As all other marks stand."""
        return self.margin.liquidation_price(state.wallet, key)

    def locks(self, symbol: str) -> bool:  # noqa: ARG002 - the seam's
        """Stop and targets rest beside each other."""
        return False

    def reports_none(self, state: PaperState, scope: str, closable: Closable) -> bool:
        """Whether there are no orders and no positions in ``venue:symbol``, or (empty) at all."""
        held = {key for key, qty in state.wallet.qty.items() if closable(key, qty)}
        there = state.working.keys() | held
        return scope not in there if scope else not there

    def dispatch(
        self,
        state: PaperState,  # noqa: ARG002 - the seam's
        frame: Frame,  # noqa: ARG002
        rules: Instrument | None,  # noqa: ARG002
    ) -> list[Order | VenueRequest]:
        """Nothing leaves."""
        return []

    def _request(
        self, state: PaperState, order: Order, change: Change | None, *, now_ns: int
    ) -> None:
        request = Request(order.client_order_id, now_ns + self._terms.latency_ns, change)
        requests = state.requests.setdefault(f"{order.venue}:{order.symbol}", [])
        if not any(r.client_order_id == request.client_order_id and not r.change for r in requests):
            requests.append(request)
