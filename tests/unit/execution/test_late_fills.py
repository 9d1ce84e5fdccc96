"""Trades that a real venue tells late: of an entry that ended, after its position was closed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from schemas.frame import Message, Side
from schemas.order import Order, OrderStatus
from schemas.signal import SignalKind
from schemas.venue import RequestKind
from tests.support.live_desk import LiveDesk
from tests.support.messages import SYMBOL, VENUE

KEY = f"{VENUE}:{SYMBOL}"
BUY, SELL = Side.BUY, Side.SELL
DONE = {OrderStatus.CANCELLED, OrderStatus.FILLED}


def enter(desk: LiveDesk, *, filled: str = "2") -> Order:
    """An entry of which one is told, and a stop that rests for it."""
    desk.step(SignalKind.LONG)
    entry = desk.order("open")
    desk.reports(entry, OrderStatus.ACKNOWLEDGED)
    desk.trades(entry, "1")
    desk.step()
    desk.reports(desk.order("stop"), OrderStatus.ACKNOWLEDGED)
    # The venue has ended it; if that was with two filled, the second trade is still on its way.
    desk.reports(entry, OrderStatus.CANCELLED, filled)
    desk.step()
    return entry


def ids(records: Sequence[Message]) -> list[str]:
    return [record.id for record in records if isinstance(record, Order)]


def test_a_trade_told_after_the_stop_closed_the_rest_gets_a_stop_under_a_new_id() -> None:
    desk = LiveDesk()
    entry = enter(desk)
    first = desk.order("stop")
    desk.reports(first, OrderStatus.FILLED, "1")
    desk.trades(first, "1")
    desk.step()
    desk.step()
    assert not desk.state.held_qty(KEY)
    assert KEY not in desk.state.guards
    desk.trades(entry, "1")
    desk.step()
    assert desk.state.held_qty(KEY) == 1
    second = desk.order("stop")
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.client_order_id != first.client_order_id
    assert second.qty == 1
    assert len(ids(desk.records)) == len(set(ids(desk.records)))
    for _ in range(5):
        desk.step()
    assert [r.order.leg for r in desk.requests()] == ["open", "stop", "stop"]


def test_a_position_that_was_being_left_goes_on_being_left() -> None:
    desk = LiveDesk()
    entry = enter(desk)
    guard = desk.state.guards[KEY]
    guard.leaving, guard.why, guard.attempts = "monitor", "monitor: test", 0
    desk.step()
    closing = desk.order("monitor")
    desk.reports(closing, OrderStatus.FILLED, "1")
    desk.trades(closing, "1")
    desk.step()
    stop = desk.order("stop")
    desk.reports(stop, OrderStatus.CANCELLED)
    desk.step()
    desk.step()
    desk.trades(entry, "1")
    desk.step()
    again = desk.order("monitor")
    assert (again.attempt, again.qty) == (2, Decimal(1))
    assert len(ids(desk.records)) == len(set(ids(desk.records)))


@pytest.mark.parametrize("restarts", [False, True])
def test_what_protected_a_position_is_cancelled_when_it_is_closed(restarts: bool) -> None:
    desk = LiveDesk()
    enter(desk, filled="1")
    desk.step(SignalKind.EXIT)
    close = desk.order("close")
    desk.reports(close, OrderStatus.FILLED, "1")
    desk.trades(close, "1")
    desk.step()
    assert not desk.state.held_qty(KEY)
    if restarts:
        desk.state = desk.account.decode(desk.account.encode(desk.state))
    stop = desk.order("stop")
    for _ in range(3):
        desk.step()
    cancels = desk.requests(RequestKind.CANCEL)
    assert [r.order.client_order_id for r in cancels] == [stop.client_order_id]
    assert KEY in desk.state.guards
    desk.reports(stop, OrderStatus.CANCELLED)
    desk.step()
    assert KEY not in desk.state.guards


def test_a_turn_cancels_what_protected_the_other_side() -> None:
    desk = LiveDesk()
    enter(desk, filled="1")
    old = desk.order("stop")
    desk.step(SignalKind.SHORT)
    for leg in ("close", "open"):
        order = desk.order(leg)
        desk.reports(order, OrderStatus.FILLED, str(order.qty))
        desk.trades(order, str(order.qty))
    for _ in range(3):
        desk.step()
    assert desk.state.held_qty(KEY) < 0
    new = desk.order("stop")
    assert (new.side, new.signal_id) == (BUY, desk.state.guards[KEY].signal_id)
    cancels = desk.requests(RequestKind.CANCEL)
    assert [r.order.client_order_id for r in cancels] == [old.client_order_id]
