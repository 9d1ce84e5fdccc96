"""Where a keyed order stands in the queue, and what the market gives it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.frame import Side
from streams.simulator.exchange.trading.orders import Force, Status
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from tests.support.desk import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_trades_at_the_price_take_first_what_stands_ahead(stage: Stage) -> None:
    order = stage.order(Side.BUY, "2", "100.0")
    stage.trade(Side.SELL, "100.0", "3")
    assert (order.ahead, order.filled) == (Decimal(2), Decimal(0))
    stage.trade(Side.SELL, "100.0", "3")
    assert (order.ahead, order.filled) == (Decimal(0), Decimal(1))
    stage.trade(Side.BUY, "100.0", "9")  # an aggressor of the same side fills nothing
    assert order.filled == 1
    stage.trade(Side.SELL, "100.0", "9")
    assert (order.filled, order.status) == (Decimal(2), Status.FILLED)
    assert all(fill.maker and fill.price == 100 for fill in order.fills)


def test_a_trade_through_the_price_fills_up_to_its_quantity(stage: Stage) -> None:
    order = stage.order(Side.SELL, "5", "100.2")
    stage.trade(Side.BUY, "100.3", "3")
    assert (order.filled, order.fills[0].price) == (Decimal(3), Decimal("100.2"))


def test_a_cancel_in_the_level_moves_up_only_what_must_have_been_behind_nobody(
    stage: Stage,
) -> None:
    order = stage.order(Side.BUY, "1", "99.9")
    assert order.ahead == 7
    stage.book(bids=[("99.9", "12")])
    assert order.ahead == 7  # what comes stands behind
    stage.book(bids=[("99.9", "9")])
    assert order.ahead == 7  # what goes was behind, as far as it can have been
    stage.book(bids=[("99.9", "2")])
    assert order.ahead == 2
    stage.book(bids=[("99.9", "0")])
    assert order.ahead == 0


def test_an_order_inside_the_spread_is_first(stage: Stage) -> None:
    stage.book(asks=[("100.1", "0")])
    order = stage.order(Side.BUY, "1", "100.1")
    assert order.ahead == 0
    stage.trade(Side.SELL, "100.1", "0.4")
    assert order.filled == Decimal("0.4")


def test_two_orders_share_one_trade_by_price_then_time(stage: Stage) -> None:
    later = stage.order(Side.BUY, "1", "99.9")
    worse = stage.order(Side.BUY, "1", "99.9")
    better = stage.order(Side.BUY, "1", "100.0")
    stage.trade(Side.SELL, "99.9", "8.5")
    # The better one is traded through; 7 stood ahead of the others.
    assert [each.filled for each in (better, later, worse)] == [Decimal(1), Decimal("0.5"), 0]
    assert sum(each.filled for each in (better, later, worse)) <= Decimal("8.5")


def test_a_book_that_crosses_the_order_fills_it_up_to_what_crosses(stage: Stage) -> None:
    order = stage.order(Side.BUY, "3", "100.0")
    stage.book(bids=[("100.0", "0")], asks=[("99.95", "2")])
    assert (order.filled, order.fills[0].price) == (Decimal(2), Decimal(100))
    stage.book(asks=[("100.3", "8")])
    assert order.filled == 2  # what it took is gone until the level changes
    stage.book(asks=[("99.95", "1.5")])
    assert order.filled == 3


def test_a_taker_finds_no_more_than_is_shown_and_not_twice(stage: Stage) -> None:
    first = stage.order(Side.BUY, "5", None)
    assert [(f.price, f.qty) for f in first.fills] == [
        (Decimal("100.1"), Decimal(4)),
        (Decimal("100.2"), Decimal(1)),
    ]
    second = stage.order(Side.BUY, "9", "100.2", force=Force.IOC)
    assert (second.filled, second.status) == (Decimal(5), Status.EXPIRED)
    stage.book(asks=[("100.1", "3")])
    third = stage.order(Side.BUY, "9", "100.2", force=Force.IOC)
    assert [(f.price, f.qty) for f in third.fills] == [(Decimal("100.1"), Decimal(3))]


def test_a_market_purchase_of_spot_must_be_able_to_pay_each_level_it_needs() -> None:
    # 4 at 100.1 and 1 at 100.2 cost 500.6; 5 at the best price would cost 500.5.
    poor = Stage("BTC/USDT", usdt="500.59")
    with pytest.raises(Rejected) as refused:
        poor.order(Side.BUY, "5", None)
    assert refused.value.reason is Reason.INSUFFICIENT_FUNDS
    able = Stage("BTC/USDT", usdt="500.6")
    able.order(Side.BUY, "5", None)
    assert able.account.wallet["USDT"] == 0


def test_amending_to_less_keeps_the_place_and_anything_else_loses_it(stage: Stage) -> None:
    order = stage.order(Side.BUY, "2", "100.0")
    stage.trade(Side.SELL, "100.0", "4")
    stage.desk.amend(stage.account, order, price=None, qty=Decimal(1))
    assert order.ahead == 1
    stage.desk.amend(stage.account, order, price=None, qty=Decimal(2))
    assert order.ahead == 5
    stage.desk.amend(stage.account, order, price=Decimal("99.9"), qty=None)
    assert (order.ahead, order.price) == (Decimal(7), Decimal("99.9"))
    stage.desk.amend(stage.account, order, price=Decimal("100.1"), qty=None)
    assert (order.filled, order.fills[0].maker) == (Decimal(2), False)


def test_a_post_only_order_that_is_amended_to_where_it_would_take_ends(stage: Stage) -> None:
    order = stage.order(Side.BUY, "2", "100.0", force=Force.POST_ONLY)
    stage.desk.amend(stage.account, order, price=Decimal("100.1"), qty=None)
    assert (order.status, order.ended_by) == (Status.EXPIRED, str(Reason.POST_ONLY))
    assert not order.fills
    assert not list(stage.account.open_orders())


@pytest.mark.parametrize(
    ("price", "qty", "reason"),
    [
        (None, "0.01", Reason.MIN_NOTIONAL),
        (None, "0", Reason.QTY_RANGE),
        (None, "-1", Reason.QTY_RANGE),
        (None, "1.0005", Reason.QTY_STEP),
        (None, "20000", Reason.QTY_RANGE),
        ("0", None, Reason.PRICE_TICK),
        ("99.95", None, Reason.PRICE_TICK),
        ("50", None, Reason.PRICE_LOW),
    ],
)
def test_an_amendment_meets_the_filters_of_a_new_order(
    stage: Stage, price: str | None, qty: str | None, reason: Reason
) -> None:
    order = stage.order(Side.BUY, "2", "100.0")
    with pytest.raises(Rejected) as refused:
        stage.desk.amend(
            stage.account,
            order,
            price=None if price is None else Decimal(price),
            qty=None if qty is None else Decimal(qty),
        )
    assert refused.value.reason is reason
    assert (order.price, order.qty, order.open) == (Decimal("100.0"), Decimal(2), True)


def test_a_reduce_only_order_ends_with_the_position(stage: Stage) -> None:
    stage.order(Side.BUY, "3", None)
    resting = stage.order(Side.SELL, "3", "100.2", reduce_only=True)
    larger = stage.order(Side.SELL, "5", None, reduce_only=True)
    assert (larger.filled, larger.status, larger.ended_by) == (
        Decimal(3),
        Status.EXPIRED,
        "reduce only",
    )
    assert (resting.status, resting.ended_by) == (Status.EXPIRED, "reduce only")
    assert stage.account.position(stage.listing).qty == 0
