"""The life of an order: the table, and reports that come late, twice, out of order or never."""

from __future__ import annotations

import itertools
from decimal import Decimal

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agents.execution.ledger import Ledger
from agents.execution.lifecycle import DONE, LEGAL, OrderBook, Report, advance
from schemas.errors import ExecutionError, IllegalTransition, Overfilled, UnknownOrder
from schemas.frame import Side
from schemas.order import Fill, Order, OrderStatus, OrderType
from tests.support.messages import SYMBOL, VENUE, fill_of

S = OrderStatus


def intent(id_: str = "o", *, qty: str = "10") -> Order:
    return Order(
        id_, 0, "paper", VENUE, SYMBOL, 1, S.INTENT, Side.BUY, OrderType.MARKET, Decimal(qty),
        Decimal(0), False, "s", "open", 1, "why",
    )  # fmt: skip


def book_with(*statuses: OrderStatus, qty: str = "10") -> OrderBook:
    book = OrderBook()
    book.place(intent(qty=qty))
    for status in statuses:
        book.report(Report("o", status, 2))
    return book


def trade(qty: str, *, trade_id: str, order: str = "o") -> Fill:
    made = fill_of(Side.BUY, "100", qty, trade_id=trade_id)
    return msgspec.structs.replace(made, client_order_id=order)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(S, S)))
def test_every_pair_of_states_is_legal_by_the_table_or_an_error_that_names_both(
    before: OrderStatus, after: OrderStatus
) -> None:
    order = msgspec.structs.replace(intent(), status=before)
    args = {"tick_ns": 5, "reason": "r", "filled_qty": Decimal(0)}
    if after in LEGAL[before]:
        moved = advance(order, after, **args)  # type: ignore[arg-type]
        assert (moved.status, moved.version) == (after, 1)
    else:
        with pytest.raises(IllegalTransition, match=f"{after.value} cannot follow {before.value}"):
            advance(order, after, **args)  # type: ignore[arg-type]


def test_from_every_state_a_done_one_can_be_reached_and_nothing_follows_the_last() -> None:
    def reach(start: OrderStatus) -> set[OrderStatus]:
        seen, todo = set(), [start]
        while todo:
            for after in LEGAL[todo.pop()]:
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return seen

    assert set(LEGAL) == set(S)
    assert all(S.RECONCILED in reach(status) for status in S if status is not S.RECONCILED)
    assert LEGAL[S.RECONCILED] == ()


def test_versions_grow_by_one_with_each_change_and_a_repeated_report_is_none() -> None:
    book = book_with(S.SUBMITTED, S.ACKNOWLEDGED)
    assert book.orders["o"].version == 2
    assert book.report(Report("o", S.ACKNOWLEDGED, 9)) is None
    assert book.report(Report("o", S.SUBMITTED, 9)) is None
    assert book.orders["o"].version == 2
    assert book.place(intent()) is None


def test_a_rejected_order_that_fills_is_an_error_and_its_position_moves_all_the_same() -> None:
    book = book_with(S.SUBMITTED, S.REJECTED)
    ledger = Ledger(balance=Decimal(0))
    fill = trade("10", trade_id="1")
    assert ledger.apply(fill)
    for _ in range(2):  # it stays one, however often it is told
        with pytest.raises(IllegalTransition, match="filled cannot follow rejected"):
            book.fill(fill)
    assert ledger.open_count() == 1


def test_more_filled_than_ordered_is_an_error() -> None:
    book = book_with(S.SUBMITTED)
    book.fill(trade("10", trade_id="1"))
    with pytest.raises(Overfilled, match="11 filled of 10"):
        book.fill(trade("1", trade_id="2"))
    with pytest.raises(Overfilled):
        book_with(S.SUBMITTED).report(Report("o", S.PARTIAL, 2, Decimal(11)))


def test_a_cancelled_order_keeps_its_state_when_a_fill_is_told_late() -> None:
    book = book_with(S.SUBMITTED, S.ACKNOWLEDGED, S.CANCELLED)
    late = book.fill(trade("4", trade_id="1"))
    assert late is not None
    assert (late.status, late.filled_qty) == (S.CANCELLED, Decimal(4))
    rest = book.fill(trade("6", trade_id="2"))
    assert rest is not None
    assert rest.status is S.FILLED


def test_an_order_is_reconciled_only_when_its_trades_add_up() -> None:
    book = book_with(S.SUBMITTED, S.FILLED)
    book.fill(trade("4", trade_id="1"))
    with pytest.raises(ExecutionError, match="10 filled, trades of 4 are here"):
        book.reconcile("o", tick_ns=3)
    book.fill(trade("6", trade_id="2"))
    closed = book.reconcile("o", tick_ns=3)
    assert closed is not None
    assert closed.status is S.RECONCILED
    assert book.reconcile("o", tick_ns=4) is None
    book.forget("o")
    assert not book.orders
    assert not book.trades


def test_an_order_that_works_cannot_be_forgotten_and_a_strangers_is_named() -> None:
    book = book_with(S.SUBMITTED)
    with pytest.raises(ExecutionError, match="is submitted; only what is reconciled"):
        book.forget("o")
    with pytest.raises(UnknownOrder, match="order x was not placed here"):
        book.report(Report("x", S.FILLED, 1))


