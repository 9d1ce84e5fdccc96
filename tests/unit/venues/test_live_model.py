"""A real venue against a model of one: whatever is lost, told twice, told late or restarted, no
order leaves twice, each trade counts once, and once everything is told both sides agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agents.venues.live_state import LiveState
from schemas.frame import Side
from schemas.order import OrderStatus as S
from schemas.order import OrderType
from schemas.venue import AccountReport, RequestKind, RestingOrder, VenueReport, VenueRequest
from tests.support.live_venue import Bench
from tests.support.messages import SYMBOL, VENUE

ZERO = Decimal(0)
SIZES = st.integers(1, 5).map(Decimal)
PICK = st.randoms(use_true_random=False)


@dataclass
class AtVenue:
    """An order as the venue has it, if it ever came there."""

    side: Side
    qty: Decimal
    there: bool = False
    lost: bool = False
    open: bool = False
    told: bool = False
    trades: dict[str, Decimal] = field(default_factory=dict)

    @property
    def filled(self) -> Decimal:
        return sum(self.trades.values(), ZERO)

    def status(self) -> S:
        if self.lost:
            return S.REJECTED
        if self.open:
            return S.PARTIAL if self.filled else S.ACKNOWLEDGED
        return S.FILLED if self.filled == self.qty else S.CANCELLED


class LiveVenueModel(RuleBasedStateMachine):
    """The venue's side is the truth; the account hears of it what the rules tell."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.orders: dict[str, AtVenue] = {}
        self.sent: list[str] = []
        self.flying: list[VenueRequest] = []
        self.reports: list[VenueReport] = []
        self.told: set[tuple[str, str]] = set()
        self.counted: set[tuple[str, str]] = set()

    @precondition(lambda self: len(self.bench.state.book.working()) < 3)
    @rule(qty=SIZES, side=st.sampled_from(Side))
    def wants(self, qty: Decimal, side: Side) -> None:
        """The account places an order."""
        order = self.bench.submit(
            str(qty), side, type=OrderType.LIMIT, price=Decimal(99 if side is Side.BUY else 101)
        )
        self.orders[order.client_order_id] = AtVenue(side, qty)
        self.goes_on()

    @rule()
    def goes_on(self) -> None:
        """A frame: what was heard counts, what was decided leaves."""
        given = [each for each in self.bench.step() if isinstance(each, VenueRequest)]
        self.counted = set(self.told)
        self.flying += given
        self.sent += [r.order.client_order_id for r in given if r.kind is RequestKind.CREATE]

    @precondition(lambda self: self.bench.state.book.working())
    @rule(pick=PICK)
    def does_not_want_any_more(self, pick: Random) -> None:
        working = list(self.bench.state.book.working())
        self.bench.venue.cancel(self.bench.state, pick.choice(working), now_ns=0)

    @precondition(lambda self: self.flying)
    @rule(lost=st.sampled_from((False, False, False, True)))
    def arrives(self, lost: bool) -> None:
        """A request comes to the venue, or never does."""
        request = self.flying.pop(0)
        order = self.orders[request.order.client_order_id]
        if request.kind is RequestKind.CREATE:
            order.there, order.open, order.lost = not lost, not lost, lost
        elif not lost:
            order.open = False

    @precondition(lambda self: any(order.open for order in self.orders.values()))
    @rule(pick=PICK, share=st.integers(1, 3))
    def fills(self, pick: st.random.Random, share: int) -> None:  # type: ignore[name-defined]
        id_ = pick.choice([id_ for id_, order in self.orders.items() if order.open])
        order = self.orders[id_]
        left = order.qty - order.filled
        order.trades[f"{id_}-{len(order.trades)}"] = left if share == 3 else left / 2
        order.open = order.filled < order.qty

    @precondition(lambda self: self._quiet())
    @rule(pick=PICK)
    def nobody_knows(self, pick: Random) -> None:
        """The reply to an order is lost."""
        self.bench.says(pick.choice(self._quiet()), S.UNKNOWN, reason="no reply")

    @precondition(lambda self: self._known())
    @rule(pick=PICK)
    def tells_an_order(self, pick: Random) -> None:
        self._tell_order(pick.choice(self._known()))

    @precondition(lambda self: self._trades())
    @rule(pick=PICK)
    def tells_a_trade(self, pick: Random) -> None:
        """In any order, and again."""
        self._tell_trade(*pick.choice(self._trades()))

    @rule(pick=PICK)
    def is_disturbed(self, pick: Random) -> None:
        """The log repeats, the account is shown before all is told, or the process dies."""
        what = pick.randrange(4)
        if what == 0:
            self._start_again()
        elif what == 1:
            self._show()
        elif self.reports:
            self.bench.venue.hear(self.bench.state, pick.choice(self.reports))

    def _start_again(self) -> None:
        """Another process, from a snapshot: what left stays on its way, and it asks anew."""
        bench = self.bench
        data = msgspec.msgpack.encode(bench.state)
        bench.state = msgspec.msgpack.decode(data, type=LiveState)
        bench.run, bench.number = bench.run + 1, 0
        starting = AccountReport(
            account="acct", venue=VENUE, symbol="", run=bench.run, number=1,
            effective_ns=bench.now_ns, problems=("starting",),
        )  # fmt: skip
        bench.number = 1
        bench.venue.hear(bench.state, starting)

    @invariant()
    def no_order_leaves_twice(self) -> None:
        assert len(self.sent) == len(set(self.sent))

    @invariant()
    def a_position_is_the_trades_that_were_heard(self) -> None:
        state = self.bench.state
        booked = [(self.orders[id_], trade) for id_, trade in self.counted]
        held = sum((order.trades[trade] * order.side.value for order, trade in booked), ZERO)
        assert state.held.get(SYMBOL, ZERO) == held
        assert not state.troubles, state.troubles

    def teardown(self) -> None:
        """Everything arrives and is told: both sides agree, and nothing is left open."""
        while self.flying:
            self.arrives(lost=False)
        self.goes_on()
        while self.flying:
            self.arrives(lost=False)
        for order in self.orders.values():
            order.open = False
        for id_, order in self.orders.items():
            if order.there or order.lost:
                self._tell_order(id_)
            for trade in order.trades:
                self._tell_trade(id_, trade)
        self.goes_on()
        for _ in range(2):
            self._show()
            self.goes_on()
        bench = self.bench
        assert bench.venue.unready(bench.state) is None
        ended = {bench.state.book.orders[id_].status for id_ in self.sent}
        assert ended <= {S.RECONCILED, S.REJECTED}
        truth = sum((o.filled * o.side.value for o in self.orders.values()), ZERO)
        assert bench.state.held.get(SYMBOL, ZERO) == truth

    def _quiet(self) -> list[str]:
        return [id_ for id_ in self.sent if not self.orders[id_].told]

    def _known(self) -> list[str]:
        return [id_ for id_, order in self.orders.items() if order.there or order.lost]

    def _trades(self) -> list[tuple[str, str]]:
        return [(id_, trade) for id_, order in self.orders.items() for trade in order.trades]

    def _tell_order(self, id_: str) -> None:
        order = self.orders[id_]
        order.told = True
        self.reports.append(self.bench.says(id_, order.status(), str(order.filled)))

    def _tell_trade(self, id_: str, trade: str) -> None:
        order = self.orders[id_]
        self.told.add((id_, trade))
        order.told = True
        self.reports.append(self.bench.trades(id_, trade, str(order.trades[trade]), order.side))

    def _show(self) -> None:
        resting = tuple(
            RestingOrder(id_, SYMBOL, o.side, o.qty, o.filled, False, Decimal(99))
            for id_, o in self.orders.items()
            if o.open
        )
        held = sum((o.filled * o.side.value for o in self.orders.values()), ZERO)
        self.bench.shows(orders=resting, held=str(held))


LiveVenueModel.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestLiveVenueModel = LiveVenueModel.TestCase
