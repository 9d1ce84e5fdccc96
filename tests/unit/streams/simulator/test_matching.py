"""The matching book against a model of it that is too simple to be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.frame import Side
from streams.simulator.market.book import MatchingBook, UnknownOrder
from streams.simulator.market.orders import Force, SelfTrade, Status

SIDES = st.sampled_from([Side.BUY, Side.SELL])
OWNERS = st.sampled_from(["a", "b", "c"])
PRICES = st.integers(95, 105)
QUANTITIES = st.integers(1, 20)
FORCES = st.sampled_from(list(Force))
SELF_TRADES = st.sampled_from(list(SelfTrade))


@dataclass
class Resting:
    """An order of the model."""

    id: int
    owner: str
    side: Side
    price: int
    qty: int


class Model:
    """Orders in one list, the oldest first; whatever is asked is looked up by going through it."""

    def __init__(self) -> None:
        self.orders: list[Resting] = []

    def next_for(self, side: Side, price: int | None) -> Resting | None:
        """The order that an incoming one of ``side`` meets first."""
        others = [
            order
            for order in self.orders
            if order.side != side and (price is None or (price - order.price) * side >= 0)
        ]
        return min(others, key=lambda order: order.price * side, default=None)

    def take(
        self, owner: str, side: Side, price: int | None, qty: int, self_trade: SelfTrade
    ) -> tuple[list[tuple[int, int, int]], int, bool]:
        """Fills as (maker id, price, quantity), what is left, and whether it may rest."""
        fills = []
        while qty and (maker := self.next_for(side, price)) is not None:
            if maker.owner == owner and self_trade is not SelfTrade.ALLOW:
                if self_trade in (SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_BOTH):
                    self.orders.remove(maker)
                if self_trade in (SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH):
                    return fills, qty, False
                continue
            traded = min(qty, maker.qty)
            qty -= traded
            maker.qty -= traded
            fills.append((maker.id, maker.price, traded))
            if not maker.qty:
                self.orders.remove(maker)
        return fills, qty, True

    def depth(self, side: Side) -> list[tuple[int, int]]:
        """Price and quantity of the levels of a side, best first."""
        levels: dict[int, int] = {}
        for order in self.orders:
            if order.side == side:
                levels[order.price] = levels.get(order.price, 0) + order.qty
        return sorted(levels.items(), key=lambda level: -level[0] * side)


class BookMachine(RuleBasedStateMachine):
    """Orders, cancels and amendments of three owners at eleven prices."""

    def __init__(self) -> None:
        super().__init__()
        self.book = MatchingBook()
        self.model = Model()
        self.published: dict[tuple[Side, int], int] = {}

    @rule(
        owner=OWNERS,
        side=SIDES,
        price=PRICES,
        qty=QUANTITIES,
        force=FORCES,
        self_trade=SELF_TRADES,
    )
    def limit(
        self, owner: str, side: Side, price: int, qty: int, force: Force, self_trade: SelfTrade
    ) -> None:
        outcome = self.book.limit(
            owner, side, price=price, qty=qty, force=force, self_trade=self_trade
        )
        if force is Force.POST_ONLY and self.model.next_for(side, price) is not None:
            assert outcome.status is Status.REFUSED
            return
        before = [Resting(o.id, o.owner, o.side, o.price, o.qty) for o in self.model.orders]
        fills, left, may_rest = self.model.take(owner, side, price, qty, self_trade)
        if force is Force.FOK and left:
            self.model.orders = before
            fills, left = [], qty
        elif left and may_rest and force in (Force.GTC, Force.POST_ONLY):
            self.model.orders.append(Resting(outcome.order_id, owner, side, price, left))
            assert outcome.status is Status.RESTING
        assert [(f.maker_id, f.price, f.qty) for f in outcome.fills] == fills
        assert outcome.left == left
        assert (outcome.status is Status.FILLED) == (left == 0)

    @rule(owner=OWNERS, side=SIDES, qty=st.integers(1, 60), self_trade=SELF_TRADES)
    def market(self, owner: str, side: Side, qty: int, self_trade: SelfTrade) -> None:
        outcome = self.book.market(owner, side, qty=qty, self_trade=self_trade)
        fills, left, _ = self.model.take(owner, side, None, qty, self_trade)
        assert [(f.maker_id, f.price, f.qty) for f in outcome.fills] == fills
        assert outcome.left == left
        assert outcome.filled == qty - left

    @precondition(lambda self: self.model.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.model.orders))
        assert self.book.cancel(order.id).qty == order.qty
        self.model.orders.remove(order)
        with pytest.raises(UnknownOrder):
            self.book.cancel(order.id)

    @precondition(lambda self: self.model.orders)
    @rule(data=st.data(), by=st.integers(1, 25))
    def reduce(self, data: st.DataObject, by: int) -> None:
        order = data.draw(st.sampled_from(self.model.orders))
        self.book.reduce(order.id, by=by)
        order.qty -= by
        if order.qty <= 0:
            self.model.orders.remove(order)

    @precondition(lambda self: self.model.orders)
    @rule(data=st.data(), price=PRICES, qty=QUANTITIES, force=FORCES)
    def amend(self, data: st.DataObject, price: int, qty: int, force: Force) -> None:
        order = data.draw(st.sampled_from(self.model.orders))
        if force is Force.FOK:
            return
        outcome = self.book.amend(order.id, price=price, qty=qty, force=force)
        assert outcome.order_id == order.id
        if price == order.price and qty <= order.qty:
            order.qty = qty
            return
        if force is Force.POST_ONLY and self.model.next_for(order.side, price) is not None:
            assert outcome.status is Status.REFUSED
            return
        self.model.orders.remove(order)
        _, left, may_rest = self.model.take(
            order.owner, order.side, price, qty, SelfTrade.EXPIRE_MAKER
        )
        if left and may_rest and force is not Force.IOC:
            self.model.orders.append(Resting(order.id, order.owner, order.side, price, left))

    @rule()
    def publish(self) -> None:
        for side, price in self.book.changed:
            level = self.book.side(side).levels.get(price)
            self.published[side, price] = 0 if level is None else level.qty
        self.book.changed.clear()
        for side in (Side.BUY, Side.SELL):
            told = {p: q for (s, p), q in self.published.items() if s is side and q}
            assert told == dict(self.model.depth(side))

    @invariant()
    def same_depth(self) -> None:
        for side in (Side.BUY, Side.SELL):
            assert self.book.side(side).depth() == self.model.depth(side)
        assert len(self.book.orders) == len(self.model.orders)

    @invariant()
    def never_crossed(self) -> None:
        bid, ask = self.book.best_bid(), self.book.best_ask()
        assert bid is None or ask is None or bid < ask


TestBookMachine = BookMachine.TestCase
TestBookMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_both_sides_of_a_fill_are_named_with_what_is_left_of_the_maker() -> None:
    book = MatchingBook()
    maker = book.limit("maker", Side.BUY, price=100, qty=5)
    (fill,) = book.market("taker", Side.SELL, qty=3).fills
    assert (fill.maker_id, fill.maker_owner, fill.maker_left) == (maker.order_id, "maker", 2)
    assert (fill.taker_owner, fill.taker_side, fill.price, fill.qty) == (
        "taker",
        Side.SELL,
        100,
        3,
    )


def test_less_keeps_its_place_in_the_queue_and_more_goes_to_its_end() -> None:
    book = MatchingBook()
    first = book.limit("a", Side.BUY, price=100, qty=5).order_id
    second = book.limit("b", Side.BUY, price=100, qty=5).order_id
    book.amend(first, price=100, qty=4)
    assert book.market("t", Side.SELL, qty=1).fills[0].maker_id == first
    book.amend(first, price=100, qty=9)
    assert book.market("t", Side.SELL, qty=1).fills[0].maker_id == second


@pytest.mark.parametrize("qty", [0, -1])
def test_a_quantity_that_is_not_positive_is_refused_and_changes_nothing(qty: int) -> None:
    book = MatchingBook()
    order = book.limit("a", Side.BUY, price=100, qty=5).order_id
    with pytest.raises(ValueError, match="must be positive"):
        book.market("b", Side.SELL, qty=qty)
    with pytest.raises(ValueError, match="must be positive"):
        book.limit("b", Side.SELL, price=100, qty=qty)
    with pytest.raises(ValueError, match="must be positive"):
        book.reduce(order, by=qty)
    with pytest.raises(ValueError, match="must be positive"):
        book.amend(order, price=100, qty=qty)
    assert book.bids.depth() == [(100, 5)]
