"""Orders of a live account that may not leave: they are over, though no report tells of it."""

from __future__ import annotations

from schemas.order import Order, OrderStatus
from schemas.signal import SignalKind
from tests.support.live_desk import LiveDesk
from tests.support.live_venue import RULES


def test_an_order_that_did_not_leave_is_in_the_way_of_no_other() -> None:
    desk = LiveDesk()
    desk.state.instruments.clear()
    for _ in range(2):
        desk.step(SignalKind.LONG)
        desk.step()
    refused = [o for o in desk.records if isinstance(o, Order) and o.status is OrderStatus.REJECTED]
    assert [order.reason.partition(":")[0] for order in refused] == ["rules"] * 2
    assert not desk.state.parents
    assert not desk.state.unconfirmed
    desk.account.learn(desk.state, RULES)
    desk.step(SignalKind.LONG)
    assert desk.order("open").status is OrderStatus.INTENT
