"""Closes that the venue refuses are tried again, once a tick and not with every frame."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from schemas.control import Flatten
from schemas.order import OrderStatus
from schemas.signal import SignalKind
from schemas.venue import RequestKind
from tests.support.live_desk import LiveDesk
from tests.support.live_venue import RULES


def hold(desk: LiveDesk) -> None:
    """A position whose stop rests."""
    desk.step(SignalKind.LONG)
    entry = desk.order("open")
    desk.reports(entry, OrderStatus.FILLED, str(entry.qty))
    desk.trades(entry, str(entry.qty))
    desk.step()
    desk.reports(desk.order("stop"), OrderStatus.ACKNOWLEDGED)
    desk.step(tick=False)


def flatten(desk: LiveDesk) -> None:
    desk.account.command(desk.state, Flatten("paper", desk.now_ns, "enough", id="f", by="ada"))


def monitor(desk: LiveDesk) -> None:
    guard = desk.state.guards[RULES.key]
    guard.leaving, guard.attempts = "monitor", 0


def pass_hours(desk: LiveDesk) -> None:
    desk.now_ns += 3_600 * 10**9


def attempts(desk: LiveDesk, leg: str) -> list[int]:
    return [r.order.attempt for r in desk.requests() if r.order.leg == leg]


@pytest.mark.parametrize(
    ("leg", "leave"), [("flatten", flatten), ("monitor", monitor), ("time", pass_hours)]
)
def test_a_close_that_the_venue_refuses_waits_for_the_next_tick(
    leg: str, leave: Callable[[LiveDesk], None]
) -> None:
    desk = LiveDesk(stops={"target_ratios": (), "target_shares": (), "max_holding_s": 3_600})
    hold(desk)
    leave(desk)
    desk.step(tick=False)
    for number in (1, 2, 3):
        assert attempts(desk, leg) == [*range(1, number + 1)]
        desk.reports(desk.order(leg), OrderStatus.REJECTED)
        for _ in range(9):
            desk.step(tick=False)
        assert attempts(desk, leg) == [*range(1, number + 1)]
        desk.state = desk.account.decode(desk.account.encode(desk.state))
        desk.step()
    closing = desk.order(leg)
    desk.reports(closing, OrderStatus.FILLED, str(closing.qty))
    desk.trades(closing, str(closing.qty))
    desk.step(tick=False)
    assert desk.state.held_qty(RULES.key) == Decimal(0)
    assert attempts(desk, leg) == [1, 2, 3, 4]


def test_while_a_flatten_waits_for_its_next_try_the_stop_stays() -> None:
    desk = LiveDesk()
    hold(desk)
    flatten(desk)
    desk.step(tick=False)
    desk.reports(desk.order("stop"), OrderStatus.CANCELLED)
    desk.reports(desk.order("flatten"), OrderStatus.REJECTED)
    desk.step(tick=False)
    desk.reports(desk.order("stop"), OrderStatus.ACKNOWLEDGED)
    for _ in range(8):
        desk.step(tick=False)
    assert attempts(desk, "stop") == [1, 2]
    assert len(desk.requests(RequestKind.CANCEL)) == 1
    desk.step()
    assert attempts(desk, "flatten") == [1, 2]
    assert len(desk.requests(RequestKind.CANCEL)) == 2


def test_a_close_that_was_given_up_does_not_delay_a_flatten() -> None:
    desk = LiveDesk()
    hold(desk)
    desk.step(SignalKind.EXIT)
    desk.reports(desk.order("close"), OrderStatus.REJECTED)
    flatten(desk)
    desk.step(tick=False)
    assert attempts(desk, "flatten") == [1]
