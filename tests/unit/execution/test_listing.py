"""Symbols that a venue delists, lists again, or trades by other rules: what the account does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from schemas.alert import Alert
from schemas.frame import Message
from schemas.order import Order, OrderStatus
from schemas.signal import SignalKind
from tests.support.live_desk import LiveDesk
from tests.support.live_venue import RULES, asked, lives
from tests.support.messages import SYMBOL, VENUE

KEY = f"{VENUE}:{SYMBOL}"


def told(messages: list[Message]) -> list[Alert]:
    return [each for each in messages if isinstance(each, Alert) and each.rule != "venue:agrees"]


def rules(desk: LiveDesk, **changed: Any) -> None:
    """The feed tells new rules, in force from the next frame on."""
    desk.account.learn(
        desk.state, msgspec.structs.replace(RULES, effective_ns=desk.now_ns + 1, **changed)
    )


def holding() -> LiveDesk:
    """Long 2 at 100, with a stop that rests at the venue."""
    desk = LiveDesk()
    desk.step(SignalKind.LONG)
    entry = desk.order("open")
    desk.reports(entry, OrderStatus.CANCELLED, "2")
    desk.trades(entry, "2")
    desk.step()
    desk.reports(desk.order("stop"), OrderStatus.ACKNOWLEDGED)
    desk.step()
    return desk


def test_what_is_delisted_under_a_position_is_told_once_and_left_and_not_entered() -> None:
    desk = holding()
    rules(desk, trading=False)
    (alert,) = told(desk.step())
    assert (alert.rule, alert.severity.value) == ("venue:delisted", "critical")
    assert f"{VENUE} does not trade {SYMBOL} any more" in alert.text
    assert "position 2, 1 working orders" in alert.text
    assert told(desk.step()) == []
    assert asked(desk.step(SignalKind.EXIT))[0][0] == "create"
    close = desk.order("close")
    assert (close.reduce_only, close.qty) == (True, Decimal(2))
    desk.reports(close, OrderStatus.FILLED, "2")
    desk.trades(close, "2")
    desk.step()
    desk.reports(desk.order("stop"), OrderStatus.CANCELLED)
    desk.step()
    for kind in (SignalKind.LONG, SignalKind.SHORT):
        given = desk.step(kind)
        assert [status for _, status in lives(given)] == ["rejected"]
        (refused,) = [each for each in given if isinstance(each, Order)]
        assert f"reduce_only: {KEY}, by {VENUE}: it does not trade it any more" in refused.reason
    rules(desk, trading=True)
    assert told(desk.step()) == []  # nothing is at stake there
    assert asked(desk.step(SignalKind.LONG))[0][0] == "create"


def test_a_turn_of_what_is_delisted_closes_and_does_not_open() -> None:
    desk = holding()
    rules(desk, trading=False)
    desk.step()
    given = desk.step(SignalKind.SHORT)
    assert [s for _, s in lives(given)].count("rejected") == 1
    assert desk.order("close").side.value == -1


def test_a_coarser_tick_leaves_what_is_at_the_venue_and_holds_for_what_is_placed_anew() -> None:
    desk = holding()
    stop = desk.order("stop")
    tick = Decimal("0.7")
    assert stop.stop_price is not None
    assert stop.stop_price % tick
    rules(desk, tick_size=tick)
    given = desk.step()
    (alert,) = told(given)
    assert alert.rule == "venue:rules"
    assert f"changes {SYMBOL}: tick from 0.01 to 0.7; position 2, 1 working orders" in alert.text
    for _ in range(3):
        assert asked(given) == []
        given = desk.step()
    desk.reports(stop, OrderStatus.CANCELLED)  # somebody else has cancelled it
    desk.step()
    desk.step()
    again = desk.order("stop")
    assert again.client_order_id != stop.client_order_id
    assert again.stop_price is not None
    assert again.stop_price % tick == 0
    assert stop.stop_price < again.stop_price < 100
    assert lives(desk.step()) == []


def test_rules_of_a_symbol_without_position_or_order_are_no_news() -> None:
    desk = LiveDesk()
    desk.step()
    rules(desk, trading=False, tick_size=Decimal(1))
    assert told(desk.step()) == []
