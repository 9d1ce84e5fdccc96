"""Trades that a real venue tells late: of an entry that ended, after its position was closed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from agents.execution.account import Account, AccountState
from schemas.frame import NS_PER_MS, NS_PER_S, Message, Side
from schemas.order import Order, OrderStatus
from schemas.settings import settings_from
from schemas.signal import SignalKind
from schemas.venue import AccountReport, OrderReport, RequestKind, TradeReport, VenueRequest
from tests.support.live_venue import RULES
from tests.support.messages import SYMBOL, VENUE, frame_at, signal_of

KEY = f"{VENUE}:{SYMBOL}"
BUY, SELL = Side.BUY, Side.SELL
DONE = {OrderStatus.CANCELLED, OrderStatus.FILLED}


class LiveDesk:
    """An account at a real venue, whose reports are written by hand."""

    def __init__(self) -> None:
        live = {"enabled": True, "venue": VENUE, "capital": 10_000}
        stops = {"target_ratios": (), "target_shares": ()}
        self.account = Account(settings_from({"live": live, "stops": stops}))
        self.state: AccountState = self.account.initial()
        self.account.learn(self.state, RULES)
        self.now_ns, self.seq, self.number = NS_PER_S, 0, 0
        self.records: list[Message] = []
        self.step()
        self._says(AccountReport, symbol="", balance=Decimal(10_000), orders=(), positions=())

    def step(self, kind: SignalKind | None = None) -> list[Message]:
        self.now_ns += 100 * NS_PER_MS
        self.seq += 1
        signal = None
        if kind is not None:
            score = 30.0 if kind is SignalKind.SHORT else 70.0
            signal = signal_of(kind, score=score, tick_ns=self.now_ns, id_=f"s{self.seq}")
        given = self.account.step(self.state, frame_at(self.now_ns, seq=self.seq), signal)
        self.records += given
        return given

    def order(self, leg: str) -> Order:
        """The newest order of a leg that has left."""
        return [r.order for r in self.requests() if r.order.leg == leg][-1]

    def requests(self, kind: RequestKind = RequestKind.CREATE) -> list[VenueRequest]:
        return [r for r in self.records if isinstance(r, VenueRequest) and r.kind is kind]

    def reports(self, order: Order, status: OrderStatus, filled: str = "0") -> None:
        self._says(
            OrderReport, client_order_id=order.client_order_id, status=status,
            filled_qty=Decimal(filled),
        )  # fmt: skip

    def trades(self, order: Order, qty: str) -> None:
        self._says(
            TradeReport, client_order_id=order.client_order_id, trade_id=f"t{self.number}",
            side=order.side, price=Decimal(100), qty=Decimal(qty), fee=Decimal("0.01"),
            fee_currency="USDT", maker=False,
        )  # fmt: skip

    def _says(self, kind: type[Any], **fields: Any) -> None:
        self.number += 1
        head = {
            "account": "paper", "venue": VENUE, "symbol": SYMBOL, "run": 1, "number": self.number,
            "effective_ns": self.now_ns,
        }  # fmt: skip
        self.account.hear(self.state, kind(**{**head, **fields}))


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
