"""A real venue as the account sees it: pure, and moved by reports alone.

What the account wants leaves as requests with the step that decided it. What becomes of them is
heard as reports, each with the tick from which it holds, and taken at the next frame of its symbol
after that. Nothing is assumed: an order without an answer is neither there nor not there, and while
it is unknown nothing takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from agents.execution.lifecycle import DONE
from agents.venues.base import Answer, Change, Closable
from agents.venues.live_hearing import Hearing
from agents.venues.live_leaving import Leaving, locks
from agents.venues.live_state import Asked, LiveState
from schemas.frame import Frame, Instrument
from schemas.live_settings import LiveSettings
from schemas.order import Fill, Order, OrderType
from schemas.venue import AccountReport, RequestKind, VenueReport, VenueRequest

__all__ = ["AMENDS", "LiveState", "LiveVenue"]

ADOPTED = "adopted"
"""Leg of what was taken over from outside."""

_TRIGGERS = frozenset({OrderType.STOP, OrderType.TAKE_PROFIT})
AMENDS: Mapping[str, frozenset[OrderType]] = {
    "binance": frozenset(),
    "binanceusdm": frozenset({OrderType.LIMIT}),
    "bybit": frozenset({OrderType.LIMIT, *_TRIGGERS}),
    # There, it cannot be told for sure what an amendment has made of an order.
    "coinbase": frozenset(),
    "hyperliquid": frozenset(),
}
"""What each venue can amend in place; anything else is cancelled, and placed anew by whoever needs
it once it is known to be gone."""

_SHOWN = 3


class LiveVenue:
    """One account at a real venue; the state is the caller's to keep.

    Cost: O(reports due + working orders) a frame. Memory: what is open, and reports that wait.
    """

    def __init__(self, settings: LiveSettings, *, account: str) -> None:
        self._settings = settings
        self._account = account
        self._leaving = Leaving(settings, account=account)

    def initial(self) -> LiveState:
        """Nothing is known, and so nothing may be decided."""
        return LiveState()

    def submit(self, state: LiveState, order: Order) -> None:
        """Send one order with this step."""
        if state.book.place(order) is not None:
            state.new.append(order)

    def cancel(self, state: LiveState, order: Order, *, now_ns: int) -> None:  # noqa: ARG002
        """Ask to cancel an order, once; a cancel takes the place of an amendment not yet sent."""
        asked = state.asked.get(order.client_order_id)
        if asked is None or not asked.sent:
            state.asked[order.client_order_id] = Asked(order)

    def amend(self, state: LiveState, order: Order, change: Change, *, now_ns: int) -> None:
        """Ask for another quantity, limit or trigger; where the venue cannot, the order goes."""
        if order.type not in AMENDS.get(order.venue, frozenset()):
            self.cancel(state, order, now_ns=now_ns)
        elif order.client_order_id not in state.asked:
            state.asked[order.client_order_id] = Asked(order, change)

    def open_orders(self, state: LiveState) -> dict[str, list[Order]]:
        """What is not known to be done, with all its trades here, by ``venue:symbol``."""
        found: dict[str, list[Order]] = {}
        for order in state.book.open():
            found.setdefault(f"{order.venue}:{order.symbol}", []).append(order)
        return found

    def open_orders_of(self, state: LiveState, key: str) -> list[Order]:
        """The same of one symbol."""
        return self.open_orders(state).get(key, [])

    def is_changing(self, state: LiveState, order: Order) -> bool:
        """Whether a cancel or an amendment of an order is under way."""
        return order.client_order_id in state.asked

    def leg_of(self, state: LiveState, fill: Fill) -> str:
        """Leg of the order of a fill."""
        order = state.book.orders.get(fill.client_order_id)
        return ADOPTED if order is None else order.leg

    def hear(self, state: LiveState, report: VenueReport) -> None:
        """Take a report, once; it waits for its tick.

        One of a process that was succeeded does not count: it may still write, with ticks that its
        successor is past. The successor looks for all that matters itself.
        """
        run = f"{report.run:020d}"
        if report.number <= state.heard.get(run, 0) or report.effective_ns is None:
            return
        if report.run < self.last_run(state):
            return
        state.heard[run] = report.number
        if isinstance(report, AccountReport):
            _forget_looks_before(state, report)
        state.waiting.append(report)

    def last_run(self, state: LiveState) -> int:
        """Number of the last process that reported, 0 if there was none."""
        return int(max(state.heard, default="0"))

    def on_frame(self, state: LiveState, frame: Frame) -> list[Answer]:
        """What was reported of this symbol, and of the account, by this frame's close."""
        hearing = Hearing(self._settings, state, frame, account=self._account)
        later: list[VenueReport] = []
        for report in state.waiting:
            due = (report.effective_ns or 0) < frame.close_ns
            if due:
                hearing.notice(report.run)
            # A look at the account counts when all that was reported before it is taken.
            of_all = isinstance(report, AccountReport)
            mine = not later if of_all else (report.venue, report.symbol) == _market(frame)
            if due and mine:
                hearing.take(report)
            else:
                later.append(report)
        state.waiting = later
        return hearing.end()

    def resume(self, state: LiveState) -> None:
        """A person has looked at what was contradictory."""
        state.troubles = ()

    def unready(self, state: LiveState) -> str | None:
        """Why nothing may be decided."""
        reasons = (*state.troubles, *state.problems)
        if not reasons:
            return None
        more = len(reasons) - _SHOWN
        return "live: " + "; ".join(reasons[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")

    def drift(self, state: LiveState) -> str | None:
        """What forbids to decide, once the venue was looked at."""
        return self.unready(state) if state.looked or state.troubles else None

    def liquidation_price(self, state: LiveState, key: str) -> Decimal | None:  # noqa: ARG002
        """What the venue reckons is not asked for."""
        return None

    def locks(self, symbol: str) -> bool:
        """On spot a resting sell may have locked all that is held."""
        return locks(self._settings.venue, symbol)

    def reports_none(self, state: LiveState, scope: str, closable: Closable) -> bool:
        """Whether the last look, taken after everything that moved, showed nothing in a scope."""
        look = state.look
        if look is None or look.effective_ns <= state.moved_ns or state.book.working():
            return False
        held = [key for key, qty in look.positions.items() if closable(key, qty)]
        there = [*look.orders, *held]
        return scope not in there if scope else not there

    def dispatch(
        self, state: LiveState, frame: Frame, rules: Instrument | None
    ) -> list[Order | VenueRequest]:
        """Requests of this step; orders that break the venue's own rules are rejected here."""
        given = self._leaving.step(state, frame, rules)
        waiting = {order.client_order_id for order in state.locked}
        for id_, asked in sorted(state.asked.items()):
            if id_ in waiting:
                continue
            latest = state.book.orders[id_]
            if latest.status in DONE:
                del state.asked[id_]
            elif not asked.sent:
                asked.sent = True
                kind = RequestKind.CANCEL if asked.change is None else RequestKind.AMEND
                given.append(self._leaving.request(frame, kind, latest, asked.change or Change()))
        for id_ in sorted(state.strays):
            order = state.book.orders[id_]
            given.append(self._leaving.request(frame, RequestKind.CANCEL, order, Change()))
        state.strays = {}
        return given


def _market(frame: Frame) -> tuple[str, str]:
    return frame.venue, frame.symbol


def _forget_looks_before(state: LiveState, look: AccountReport) -> None:
    """Of looks with one tick, which all count at the same frame, keep the last two with this one.

    While no frame comes the account is looked at all the same, and no more is asked of looks than
    whether two in a row show the same.
    """
    alike = [
        report
        for report in state.waiting
        if isinstance(report, AccountReport)
        and (report.run, report.effective_ns) == (look.run, look.effective_ns)
    ]
    for report in alike[:-1]:
        state.waiting.remove(report)