def test_an_intent_that_a_crash_left_behind_is_looked_up() -> None:
    book = book_with()
    book.report(Report("o", S.UNKNOWN, 2))
    found = book.report(Report("o", S.ACKNOWLEDGED, 3, Decimal(3)))
    assert found is not None
    assert (found.status, found.filled_qty) == (S.PARTIAL, Decimal(3))


class Venue:
    """The truth of one order at a venue, and everything that the venue ever says of it."""

    def __init__(self, id_: str, qty: int) -> None:
        self.id, self.qty, self.filled = id_, qty, 0
        self.status = S.SUBMITTED
        self.said: list[Report | Fill] = []

    def say(self, status: OrderStatus, *, tells_qty: bool) -> None:
        self.status = status
        self.said.append(Report(self.id, status, 1, Decimal(self.filled) if tells_qty else None))

    def trade(self, qty: int, *, tells_qty: bool) -> None:
        self.filled += qty
        self.said.append(trade(str(qty), trade_id=f"{self.id}{self.filled}", order=self.id))
        self.say(S.FILLED if self.filled == self.qty else S.PARTIAL, tells_qty=tells_qty)

    @property
    def works(self) -> bool:
        return self.status in {S.SUBMITTED, S.ACKNOWLEDGED, S.PARTIAL}


class Reports(RuleBasedStateMachine):
    """Truthful reports in any order, repeated, lost: never an error, never a wrong position."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.ledger = OrderBook(), Ledger(balance=Decimal(0))
        self.venues: dict[str, Venue] = {}
        self.heard: dict[str, int] = {}  # the plain model: quantity by trade id
        self.versions: dict[str, int] = {}

    @rule(qty=st.integers(1, 9))
    def send(self, qty: int) -> None:
        id_ = f"o{len(self.venues)}"
        self.book.place(intent(id_, qty=str(qty)))
        self.book.report(Report(id_, S.SUBMITTED, 1))
        self.venues[id_] = Venue(id_, qty)

    @precondition(lambda self: any(v.works for v in self.venues.values()))
    @rule(data=st.data(), tells_qty=st.booleans())
    def happens(self, data: st.DataObject, tells_qty: bool) -> None:
        venue = data.draw(st.sampled_from([v for v in self.venues.values() if v.works]))
        if venue.status is S.SUBMITTED:
            venue.say(data.draw(st.sampled_from([S.ACKNOWLEDGED, S.REJECTED])), tells_qty=tells_qty)
        elif data.draw(st.booleans()):
            venue.trade(data.draw(st.integers(1, venue.qty - venue.filled)), tells_qty=tells_qty)
        else:
            venue.say(S.CANCELLED, tells_qty=tells_qty)

    @precondition(lambda self: any(v.said for v in self.venues.values()))
    @rule(data=st.data())
    def hears(self, data: st.DataObject) -> None:
        """Any report that was ever made, whenever it likes to come, once or often."""
        said = [report for venue in self.venues.values() for report in venue.said]
        self.take(data.draw(st.sampled_from(said)))

    @precondition(lambda self: self.venues)
    @rule(data=st.data())
    def loses_an_answer(self, data: st.DataObject) -> None:
        self.book.report(Report(data.draw(st.sampled_from(list(self.venues))), S.UNKNOWN, 1))

    @precondition(lambda self: self.venues)
    @rule(data=st.data())
    def looks_up(self, data: st.DataObject) -> None:
        """Asked, the venue tells the order and all its trades; then nothing is unknown."""
        venue = data.draw(st.sampled_from(list(self.venues.values())))
        if venue.status is S.SUBMITTED:
            return  # not found yet: not final
        for fill in [said for said in venue.said if isinstance(said, Fill)]:
            self.take(fill)
        self.take(Report(venue.id, venue.status, 1, Decimal(venue.filled)))
        order = self.book.orders[venue.id]
        if order.status is S.RECONCILED:
            return
        assert (order.status, order.filled_qty) == (venue.status, Decimal(venue.filled))
        if not venue.works:
            self.book.reconcile(venue.id, tick_ns=2)

    def take(self, said: Report | Fill) -> None:
        if isinstance(said, Report):
            self.book.report(said)
            return
        self.ledger.apply(said)
        self.book.fill(said)
        self.heard[said.trade_id] = int(said.qty)

    @invariant()
    def the_position_is_the_sum_of_the_trades_that_were_heard_of(self) -> None:
        holding = self.ledger.holdings.get(f"{VENUE}:{SYMBOL}")
        assert (holding.qty if holding else 0) == sum(self.heard.values())

    @invariant()
    def no_order_knows_more_than_the_truth_or_goes_back(self) -> None:
        for id_, venue in self.venues.items():
            order = self.book.orders[id_]
            assert order.filled_qty <= venue.filled
            assert order.filled_qty >= self.book.booked_qty(id_)
            assert order.version >= self.versions.get(id_, 0)
            self.versions[id_] = order.version
            if order.status in DONE:
                assert not venue.works


TestReports = Reports.TestCase
TestReports.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
