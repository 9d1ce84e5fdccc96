"""The paper venue: each order type meets book and tape as it should, and no better."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.frame import Side, TradeFlag
from schemas.order import Fill, OrderType, TimeInForce
from tests.support.paper import Venue, fills, lives, plain, reasons

BUY, SELL = Side.BUY, Side.SELL


def test_an_order_meets_the_first_book_that_closes_when_it_has_arrived() -> None:
    desk = Venue(latency_ms=150)
    desk.place(BUY, "1")
    assert desk.frame() == []
    assert fills(desk.frame()) == [("100.01", "1", False)]


def test_a_market_order_walks_the_levels_and_what_they_do_not_hold_is_cancelled() -> None:
    desk = Venue()
    desk.place(BUY, "100")
    answers = desk.frame()
    assert fills(answers) == [
        ("100.01", "10", False),
        ("100.02", "20", False),
        ("100.10", "50", False),
    ]
    assert lives(answers) == [("o1", "acknowledged"), ("o1", "partial"), ("o1", "cancelled")]
    assert reasons(answers)[-1] == "book held 80.000 of 100 within its known levels"


def test_orders_of_one_frame_do_not_share_the_same_quantity() -> None:
    desk = Venue()
    desk.place(BUY, "10")
    desk.place(BUY, "10")
    assert fills(desk.frame()) == [("100.01", "10", False), ("100.02", "10", False)]


def test_taker_and_maker_pay_their_own_fees() -> None:
    desk = Venue(taker_fee_bps=5, maker_fee_bps="-1")
    desk.place(BUY, "1", price="100.01")
    desk.place(BUY, "1", price="99.99")
    taken = [a for a in desk.frame() if isinstance(a, Fill)]
    made = [a for a in desk.frame((9_998, 50_000, SELL)) if isinstance(a, Fill)]
    assert [(a.fee, a.maker) for a in taken] == [(Decimal("0.050005"), False)]
    assert [(a.fee, a.maker) for a in made] == [(Decimal("-0.009999"), True)]


def test_a_limit_order_takes_what_its_limit_allows_and_the_rest_stays() -> None:
    desk = Venue()
    desk.place(BUY, "40", price="100.02")
    answers = desk.frame()
    assert fills(answers) == [("100.01", "10", False), ("100.02", "20", False)]
    assert lives(answers)[-1] == ("o1", "partial")
    # Nothing of the shown quantity is at its price: it is the first there.
    assert fills(desk.frame((10_002, 4_000, SELL))) == [("100.02", "4", True)]


def test_a_resting_order_waits_behind_everything_shown_at_its_price() -> None:
    desk = Venue()
    desk.place(BUY, "3", price="99.99")
    desk.frame()
    assert fills(desk.frame((9_999, 6_000, SELL))) == []
    assert fills(desk.frame((9_999, 5_000, SELL))) == [("99.99", "1", True)]
    assert fills(desk.frame((9_999, 9_000, SELL))) == [("99.99", "2", True)]


def test_trades_of_the_frame_in_which_it_arrives_do_not_fill_it() -> None:
    desk = Venue()
    desk.place(BUY, "3", price="99.99")
    assert fills(desk.frame((9_990, 90_000, SELL))) == []


def test_a_trade_through_the_price_fills_up_to_its_quantity_at_the_limit() -> None:
    desk = Venue()
    desk.place(BUY, "3", price="99.99")
    desk.frame()
    assert fills(desk.frame((9_998, 2_000, SELL))) == [("99.99", "2", True)]


def test_a_buyer_at_our_bid_is_no_trade_with_it() -> None:
    desk = Venue()
    desk.place(BUY, "3", price="99.98")
    desk.frame(bids=((9_999, 1), (9_998, 1)))
    assert fills(desk.frame((9_998, 50_000, BUY))) == []


@pytest.mark.parametrize("flag", [TradeFlag.NON_MARKET, TradeFlag.RECOVERED_LATE])
def test_trades_without_a_taker_or_of_an_earlier_time_fill_nothing(flag: TradeFlag) -> None:
    desk = Venue()
    desk.place(BUY, "3", price="99.99")
    desk.frame()
    assert fills(desk.frame((9_000, 50_000, SELL), flags=flag)) == []


def test_beyond_the_known_levels_only_a_trade_through_fills_until_the_price_comes_into_view() -> (
    None
):
    desk = Venue()
    desk.place(BUY, "1", price="99.80")
    desk.frame()
    assert fills(desk.frame((9_980, 90_000, SELL))) == []
    desk.frame(bids=((9_981, 5), (9_980, 2_000), (9_979, 5)))
    assert fills(desk.frame((9_980, 2_500, SELL))) == [("99.80", "0.5", True)]
    assert fills(desk.frame((9_979, 2_500, SELL))) == [("99.80", "0.5", True)]


def test_our_own_orders_share_a_trade_the_best_price_first_then_by_time() -> None:
    desk = Venue()
    desk.place(BUY, "1", price="99.98")
    desk.place(BUY, "1", price="99.99")
    desk.place(BUY, "1", price="99.99")
    desk.frame()
    got = [a for a in desk.frame((9_997, 2_500, SELL)) if isinstance(a, Fill)]
    assert [(a.client_order_id, plain(a.qty)) for a in got] == [
        ("o2", "1"),
        ("o3", "1"),
        ("o1", "0.5"),
    ]


@pytest.mark.parametrize(("share", "filled"), [("0", []), ("0.5", [("99.99", "1", True)])])
def test_cancels_move_an_order_up_by_the_share_that_the_settings_say(
    share: str, filled: list[tuple[str, str, bool]]
) -> None:
    desk = Venue(cancels_ahead=share)
    desk.place(BUY, "1", price="99.99")
    desk.frame()
    desk.frame(bids=((9_999, 2_000), (9_998, 20_000)))  # 8 of 10 were cancelled: half were ahead
    assert fills(desk.frame((9_999, 7_000, SELL))) == filled


def test_what_traded_is_not_taken_for_cancelled() -> None:
    desk = Venue(cancels_ahead=1)
    desk.place(BUY, "1", price="99.99")
    desk.frame()
    desk.frame((9_999, 4_000, SELL), bids=((9_999, 6_000), (9_998, 20_000)))
    assert fills(desk.frame((9_999, 6_000, SELL), bids=((9_999, 6_000),))) == []


def test_post_only_is_refused_where_it_would_take_and_rests_where_not() -> None:
    desk = Venue()
    desk.place(BUY, "1", price="100.01", tif=TimeInForce.POST_ONLY)
    desk.place(BUY, "1", price="100.00", tif=TimeInForce.POST_ONLY)
    answers = desk.frame()
    assert lives(answers) == [("o1", "rejected"), ("o2", "acknowledged")]
    assert reasons(answers)[0] == "post_only: limit 100.01, book 100.01"


def test_immediate_or_cancel_and_all_or_nothing() -> None:
    desk = Venue()
    desk.place(BUY, "15", price="100.01", tif=TimeInForce.IOC)
    desk.place(BUY, "25", price="100.02", tif=TimeInForce.FOK)
    desk.place(BUY, "20", price="100.02", tif=TimeInForce.FOK)
    answers = desk.frame()
    assert lives(answers) == [
        ("o1", "acknowledged"), ("o1", "partial"), ("o1", "cancelled"),
        ("o2", "rejected"),
        ("o3", "acknowledged"), ("o3", "filled"),
    ]  # fmt: skip
    assert reasons(answers)[3] == "fok: limit 25, book 20.000"
    assert not desk.state.working


def test_a_stop_is_set_off_by_a_trade_and_gets_no_better_price_than_that() -> None:
    desk = Venue()
    desk.holding(BUY, "15")
    desk.place(SELL, "15", stop="99.50", reduce_only=True)
    desk.frame()
    assert fills(desk.frame((9_951, 1_000, SELL))) == []
    # The book is back above the stop by the close: the fill is still at the trade's price.
    assert fills(desk.frame((9_949, 1_000, SELL))) == [
        ("99.49", "10", False),
        ("99.49", "5", False),
    ]


def test_a_stop_falls_through_a_gap_to_what_the_book_gives() -> None:
    desk = Venue()
    desk.holding(BUY, "5")
    desk.place(SELL, "5", stop="99.50", reduce_only=True)
    desk.frame()
    thin = ((9_900, 2_000), (9_890, 1_000))
    answers = desk.frame((9_940, 1_000, SELL), bids=thin)
    assert fills(answers) == [("99.00", "2", False), ("98.90", "1", False)]
    # What the known levels do not hold meets the next book.
    assert fills(desk.frame(bids=((9_880, 9_000),))) == [("98.80", "2", False)]


@pytest.mark.parametrize(
    ("held", "type_", "side", "stop", "quiet", "loud"),
    [
        (SELL, OrderType.STOP, BUY, "100.50", 10_049, 10_050),
        (BUY, OrderType.TAKE_PROFIT, SELL, "100.50", 10_049, 10_050),
        (SELL, OrderType.TAKE_PROFIT, BUY, "99.50", 9_951, 9_950),
    ],
)
def test_triggers_of_each_type_and_side(
    held: Side, type_: OrderType, side: Side, stop: str, quiet: int, loud: int
) -> None:
    desk = Venue()
    desk.holding(held, "1")
    desk.place(side, "1", stop=stop, type_=type_, reduce_only=True)
    desk.frame()
    assert fills(desk.frame((quiet, 1_000, side))) == []
    assert len(fills(desk.frame((loud, 1_000, side)))) == 1


def test_a_stop_set_off_without_a_book_waits_for_the_next_one() -> None:
    desk = Venue()
    desk.holding(BUY, "1")
    desk.place(SELL, "1", stop="99.50", reduce_only=True)
    desk.frame()
    assert fills(desk.frame((9_940, 1_000, SELL), bids=None)) == []
    assert fills(desk.frame()) == [("99.40", "1", False)]


def test_reduce_only_never_opens_the_other_side_and_goes_with_the_position() -> None:
    desk = Venue()
    desk.holding(BUY, "5")
    desk.place(SELL, "3", price="101.00", reduce_only=True)
    desk.place(SELL, "9", reduce_only=True)
    answers = desk.frame()
    assert [(s, f) for s, f, _ in fills(answers)] == [("99.99", "5")]
    assert desk.state.wallet.held(desk.key) == 0
    assert ("o2", "cancelled") in lives(answers)
    assert "reduce_only: position is closed" in reasons(answers)
    desk.place(SELL, "1", reduce_only=True)
    assert reasons(desk.frame()) == ["reduce_only: there is nothing to reduce"]


def test_orders_that_protect_a_side_are_gone_when_the_position_has_turned() -> None:
    desk = Venue()
    desk.holding(BUY, "5")
    desk.place(SELL, "5", stop="90", reduce_only=True)
    desk.frame()
    desk.place(SELL, "8")
    assert ("o2", "cancelled") in lives(desk.frame())


def test_what_is_not_held_cannot_be_sold_on_spot() -> None:
    desk = Venue(symbol="BTC/USDT", leverage=1)
    desk.place(SELL, "1")
    assert reasons(desk.frame()) == ["reduce_only: there is nothing to reduce"]


def test_a_cancel_takes_its_time_and_what_fills_before_is_filled() -> None:
    desk = Venue(latency_ms=150)
    order = desk.place(BUY, "3", price="99.99")
    desk.frame()
    desk.frame()
    desk.cancel(order)
    desk.cancel(order)
    assert fills(desk.frame((9_998, 1_000, SELL))) == [("99.99", "1", True)]
    answers = desk.frame((9_998, 1_000, SELL))
    assert fills(answers) == [("99.99", "1", True)]
    assert lives(answers)[-1] == ("o1", "cancelled")
    assert not desk.state.working
    assert not desk.state.requests


def test_a_cancel_overtakes_no_order_but_ends_one_that_met_no_book() -> None:
    desk = Venue()
    order = desk.place(BUY, "1")
    desk.cancel(order)
    assert lives(desk.frame(bids=None)) == [("o1", "cancelled")]
    order = desk.place(BUY, "1")
    desk.cancel(order)
    assert lives(desk.frame()) == [("o2", "acknowledged"), ("o2", "filled")]


def test_a_smaller_quantity_keeps_the_place_in_the_queue_and_a_larger_one_loses_it() -> None:
    desk = Venue()
    first = desk.place(BUY, "3", price="99.99")
    second = desk.place(BUY, "3", price="99.99")
    desk.frame()
    desk.frame((9_999, 9_000, SELL))
    desk.amend(first, qty="2")
    desk.amend(second, qty="4")
    assert lives(desk.frame()) == [("o1", "acknowledged"), ("o2", "acknowledged")]
    got = [a for a in desk.frame((9_999, 5_000, SELL)) if isinstance(a, Fill)]
    assert [(a.client_order_id, plain(a.qty)) for a in got] == [("o1", "2")]


def test_an_amended_price_takes_if_it_meets_the_book_and_a_moved_stop_waits_there() -> None:
    desk = Venue()
    bid = desk.place(BUY, "3", price="99.99")
    desk.frame()
    desk.amend(bid, price="100.01")
    assert fills(desk.frame()) == [("100.01", "3", False)]
    stop = desk.place(SELL, "3", stop="90", reduce_only=True)
    desk.frame()
    desk.amend(stop, stop_price="99.90")
    desk.frame()
    assert len(fills(desk.frame((9_990, 1_000, SELL)))) == 1


def test_an_order_that_the_equity_does_not_back_is_refused_with_limit_and_value() -> None:
    desk = Venue(balance=1_000, leverage=2, taker_fee_bps=0)
    desk.place(BUY, "21")
    desk.place(BUY, "19")
    answers = desk.frame(asks=((10_000, 10**9),))
    assert lives(answers)[0] == ("o1", "rejected")
    assert reasons(answers)[0] == "insufficient_margin: limit 1000, order 1050.00"
    assert lives(answers)[-1] == ("o2", "filled")


def test_an_order_with_the_wrong_prices_is_refused() -> None:
    desk = Venue()
    desk.place(BUY, "1", type_=OrderType.LIMIT)
    desk.place(BUY, "1", type_=OrderType.STOP)
    assert [r.split(":")[0] for r in reasons(desk.frame())] == ["price", "stop_price"]


def test_an_empty_side_of_the_book_gives_nothing() -> None:
    desk = Venue()
    desk.place(BUY, "1")
    answers = desk.frame(asks=())
    assert lives(answers) == [("o1", "acknowledged"), ("o1", "cancelled")]
