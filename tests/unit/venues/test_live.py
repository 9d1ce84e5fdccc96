"""The live venue, pure part: requests leave with their step, reports are taken at their tick."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.venues.base import Change
from agents.venues.live_state import LiveState
from schemas.frame import Side
from schemas.order import Fill, Funding, OrderStatus, OrderType
from schemas.venue import RequestKind
from tests.support.live_venue import Bench, asked, fills, lives, resting
from tests.support.messages import SYMBOL, VENUE

S = OrderStatus
LIMIT: dict[str, Any] = {"type": OrderType.LIMIT, "price": Decimal(99)}


def all_of(_key: str, qty: Decimal) -> Decimal:
    """Everything can be closed."""
    return qty


def test_nothing_may_be_decided_before_a_look_at_the_venue_and_again_after_a_restart() -> None:
    bench = Bench()
    assert bench.venue.unready(bench.state) == "live: the venue was not looked at yet"
    bench.shows()
    bench.step()
    assert bench.venue.unready(bench.state) is None
    bench.run, bench.number = 2, 0
    bench.says("none", S.ACKNOWLEDGED)
    bench.step()
    assert bench.venue.unready(bench.state) == "live: the venue was not looked at yet"


def test_an_order_leaves_once_and_its_fill_moves_what_is_held_once() -> None:
    bench = Bench()
    bench.submit()
    assert asked(bench.step()) == [("create", "o1")]
    assert asked(bench.step()) == []
    bench.says("o1", S.ACKNOWLEDGED, "0")
    bench.trades("o1", "t1", "0.4")
    bench.trades("o1", "t1", "0.4")
    assert fills(given := bench.step()) == [("t1", "0.4")]
    assert lives(given) == [("o1", "acknowledged"), ("o1", "partial")]
    bench.says("o1", S.FILLED, "1")
    assert lives(bench.step()) == [("o1", "filled")]
    bench.trades("o1", "t2", "0.6")
    given = bench.step()
    assert (fills(given), lives(given)) == ([("t2", "0.6")], [("o1", "reconciled")])
    assert bench.state.held == {SYMBOL: Decimal(1)}


def test_a_report_waits_for_the_frame_after_its_tick_and_is_taken_once() -> None:
    bench = Bench()
    bench.submit()
    bench.step()
    report = bench.says("o1", S.ACKNOWLEDGED, "0")
    late = msgspec.structs.replace(report, number=2, effective_ns=bench.now_ns + 10**9)
    bench.venue.hear(bench.state, late)
    bench.venue.hear(bench.state, report)  # the log is read again
    assert lives(bench.step()) == [("o1", "acknowledged")]
    assert len(bench.state.waiting) == 1


def test_what_is_unknown_still_works_until_it_is_known() -> None:
    bench = Bench()
    bench.submit()
    bench.step()
    bench.says("o1", S.UNKNOWN)
    assert lives(bench.step()) == [("o1", "unknown")]
    assert [o.client_order_id for o in bench.venue.open_orders_of(bench.state, f"{VENUE}:{SYMBOL}")]
    bench.shows()
    bench.step()
    assert "nobody knows" in (bench.venue.unready(bench.state) or "")
    bench.says("o1", S.REJECTED, "0", reason="never arrived")
    bench.shows()
    assert lives(bench.step()) == [("o1", "rejected")]
    assert bench.venue.unready(bench.state) is None


def test_a_cancel_is_asked_once_and_again_only_when_it_was_answered() -> None:
    bench = Bench()
    order = bench.submit(**LIMIT)
    bench.says("o1", S.ACKNOWLEDGED, "0")
    bench.step()
    bench.venue.cancel(bench.state, order, now_ns=0)
    assert asked(bench.step()) == [("cancel", "o1")]
    bench.venue.cancel(bench.state, order, now_ns=0)
    assert asked(bench.step()) == []
    assert bench.venue.is_changing(bench.state, order)
    bench.says("o1", S.ACKNOWLEDGED, "0", answers=RequestKind.CANCEL, reason="refused")
    bench.step()
    assert not bench.venue.is_changing(bench.state, order)


def test_a_limit_is_amended_in_place_and_a_stop_of_binance_is_cancelled_instead() -> None:
    bench = Bench()
    limit = bench.submit(**LIMIT)
    stop = bench.submit(type=OrderType.STOP, stop_price=Decimal(90), reduce_only=True)
    bench.step()
    bench.says("o1", S.ACKNOWLEDGED, "0")
    bench.says("o2", S.ACKNOWLEDGED, "0")
    bench.step()
    bench.venue.amend(bench.state, limit, Change(price=Decimal(98)), now_ns=0)
    bench.venue.amend(bench.state, stop, Change(stop_price=Decimal(91)), now_ns=0)
    assert asked(bench.step()) == [("amend", "o1"), ("cancel", "o2")]
    bench.says("o1", S.ACKNOWLEDGED, "0", answers=RequestKind.AMEND, price=Decimal(98))
    bench.step()
    assert bench.state.book.orders["o1"].price == 98


@pytest.mark.parametrize(
    ("shown", "said", "then"),
    [
        pytest.param("97", "not amended: a rule", [("cancel", "o1")], id="refused"),
        pytest.param("98", "not amended: it is so already", [], id="it is so already"),
        pytest.param("97", "", [], id="taken and not done yet"),
    ],
)
def test_an_order_whose_amendment_was_refused_is_cancelled_instead(
    shown: str, said: str, then: list[tuple[str, str]]
) -> None:
    bench = Bench()
    limit = bench.submit(**LIMIT)
    bench.step()
    bench.says("o1", S.ACKNOWLEDGED, "0")
    bench.step()
    bench.venue.amend(bench.state, limit, Change(price=Decimal(98)), now_ns=0)
    assert asked(bench.step()) == [("amend", "o1")]
    bench.says(
        "o1", S.ACKNOWLEDGED, "0", answers=RequestKind.AMEND, price=Decimal(shown), reason=said
    )
    assert asked(bench.step()) == then
    assert bench.venue.is_changing(bench.state, limit) is bool(then)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"qty": "1.0005"}, "step: quantity 1.0005 is no multiple of 0.001"),
        ({**LIMIT, "price": Decimal("99.005")}, "tick: price 99.005 is no multiple of 0.01"),
        ({"qty": "0.04", **LIMIT}, "min_notional: limit 5, order 3.96"),
        ({"type": OrderType.LIMIT}, "price: a limit order has one, any other has none"),
    ],
)
def test_what_breaks_the_venues_rules_is_rejected_here_and_never_leaves(
    wish: dict[str, Any], reason: str
) -> None:
    bench = Bench()
    bench.submit(**wish)
    given = bench.step()
    assert (lives(given), asked(given)) == ([("o1", "rejected")], [])
    assert bench.state.book.orders["o1"].reason == reason


def test_more_orders_than_the_venue_allows_do_not_leave() -> None:
    bench = Bench()
    for _ in range(3):
        bench.submit(**LIMIT)
    assert len(asked(bench.step())) == 3
    bench.submit(**LIMIT)
    assert lives(bench.step()) == [("o4", "rejected")]
    assert bench.state.book.orders["o4"].reason == "max_orders: limit 3, with this one 4"


def test_more_conditional_orders_than_the_venue_allows_do_not_leave_others_do() -> None:
    bench = Bench()
    for _ in range(3):
        bench.submit(type=OrderType.STOP, stop_price=Decimal(90), reduce_only=True)
    given = bench.step()
    assert [id_ for _, id_ in asked(given)] == ["o1", "o2"]
    assert lives(given) == [("o3", "rejected")]
    reason = bench.state.book.orders["o3"].reason
    assert reason == "max_conditionals: limit 2, with this one 3"
    bench.submit(**LIMIT)
    assert asked(bench.step()) == [("create", "o4")]


def test_a_trade_of_an_order_that_counted_as_rejected_moves_the_position_and_stops_trading() -> (
    None
):
    bench = Bench()
    bench.submit()
    bench.shows()
    bench.step()
    bench.says("o1", S.REJECTED, "0")
    bench.step()
    bench.trades("o1", "t1", "1")
    assert fills(bench.step()) == [("t1", "1")]
    assert "cannot follow rejected" in (bench.venue.unready(bench.state) or "")
    bench.venue.resume(bench.state)
    assert bench.venue.unready(bench.state) is None


def test_an_order_of_ours_that_is_done_here_and_works_there_is_cancelled() -> None:
    bench = Bench()
    bench.submit(**LIMIT)
    bench.step()
    bench.says("o1", S.REJECTED, "0")
    bench.shows(orders=(resting("o1"),))
    assert asked(bench.step()) == [("cancel", "o1")]
    assert "done here, open at the venue" in (bench.venue.unready(bench.state) or "")


def test_an_order_open_here_and_not_there_keeps_the_account_from_trading() -> None:
    bench = Bench()
    bench.submit(**LIMIT)
    bench.says("o1", S.ACKNOWLEDGED, "0")
    bench.step()
    bench.shows()
    bench.step()
    assert "not open at the venue" in (bench.venue.unready(bench.state) or "")


@pytest.mark.parametrize("foreign", ["refuse", "ignore", "adopt"])
def test_what_was_there_before_us_is_refused_ignored_or_adopted(foreign: str) -> None:
    bench = Bench(foreign=foreign)
    bench.shows(orders=(resting("theirs"),), held="-2")
    given = bench.step()
    unready = bench.venue.unready(bench.state)
    if foreign == "refuse":
        assert unready == (
            f"live: order theirs of {SYMBOL}: not ours; position {SYMBOL}: 0 here, -2 at the venue"
        )
    elif foreign == "ignore":
        assert unready is None
        bench.shows(orders=(resting("theirs"),), held="-3")
        bench.step()
        bench.shows(orders=(resting("theirs"),), held="-3")
        bench.step()
        assert "0 here, -3" in (bench.venue.unready(bench.state) or "")
    else:
        assert [qty for _, qty in fills(given)] == ["2"]
        bench.shows(orders=(resting("theirs"),), held="-2")
        bench.step()
        assert bench.venue.unready(bench.state) is None
        assert bench.state.held == {SYMBOL: Decimal(-2)}


def test_a_difference_counts_when_two_looks_in_a_row_show_it() -> None:
    bench = Bench()
    bench.shows()
    bench.step()
    bench.shows(held="1")
    bench.step()
    assert bench.venue.unready(bench.state) is None
    bench.shows(held="1")
    bench.step()
    assert "0 here, 1 at the venue" in (bench.venue.unready(bench.state) or "")
    bench.shows()
    bench.step()
    assert bench.venue.unready(bench.state) is None


@pytest.mark.parametrize("last_but_one", ["0", "1"])
def test_while_no_frame_comes_the_last_two_looks_wait_and_no_more(last_but_one: str) -> None:
    bench = Bench()
    bench.shows()
    bench.step()
    for _ in range(1_000):
        bench.shows(held="1")
    bench.pays("f", "-1", at_ns=bench.now_ns)
    bench.shows(held=last_but_one)
    bench.shows(held="1")
    assert len(bench.state.waiting) == 3
    bench.step()
    assert bench.state.waiting == []
    assert (bench.venue.unready(bench.state) is None) == (last_but_one == "0")


def test_too_little_balance_for_the_capital_is_refused_at_the_start() -> None:
    bench = Bench(capital=1_000)
    bench.shows(balance="999")
    bench.step()
    assert bench.venue.unready(bench.state) == (
        "live: balance: live.capital is 1000, the venue has 999"
    )


def test_the_venue_reports_none_only_by_a_look_taken_after_all_that_moved() -> None:
    bench = Bench()
    bench.shows()
    bench.step()
    assert bench.venue.reports_none(bench.state, "", all_of)
    bench.submit()
    bench.step()
    bench.says("o1", S.FILLED, "1")
    bench.trades("o1", "t1", "1")
    bench.step()
    assert not bench.venue.reports_none(bench.state, "", all_of)
    bench.shows(held="1")
    bench.step()
    assert not bench.venue.reports_none(bench.state, f"{VENUE}:{SYMBOL}", all_of)


def test_a_fee_in_coin_of_a_spot_purchase_leaves_so_much_less_of_it() -> None:
    bench = Bench()
    spot = "BTC/USDT"
    order = msgspec.structs.replace(bench.order(), symbol=spot)
    bench.venue.submit(bench.state, order)
    report = msgspec.structs.replace(
        bench.trades("o1", "t1", "1"), number=2, symbol=spot, fee=Decimal("0.001"),
        fee_currency="BTC",
    )  # fmt: skip
    bench.state.waiting.clear()
    bench.venue.hear(bench.state, report)
    frame = msgspec.structs.replace(bench.frame(), symbol=spot)
    answers = bench.venue.on_frame(bench.state, frame)
    assert fills([*answers]) == [("t1", "1"), ("t1:fee", "0.001")]
    assert bench.state.held == {spot: Decimal("0.999")}


def test_a_fee_in_another_coin_is_booked_at_the_price_that_was_reported_with_it() -> None:
    bench = Bench()
    bench.submit()
    bench.shows()
    bench.step()
    bench.trades("o1", "t1", "1", fee_currency="BNB", fee_rate=Decimal("612.5"))
    (fill,) = [each for each in bench.step() if isinstance(each, Fill)]
    assert (fill.fee, fill.fee_currency) == (Decimal("6.125"), "USDT")
    assert bench.venue.unready(bench.state) is None


def test_a_fee_in_a_coin_without_a_price_is_told_and_stops_trading_until_a_person_resumes() -> None:
    bench = Bench()
    bench.submit()
    bench.shows()
    bench.step()
    bench.trades("o1", "t1", "1", fee_currency="XYZ")
    (fill,) = [each for each in bench.step() if isinstance(each, Fill)]
    assert fill.fee == 0
    assert bench.venue.unready(bench.state) == (
        "live: trade t1: its fee of 0.01 XYZ is not booked, as binanceusdm has no price of XYZ in "
        "USDT; switch fees in XYZ off there"
    )
    bench.venue.resume(bench.state)
    assert bench.venue.unready(bench.state) is None


def test_the_state_survives_its_encoding() -> None:
    bench = Bench()
    bench.submit(**LIMIT)
    bench.shows(held="1")
    bench.step()
    bench.trades("o1", "t1", "0.5", Side.BUY)
    data = msgspec.msgpack.encode(bench.state)
    assert msgspec.msgpack.decode(data, type=LiveState) == bench.state


def test_a_state_from_a_snapshot_has_its_orders_and_cancels_in_the_same_order() -> None:
    bench = Bench()
    for placed in (8, 9):  # "o10" comes before "o9" by its name, after it in time
        bench.placed = placed
        bench.submit(**LIMIT)
    bench.step()
    for id_ in ("o9", "o10"):
        bench.says(id_, S.ACKNOWLEDGED, "0")
    bench.step()
    snapshot = msgspec.msgpack.encode(bench.state, order="deterministic")
    given = []
    for state in (bench.state, msgspec.msgpack.decode(snapshot, type=LiveState)):
        bench.state = state
        orders = bench.venue.open_orders(state)[f"{VENUE}:{SYMBOL}"]
        for order in sorted(orders, key=lambda o: o.client_order_id, reverse=True):
            bench.venue.cancel(state, order, now_ns=bench.now_ns)
        given.append(([o.client_order_id for o in orders], asked(bench.step())))
    assert given[0] == given[1]
    assert len(given[0][1]) == 2


def test_funding_counts_once_and_only_from_when_the_account_began() -> None:
    bench = Bench()
    bench.pays("before", "-1", at_ns=bench.now_ns)
    bench.step()
    bench.shows()
    bench.step()
    began_ns = bench.state.began_ns
    assert began_ns is not None
    bench.pays("of before", "-1", at_ns=began_ns)
    bench.pays("p", "-0.5", at_ns=began_ns + 1)
    given = [each for each in bench.step() if isinstance(each, Funding)]
    assert [(each.payment_id, each.amount) for each in given] == [("p", Decimal("-0.5"))]
    bench.run, bench.number = 2, 0  # another process looks a week back
    bench.pays("p", "-0.5", at_ns=began_ns + 1)
    bench.pays("q", "0.25", at_ns=began_ns + 2)
    given = [each for each in bench.step() if isinstance(each, Funding)]
    assert [each.payment_id for each in given] == ["q"]


def test_funding_in_another_coin_stops_trading() -> None:
    bench = Bench()
    bench.shows()
    bench.step()
    bench.pays("p", "-0.5", at_ns=bench.now_ns + 1, currency="BNB")
    bench.step()
    assert "funding p: -0.5 BNB" in str(bench.venue.unready(bench.state))
