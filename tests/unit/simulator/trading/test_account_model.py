"""The desk under random orders and a random market, against books that are kept beside it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.frame import ContractKind, Side
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import BookChange, Listing, Trade
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.events import Execution, OrderChanged
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.orders import Force, Kind, Order, Status, Ticket
from streams.simulator.exchange.trading.rejections import Rejected
from streams.simulator.exchange.trading.terms import BINANCE
from tests.support.simulated import START_NS, SmallMarket

KEY = ApiKey(name="a", key="k", secret="s", balances={"USDT": Decimal(3_000), "BTC": Decimal(1)})


class DeskModel(RuleBasedStateMachine):
    """After each step: fills sum to orders, positions and money; nothing fills better than the
    tape allows.
    """

    symbol = "BTC/USDT:USDT"

    @initialize(seed=st.integers(0, 1_000))
    def start(self, seed: int) -> None:
        self.clock = MarketClock(speed=None)
        self.clock.start(START_NS)
        market = SmallMarket(self.symbol, seed=seed)
        self.listing = Listing(market.rules, venue_id="BTCUSDT", seed="x", truth=None)
        self.desk = Desk(self.clock, BINANCE)
        self.desk.add(self.listing)
        self.account = self.desk.open(KEY)
        self.events = market.events()
        self.told: list[OrderChanged] = []
        self.desk.listeners.append(self._hear)
        self.rng = Random(seed)
        self.number = 0
        self.passive: Any = None
        self.play(30)

    def _hear(self, event: object) -> None:
        if isinstance(event, OrderChanged):
            self.told.append(event)
            if event.fill is not None and event.fill.maker:
                self._check_maker(event)

    def _check_maker(self, event: OrderChanged) -> None:
        """A maker's fill has its own price, and the market's event reached that price."""
        assert event.fill is not None
        assert event.fill.price == event.order.price
        match self.passive:
            case Trade():
                price = Decimal(self.passive.price)
                assert self.passive.side == -event.order.side
                assert (price - event.fill.price) * event.order.side <= 0
            case BookChange():
                book = self.listing.book
                best = (book.asks if event.order.side is Side.BUY else book.bids).best()
                assert best is not None
                assert (Decimal(best[0]) - event.fill.price) * event.order.side <= 0
            case other:
                raise AssertionError(f"a maker's fill out of {other}")

    @rule(count=st.integers(1, 40))
    def play(self, count: int) -> None:
        for _ in range(count):
            at_ns, event = next(self.events)
            self.clock.advance(at_ns - self.clock.now_ns())
            self.listing.now_ns = at_ns
            update = self.listing.apply(event)
            if update is not None:
                self.passive = update
                got = len(self.account.fills)
                self.desk.on_market(self.listing, update)
                if isinstance(update, Trade):
                    filled = sum((f.qty for f in self.account.fills[got:]), Decimal(0))
                    assert filled <= Decimal(update.qty)
                self.passive = None

    @rule(
        side=st.sampled_from(Side),
        steps=st.integers(1, 900),
        ticks=st.integers(-30, 30),
        kind=st.sampled_from(Kind),
        force=st.sampled_from(Force),
        reduce_only=st.booleans(),
    )
    def place(
        self, side: Side, steps: int, ticks: int, kind: Kind, force: Force, reduce_only: bool
    ) -> None:
        best = self.listing.book.bids.best()
        assert best is not None
        self.number += 1
        limit = kind is Kind.LIMIT
        ticket = Ticket(
            listing=self.listing,
            side=side,
            kind=kind,
            qty=steps * Decimal("0.001"),
            client_id=f"o{self.number}",
            price=Decimal(best[0]) + ticks * Decimal("0.1") if limit else None,
            force=force if limit else Force.GTC,
            reduce_only=reduce_only and self.listing.rules.kind is not ContractKind.SPOT,
        )
        before = dict(self.account.wallet), len(self.account.orders), len(self.told)
        held = self.account.position(self.listing).qty
        try:
            order = self.desk.place(self.account, ticket)
        except Rejected:
            after = dict(self.account.wallet), len(self.account.orders), len(self.told)
            assert before == after
            return
        self._check_taker(order, held)

    def _check_taker(self, order: Order, held: Decimal) -> None:
        ticket = order.ticket
        for fill in order.fills:
            assert not fill.maker
            assert ticket.force is not Force.POST_ONLY
            assert ticket.price is None or (fill.price - ticket.price) * ticket.side <= 0
        if ticket.force is Force.FOK or ticket.kind is Kind.MARKET or ticket.force is Force.IOC:
            assert not order.open
        if ticket.force is Force.FOK and not ticket.reduce_only:
            assert order.filled in (0, order.qty)
        if ticket.reduce_only:
            assert order.filled <= abs(held)

    @precondition(lambda self: any(self.account.open_orders()))
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        order = data.draw(st.sampled_from(list(self.account.open_orders())))
        self.desk.cancel(self.account, order)
        assert order.status is Status.CANCELLED

    @precondition(lambda self: any(self.account.open_orders()))
    @rule(data=st.data(), ticks=st.integers(-20, 20), steps=st.integers(1, 900))
    def amend(self, data: Any, ticks: int, steps: int) -> None:
        order = data.draw(st.sampled_from(list(self.account.open_orders())))
        assert order.price is not None
        before = order.price, order.qty, order.status
        try:
            self.desk.amend(
                self.account,
                order,
                price=order.price + ticks * Decimal("0.1"),
                qty=steps * Decimal("0.001"),
            )
        except Rejected:
            assert (order.price, order.qty, order.status) == before
        assert order in list(self.account.open_orders()) or not order.open

    @invariant()
    def orders_are_the_sum_of_their_fills(self) -> None:
        for order in self.account.orders.values():
            own = [fill for fill in self.account.fills if fill.order_id == order.id]
            assert own == order.fills
            assert order.filled == sum((fill.qty for fill in own), Decimal(0)) <= order.qty
            assert (order.filled == order.qty) == (order.status is Status.FILLED)
            assert order.open == (order in list(self.account.open_orders()))

    @invariant()
    def every_order_is_told_of_from_new_to_its_end(self) -> None:
        for order in self.account.orders.values():
            own = [each.execution for each in self.told if each.order is order]
            assert own.count(Execution.NEW) == 1
            assert own[0] is Execution.NEW
            assert own.count(Execution.TRADE) == len(order.fills)
            ended = own.count(Execution.CANCELLED) + own.count(Execution.EXPIRED)
            assert ended == (0 if order.open or order.status is Status.FILLED else 1)

    @invariant()
    def money_and_position_follow_from_the_fills(self) -> None:
        qty = sum((fill.qty * fill.side for fill in self.account.fills), Decimal(0))
        assert self.account.position(self.listing).qty == qty
        # Profit, computed another way: cash that came in, and what is held at its entry.
        cash = sum(
            (-Fraction(fill.qty) * fill.side * Fraction(fill.price) for fill in self.account.fills),
            Fraction(0),
        )
        fees = sum((Fraction(fill.fee) for fill in self.account.fills), Fraction(0))
        position = self.account.position(self.listing)
        held = Fraction(position.qty) * Fraction(position.entry)
        told = Fraction(self.account.wallet["USDT"])
        # Entries are rounded to 34 digits.
        assert abs(told - (3_000 + cash + held - fees)) < Fraction(1, 10**20)


class SpotModel(DeskModel):
    """The same on spot: money is exact, and nothing is ever spent that is not there."""

    symbol = "BTC/USDT"

    @invariant()
    def money_and_position_follow_from_the_fills(self) -> None:
        base, quote = Decimal(1), Decimal(3_000)
        for fill in self.account.fills:
            base += fill.qty * fill.side
            quote -= fill.qty * fill.price * fill.side
            if fill.fee_asset == "BTC":
                base -= fill.fee
            else:
                quote -= fill.fee
        assert self.account.wallet == {"BTC": base, "USDT": quote}
        assert min(base, quote) >= 0
        for asset, held in self.account.wallet.items():
            assert self.account.locked(asset) <= held


DeskModel.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
SpotModel.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
TestDesk = DeskModel.TestCase
TestSpot = SpotModel.TestCase
