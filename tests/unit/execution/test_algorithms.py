"""Every algorithm of the folder as a state machine: never too much, and done in time."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agents.execution.algorithms.iceberg import clip_of
from agents.execution.parents.registry import algorithm, algorithms
from schemas.errors import SettingsError
from schemas.frame import Side
from schemas.order import Order, OrderStatus, OrderType, TimeInForce, client_order_id
from tests.support.dealing import Dealing

BUY, SELL = Side.BUY, Side.SELL
NAMES = sorted(algorithms())
COMPLETING = ["adaptive", "iceberg", "split", "twap", "vwap"]
"""Those that are filled within their horizon wherever the books hold it."""


class Working(RuleBasedStateMachine):
    """A parent at a venue that fills, refuses, cancels and is silent as it likes; and its twin,
    which is written down and read again before everything that happens.
    """

    @initialize(
        name=st.sampled_from(NAMES),
        qty=st.integers(1, 5_000),
        side=st.sampled_from([BUY, SELL]),
        closes=st.booleans(),
        rests=st.booleans(),
        least=st.sampled_from(["0", "5", "40"]),
    )
    def begin(self, name: str, qty: int, side: Side, closes: bool, rests: bool, least: str) -> None:
        self.name, self.closes = name, closes
        self.desks = [
            Dealing(
                name, str(Decimal(qty) / 1000), side, reduce_only=closes, least=least,
                horizon_s=20, slice_s=2, sweep_s=3, rests=rests,
            )
            for _ in range(2)
        ]  # fmt: skip
        self.desk, self.twin = self.desks
        self.mid, self.volume = 10_000, 0
        for desk in self.desks:
            desk.begin()
        self.same()

    def same(self) -> None:
        assert self.desk.sent == self.twin.sent
        assert self.desk.venue.cancels == self.twin.venue.cancels
        assert self.desk.account.encode(self.desk.state) == self.twin.account.encode(
            self.twin.state
        )

    @rule(
        move=st.integers(-3, 3), half=st.integers(1, 4), traded=st.integers(0, 4_000),
        after_ms=st.sampled_from([100, 100, 500, 2_100]), tick=st.booleans(),
        depth=st.integers(1, 4_000),
    )  # fmt: skip
    def market(
        self, move: int, half: int, traded: int, after_ms: int, tick: bool, depth: int
    ) -> None:
        self.mid += move
        self.volume += traded
        for desk in self.desks:
            trades = ((self.mid, traded, BUY),) if traded else ()
            desk.frame(
                self.mid - half, self.mid + half, *trades, after_ms=after_ms, depth=depth,
                is_tick=tick,
            )  # fmt: skip
        self.same()

    @precondition(lambda self: self.desk.venue.orders)
    @rule(share=st.integers(1, 1000), which=st.integers(0, 10))
    def fills(self, share: int, which: int) -> None:
        for desk in self.desks:
            order = desk.working()[which % len(desk.working())]
            left = order.qty - order.filled_qty
            part = max((left * share / 1000).quantize(Decimal("0.001")), Decimal("0.001"))
            desk.fill(order, min(part, left))

    @precondition(lambda self: self.desk.venue.orders)
    @rule(
        which=st.integers(0, 10),
        status=st.sampled_from([OrderStatus.CANCELLED, OrderStatus.REJECTED]),
    )
    def ends(self, which: int, status: OrderStatus) -> None:
        for desk in self.desks:
            order = desk.working()[which % len(desk.working())]
            desk.end(order, status)

    @rule()
    def cancels_arrive(self) -> None:
        for desk in self.desks:
            for order in desk.working():
                if order.client_order_id in desk.venue.cancels:
                    desk.end(order, OrderStatus.CANCELLED)

    @rule()
    def restart(self) -> None:
        self.twin.restart()

    @invariant()
    def never_too_much(self) -> None:
        for desk in self.desks:
            filled = sum((order.filled_qty for order in desk.working()), Decimal(0))
            parent = desk.parent
            out = sum((o.qty - o.filled_qty for o in desk.working()), Decimal(0))
            if parent is None:
                assert not desk.working()
                continue
            assert 0 <= filled <= parent.filled <= parent.task.qty
            assert parent.filled + out <= parent.task.qty
            assert parent.out() == out
            assert all(order.qty > 0 for order in desk.working())

    @invariant()
    def every_child_has_the_id_of_its_number(self) -> None:
        ids = [order.client_order_id for order in self.desk.sent]
        assert len(set(ids)) == len(ids)
        for number, order in enumerate(self.desk.sent, start=1):
            assert order.attempt == number
            assert order.client_order_id == client_order_id(
                "paper", order.signal_id, order.leg, number
            )

    @invariant()
    def shows_no_more_than_its_clip(self) -> None:
        if self.name == "iceberg":
            clip = clip_of(self.desk.qty, Decimal("0.001"), self.desk.settings.algorithms)
            shown = [o for o in self.desk.working() if o.type is OrderType.LIMIT]
            assert len(shown) <= 1
            assert all(order.qty <= clip for order in shown)

    @invariant()
    def keeps_to_its_share_of_the_volume(self) -> None:
        parent = self.desk.parent
        if self.name == "pov" and parent is not None and not self.closes:
            share = self.desk.settings.algorithms.participation
            assert parent.filled + parent.out() <= share * self.volume / 1000

    @invariant()
    def what_is_said_not_to_take_never_takes(self) -> None:
        if self.name == "post_only" and not self.closes:
            assert all(o.time_in_force is TimeInForce.POST_ONLY for o in self.desk.sent)


def test_whatever_happens_a_parent_never_asks_for_more_than_is_left() -> None:
    run_state_machine_as_test(
        Working, settings=settings(max_examples=300, stateful_step_count=40, deadline=None)
    )


def filled_in_time(desk: Dealing, seconds: int, moves: list[int]) -> Decimal:
    """Play a market that fills what is taken, and of what rests nothing; what was filled."""
    desk.begin()
    mid = 10_000
    for number in range(seconds * 10):
        for order in desk.working():
            if order.type is OrderType.MARKET:
                desk.fill(order, order.qty - order.filled_qty)
            elif order.client_order_id in desk.venue.cancels:
                desk.end(order, OrderStatus.CANCELLED)
        mid += moves[number % len(moves)]
        desk.frame(mid - 1, mid + 1, is_tick=number % 10 == 0)
    return sum(
        (o.qty for o in desk.sent if o.type is OrderType.MARKET), Decimal(0)
    )  # fmt: skip


@pytest.mark.parametrize("name", COMPLETING)
@settings(max_examples=40, deadline=None)
@given(
    qty=st.integers(1, 10**6),
    side=st.sampled_from([BUY, SELL]),
    rests=st.booleans(),
    slice_s=st.integers(1, 6),
    moves=st.lists(st.integers(-2, 2), min_size=1, max_size=20),
)
def test_it_is_complete_to_the_last_step_within_the_horizon(
    name: str, qty: int, side: Side, rests: bool, slice_s: int, moves: list[int]
) -> None:
    exact = Decimal(qty) / 1000
    desk = Dealing(
        name, str(exact), side, horizon_s=15, slice_s=slice_s, sweep_s=2, rests=rests,
        max_impact_bps="0.0001",
    )  # fmt: skip
    assert filled_in_time(desk, 15, moves) == exact
    assert desk.parent is None


@pytest.mark.parametrize("name", NAMES)
def test_an_exit_is_complete_whatever_its_algorithm(name: str) -> None:
    desk = Dealing(name, "12.345", SELL, reduce_only=True, horizon_s=15, slice_s=5, sweep_s=2)
    assert filled_in_time(desk, 18, [0]) == Decimal("12.345")


def test_a_slice_rests_and_what_it_did_not_get_is_taken_when_the_next_begins() -> None:
    desk = Dealing("twap", "3", BUY, horizon_s=17, slice_s=5, sweep_s=2)
    desk.begin()
    (first,) = desk.working()
    assert first.qty == 1
    assert first.price == Decimal("99.99")
    assert first.time_in_force is TimeInForce.POST_ONLY
    desk.fill(first, Decimal("0.4"))
    assert desk.frame(after_ms=5_000) == []  # cancelled first, then taken
    assert desk.venue.cancels == [first.client_order_id]
    desk.end(desk.working()[0], OrderStatus.CANCELLED)
    (taken,) = desk.frame()
    assert (taken.type, taken.qty) == (OrderType.MARKET, Decimal("0.6"))
    desk.fill(taken, taken.qty)
    (second,) = desk.frame()
    assert (second.type, second.qty) == (OrderType.LIMIT, Decimal(1))


def test_a_resting_child_follows_the_best_price_away_and_never_back() -> None:
    desk = Dealing("post_only", "1", BUY)
    desk.begin(9_999, 10_001)
    desk.frame(9_997, 10_001)
    assert desk.venue.cancels == []
    desk = Dealing("iceberg", "1", BUY)
    desk.begin(9_999, 10_001)
    desk.frame(10_000, 10_002)
    assert desk.venue.cancels == []  # not within the slice
    desk.frame(9_998, 10_002, after_ms=5_000)
    assert desk.venue.cancels == []
    desk.frame(10_000, 10_002)
    assert len(desk.venue.cancels) == 1


def test_a_limit_takes_what_its_price_allows_and_goes_no_further() -> None:
    desk = Dealing("limit", "2", BUY, limit_bps=2, horizon_s=15, slice_s=5)
    desk.begin(9_999, 10_001)
    (order,) = desk.working()
    # 100.01 and 2 bps are 100.030002; on the tick that is 100.03
    assert (order.price, order.time_in_force) == (Decimal("100.03"), TimeInForce.GTC)
    desk.frame(10_100, 10_102, after_ms=16_000)
    assert desk.venue.cancels == [order.client_order_id]
    desk.end(order, OrderStatus.CANCELLED)
    assert desk.frame() == []
    assert desk.parent is None


def test_an_entry_by_volume_gives_up_what_the_volume_did_not_allow() -> None:
    desk = Dealing("pov", "5", BUY, participation="0.1", rests=False, horizon_s=15, slice_s=5)
    desk.begin()
    assert desk.sent == []
    desk.frame(9_999, 10_001, (10_000, 20_000, BUY))
    (child,) = desk.frame(after_ms=5_000)
    assert child.qty == 2
    desk.fill(child, child.qty)
    desk.frame(after_ms=20_000)
    assert desk.parent is None


def taken_by(desk: Dealing, seconds: int) -> Decimal:
    """What is sent to take within some seconds from the beginning, all of it filled at once."""
    desk.begin()
    for _ in range(seconds * 10):
        for order in desk.working():
            desk.fill(order, order.qty)
        desk.frame()
    return sum((order.qty for order in desk.sent), Decimal(0))


def test_urgency_bends_the_schedule_to_the_front() -> None:
    done = []
    for urgency in ("0", "0.5", "1"):
        desk = Dealing(
            "adaptive", "10", BUY, urgency=urgency, rests=False, horizon_s=22, slice_s=2, sweep_s=2
        )
        done.append(taken_by(desk, 9))
    # By the end of five of ten slices: τ = 1/2, so τ · (1 + u · (1 − τ)) = 1/2, 5/8, 3/4.
    assert done == [Decimal(5), Decimal("6.25"), Decimal("7.5")]


def test_a_wide_spread_puts_off_what_is_behind_and_a_busy_market_brings_the_next_part() -> None:
    desk = Dealing("adaptive", "10", BUY, urgency=0, horizon_s=22, slice_s=2, sweep_s=2)
    desk.begin()
    desk.frame(after_ms=1_000)
    desk.frame(9_990, 10_010, after_ms=1_100)
    assert desk.venue.cancels == []  # twice as wide as usual: it may wait a slice longer
    desk.frame()
    assert desk.sent[0].client_order_id in desk.venue.cancels
    busy = Dealing("adaptive", "10", BUY, urgency=0, horizon_s=22, slice_s=2, sweep_s=2)
    busy.begin()
    busy.frame(9_999, 10_001, (10_000, 500, BUY))
    assert [order.qty for order in busy.sent] == [1]
    for order in busy.working():
        busy.fill(order, order.qty)
    (early,) = busy.frame(after_ms=2_000)
    assert early.qty == 2  # this slice's part and the next


def test_children_too_small_for_the_venue_wait_until_more_is_due() -> None:
    desk = Dealing("twap", "1", BUY, least="30", horizon_s=22, slice_s=2, sweep_s=2, rests=False)
    desk.begin()
    quantities = []
    for _ in range(110):
        for order in desk.working():
            desk.fill(order, order.qty)
        quantities += [o.qty for o in desk.frame(after_ms=200)]
    assert quantities == [Decimal("0.3"), Decimal("0.3"), Decimal("0.4")]
    assert desk.parent is None


def test_what_a_cancel_would_strand_goes_on_resting() -> None:
    desk = Dealing("iceberg", "1", BUY, least="30", horizon_s=30, slice_s=5, clip_fraction="1")
    desk.begin()
    (order,) = desk.working()
    desk.fill(order, Decimal("0.9"))
    for _ in range(29):
        desk.frame(10_100, 10_102, after_ms=1_000)  # the best price is long gone
    assert desk.venue.cancels == []
    desk.frame(after_ms=2_000)
    assert desk.venue.cancels == [order.client_order_id]  # the horizon is over


def test_the_last_clips_are_halved_so_that_none_is_too_small() -> None:
    desk = Dealing("iceberg", "1.1", BUY, least="30", clip_fraction="0.8")
    desk.begin()
    sizes = []
    while desk.working():
        (order,) = desk.working()
        sizes.append(order.qty)
        desk.fill(order, order.qty)
        desk.frame()
    assert sizes == [Decimal("0.55"), Decimal("0.55")]


def test_more_refusals_than_a_venue_gives_by_chance_stop_a_parent() -> None:
    desk = Dealing("market", "1", BUY)
    desk.begin()
    desk.end(desk.working()[0], OrderStatus.REJECTED)
    assert desk.frame() == []
    assert desk.parent is None
    desk = Dealing("twap", "1", BUY, rests=False)
    desk.begin()
    for _ in range(20):
        for order in desk.working():
            desk.end(order, OrderStatus.REJECTED, "insufficient_margin")
        desk.frame(after_ms=1_000)
    assert desk.parent is None
    assert len(desk.sent) == 10


def test_a_cancel_that_nobody_here_asked_for_stops_the_parent() -> None:
    desk = Dealing("twap", "1", BUY)
    desk.begin()
    desk.end(desk.working()[0], OrderStatus.CANCELLED, "by hand")
    assert desk.parent is not None
    assert desk.parent.stopped == "cancelled at the venue: by hand"
    assert desk.frame() == []
    assert desk.parent is None


def test_a_fill_that_is_told_after_its_order_ended_still_counts() -> None:
    desk = Dealing("twap", "1", BUY, horizon_s=17, slice_s=5, sweep_s=2)
    desk.begin()
    (order,) = desk.working()
    desk.frame(after_ms=5_000)
    desk.end(order, OrderStatus.CANCELLED)
    desk.venue.orders[order.client_order_id] = order
    desk.fill(order, Decimal("0.1"))
    assert desk.parent is not None
    assert desk.parent.filled == Decimal("0.1")


def test_a_child_that_a_risk_rule_forbids_waits_and_says_so_once() -> None:
    desk = Dealing(
        "twap", "1", BUY, rests=False, horizon_s=22, slice_s=2, risk={"max_orders_per_minute": 3}
    )
    desk.begin()
    for number in range(190):
        for order in desk.working():
            desk.fill(order, order.qty)
        desk.frame(is_tick=number % 10 == 0)
    placed = [o for o in desk.sent if o.status is OrderStatus.INTENT]
    (refused,) = [o for o in desk.sent if o.status is OrderStatus.REJECTED]
    assert (len(placed), refused.reason) == (3, "order_rate: limit 3, placed 4")
    assert refused.attempt == 4
    assert desk.parent is not None
    assert desk.parent.blocked == "order_rate"
    assert desk.frame(after_ms=41_100) == []  # a minute later the horizon has passed
    assert desk.parent is None


def test_an_unknown_algorithm_is_named_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"'sniper' is not known; choose one of adaptive, "):
        algorithm("sniper")


def test_a_market_order_is_the_one_it_would_be_without_algorithms() -> None:
    desk = Dealing("market", "1", BUY)
    desk.begin()
    (order,) = desk.working()
    assert isinstance(order, Order)
    assert (order.type, order.qty, order.attempt, order.reason) == (
        OrderType.MARKET,
        Decimal(1),
        1,
        "test",
    )
