"""What becomes of an entry that was refused by its age, and of a signal that waited too long."""

from __future__ import annotations

import pytest

from agents.venues.age import too_old
from schemas.execution_quality import ExecutionQuality
from schemas.frame import NS_PER_S
from schemas.order import Order, OrderStatus
from schemas.signal import SignalKind
from tests.support.live_desk import LiveDesk
from tests.support.live_venue import RULES

HOUR_NS = 3_600 * NS_PER_S
REFUSED = too_old(0, HOUR_NS, limit_s=15)
MANY = 300
"""Ticks, of 100 ms each."""


@pytest.mark.parametrize("algorithm", ["market", "limit", "post_only", "twap", "iceberg"])
def test_an_entry_refused_by_age_ends_at_once_and_leaves_nothing(algorithm: str) -> None:
    assert REFUSED is not None
    desk = LiveDesk(algorithms={"entry": algorithm})
    desk.step(SignalKind.LONG)
    while not desk.requests():
        desk.step()
    (request,) = desk.requests()
    desk.reports(request.order, OrderStatus.REJECTED, reason=REFUSED)
    for _ in range(MANY):
        desk.step()
    assert desk.requests() == [request]
    (quality,) = [r for r in desk.records if isinstance(r, ExecutionQuality)]
    assert quality.reason == REFUSED
    assert not desk.state.parents
    assert not desk.state.guards
    assert not desk.state.unconfirmed
    assert not desk.state.held_qty(RULES.key)
    # A signal of now is not in its way.
    desk.step(SignalKind.LONG)
    while len(desk.requests()) == 1:
        desk.step()
    assert desk.requests()[-1].order.signal_id != request.order.signal_id


@pytest.mark.parametrize(("gap_ns", "enters"), [(0, True), (HOUR_NS, False)])
def test_a_turn_over_a_fall_of_role_and_feed_closes_and_does_not_enter(
    gap_ns: int, enters: bool
) -> None:
    """No frame lies between: the first one of now releases a signal of an hour ago."""
    desk = LiveDesk()
    desk.step(SignalKind.LONG)
    entry = desk.order("open")
    desk.reports(entry, OrderStatus.FILLED, str(entry.qty))
    desk.trades(entry, str(entry.qty))
    desk.step()
    desk.reports(desk.order("stop"), OrderStatus.ACKNOWLEDGED)
    desk.step(SignalKind.SHORT)
    close = desk.order("close")
    desk.reports(close, OrderStatus.FILLED, str(close.qty))
    desk.trades(close, str(close.qty))
    desk.now_ns += gap_ns
    desk.step()
    desk.step()
    assert not desk.state.held_qty(RULES.key)
    assert (desk.order("open").signal_id != entry.signal_id) is enters
    refused = [o for o in desk.records if isinstance(o, Order) and o.status is OrderStatus.REJECTED]
    assert [o.reason.partition(",")[0] for o in refused] == (
        [] if enters else ["age: limit 15 s (live.max_decision_age_s)"]
    )
    assert not desk.state.waiting
