"""Trades that a real venue tells late: of an entry that ended, after its position was closed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from schemas.control import Flatten
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
    assert KEY in desk.state.guards  # something of the entry is still to come
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
        desk.step()
    for _ in range(2):
        desk.step()
    assert desk.state.held_qty(KEY) < 0
    new = desk.order("stop")
    assert (new.side, new.signal_id) == (BUY, desk.state.guards[KEY].signal_id)
    cancels = desk.requests(RequestKind.CANCEL)
    assert [r.order.client_order_id for r in cancels] == [old.client_order_id]


def refuse(desk: LiveDesk, leg: str) -> None:
    """The venue refuses what was sent last of a leg."""
    desk.reports(desk.order(leg), OrderStatus.REJECTED)
    desk.step()


def test_a_turn_whose_exit_is_refused_opens_nothing_and_stays_protected() -> None:
    desk = LiveDesk()
    enter(desk, filled="1")
    stop = desk.order("stop")
    desk.step(SignalKind.SHORT)
    for attempt in range(1, 11):
        assert desk.order("close").attempt == attempt
        refuse(desk, "close")
    desk.step()
    assert [r.order.leg for r in desk.requests() if r.order.leg == "open"] == ["open"]
    refused = [r for r in desk.records if isinstance(r, Order) and r.leg == "open"][-1]
    assert refused.reason == "turn: 1 of the other side is still held"
    assert desk.state.held_qty(KEY) == 1
    assert desk.state.guards[KEY].stop_id == stop.client_order_id
    assert not desk.requests(RequestKind.CANCEL)
    assert not desk.state.parents
    assert not desk.state.waiting
    assert len(set(ids(desk.records))) == len(ids(desk.records))
    desk.step(SignalKind.EXIT)  # it can be left all the same
    assert desk.order("close").attempt == 1


WORKED = {"entry": "twap", "exit": "twap", "rests": False, "horizon_s": 5, "slice_s": 1}


def test_what_fills_before_its_trades_are_told_is_not_sent_again() -> None:
    desk = LiveDesk(algorithms={**WORKED, "sweep_s": 1})
    desk.step(SignalKind.LONG)
    asked = desk.state.parents[KEY][0].task.qty
    for leg in ("open", "close"):
        told = 0
        for _ in range(70):
            desk.step()
            sent = [r.order for r in desk.requests() if r.order.leg == leg]
            for order in sent[told:]:
                desk.reports(order, OrderStatus.FILLED, str(order.qty))
                before = len(desk.requests())
                desk.step()
                assert len(desk.requests()) == before
                desk.trades(order, str(order.qty))
            told = len(sent)
        assert sum(order.qty for order in sent) == asked
        assert abs(desk.state.held_qty(KEY)) == (asked if leg == "open" else 0)
        desk.step(SignalKind.EXIT)


@pytest.mark.parametrize("leg", ["close", "monitor", "flatten"])
def test_what_has_left_a_position_is_waited_for_until_its_trades_are_here(leg: str) -> None:
    desk = LiveDesk()
    enter(desk, filled="1")
    if leg == "monitor":
        guard = desk.state.guards[KEY]
        guard.leaving, guard.attempts = leg, 0
    elif leg == "flatten":
        desk.account.command(desk.state, Flatten("paper", desk.now_ns, "enough", "f", by="ada"))
    desk.step(SignalKind.EXIT if leg == "close" else None)
    closing = desk.order(leg)
    desk.reports(closing, OrderStatus.FILLED, "1")
    for _ in range(3):
        desk.step()
    assert [r.order.attempt for r in desk.requests() if r.order.leg == leg] == [1]
    desk.trades(closing, "1")
    desk.step()
    assert not desk.state.held_qty(KEY)
    assert [r.order.attempt for r in desk.requests() if r.order.leg == leg] == [1]


@pytest.mark.parametrize("changes_its_mind", [False, True])
def test_an_exit_that_comes_while_nothing_may_be_decided_is_not_lost(
    changes_its_mind: bool,
) -> None:
    desk = LiveDesk(stops={"at_venue": False})
    desk.step(SignalKind.LONG)
    desk.reports(desk.order("open"), OrderStatus.CANCELLED, "1")
    desk.trades(desk.order("open"), "1")
    desk.step()
    for _ in range(2):  # a difference counts when two looks show it
        desk.shows("10000", held="3")
        desk.step()
    assert desk.account.unready(desk.state)
    desk.step(SignalKind.EXIT)
    if changes_its_mind:
        desk.step(SignalKind.LONG)
    assert not [r for r in desk.requests() if r.order.leg == "close"]
    desk.shows("10000", held="1")
    desk.step()
    desk.step()
    assert desk.account.unready(desk.state) is None
    closes = [r.order for r in desk.requests() if r.order.leg == "close"]
    assert len(closes) == (0 if changes_its_mind else 1)
