"""Trade alerts: every entry and exit is told once, when its fills are booked."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agents.execution import trade_alerts
from agents.execution.account import Account
from agents.pipeline import Pipeline
from schemas.frame import NS_PER_S, Side
from schemas.order import Fill, Order, OrderStatus
from schemas.score import ConfluenceScore
from schemas.settings import Settings, settings_from
from schemas.signal import SignalKind
from schemas.trade_alert import TradeAlert, TradeType
from tests.chaos.expected import frames_of
from tests.golden.sources import golden_paths
from tests.integration.test_profit_and_loss import QUICK
from tests.support.messages import SYMBOL, VENUE, frame_at
from tests.unit.execution.test_account import Desk, settings_with

KEY = f"{VENUE}:{SYMBOL}"


def alerts(messages: list[object]) -> list[TradeAlert]:
    return [m for m in messages if isinstance(m, TradeAlert)]


def test_an_entry_and_its_exit_are_told_when_they_are_filled_and_not_before() -> None:
    desk = Desk()
    assert not alerts([*desk.step(SignalKind.LONG)])
    (entry,) = alerts([*desk.step(asks=((10_001, 10_000), (10_003, 90_000)))])
    assert (entry.trade_type, entry.side, entry.filled_amount) == (
        TradeType.ENTRY, Side.BUY, Decimal(50),
    )  # fmt: skip
    assert entry.average_fill_price == Decimal("100.026")  # 10 at 100.01, 40 at 100.03
    assert (entry.score, entry.reason) == (70.0, "test")
    assert not alerts([*desk.step(SignalKind.EXIT)])
    (exit_,) = alerts([*desk.step(bids=((9_990, 90_000),))])
    assert (exit_.trade_type, exit_.side) == (TradeType.EXIT, Side.SELL)
    assert (exit_.filled_amount, exit_.average_fill_price) == (Decimal(50), Decimal("99.90"))
    assert not desk.state.unconfirmed


def test_what_a_thin_book_leaves_of_an_exit_is_told_as_less_than_an_exit() -> None:
    desk = Desk()
    desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    desk.step(SignalKind.EXIT)
    (told,) = alerts([*desk.step(bids=((9_990, 20_000),))])
    assert (told.trade_type, told.filled_amount) == (TradeType.SCALE_OUT, Decimal(20))
    (told,) = alerts([*desk.step(bids=((9_990, 90_000),))])
    assert (told.trade_type, told.filled_amount) == (TradeType.EXIT, Decimal(30))


def test_a_turn_is_an_exit_and_an_entry() -> None:
    desk = Desk()
    desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    desk.step(SignalKind.SHORT)
    told = alerts([*desk.step(bids=((9_999, 500_000),)), *desk.step(bids=((9_999, 500_000),))])
    assert [(a.trade_type, a.side) for a in told] == [
        (TradeType.EXIT, Side.SELL), (TradeType.ENTRY, Side.SELL),
    ]  # fmt: skip
    assert [a.score for a in told] == [None, 30.0]


def test_an_exit_is_told_with_the_latest_score() -> None:
    desk = Desk()
    desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    frame = frame_at(desk.now_ns + NS_PER_S, seq=99)
    at = (frame.venue, frame.symbol, frame.close_ns, 1, 99)
    score = ConfluenceScore(*at, 41.5, 0.9, 100.0, (), (), 68.0, 35.0)
    desk.account.step(desk.state, frame, None, score)
    desk.now_ns, desk.seq = frame.close_ns, 99
    desk.step(SignalKind.EXIT)
    (told,) = alerts([*desk.step()])
    assert told.score == 41.5


def test_a_refused_order_and_one_without_a_fill_are_not_told() -> None:
    desk = Desk(settings_with(stops={"at_venue": True}))
    desk.step(SignalKind.EXIT)  # refused by a rule
    desk.step()
    desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    desk.step()
    desk.step(SignalKind.EXIT)
    told = alerts([*desk.step(bids=((9_999, 500_000),))])
    assert [a.trade_type for a in told] == [TradeType.EXIT]  # stop and targets were cancelled
    desk.step()
    assert not desk.state.unconfirmed


def test_a_venue_that_reports_the_end_before_the_last_fill_is_waited_for() -> None:
    desk = Desk()
    (order,) = [m for m in desk.step(SignalKind.LONG) if isinstance(m, Order)]
    state, frame = desk.state, frame_at(desk.now_ns + NS_PER_S)
    done = msgspec.structs.replace(
        order, version=2, status=OrderStatus.FILLED, filled_qty=order.qty, reason="filled"
    )
    assert not trade_alerts.confirmed(state, frame, [done])
    fill = Fill(
        "t", order.client_order_id, "paper", VENUE, SYMBOL, frame.close_ns, Side.BUY,
        Decimal(100), order.qty, Decimal(0), "USDT", maker=False,
    )  # fmt: skip
    trade_alerts.booked(state, fill)
    (told,) = trade_alerts.confirmed(state, frame, [fill])
    assert told.filled_amount == order.qty
    assert not trade_alerts.confirmed(state, frame, [fill])


def test_orders_between_intent_and_end_survive_a_restart() -> None:
    plain, restarted = Desk(), Desk()
    for desk in (plain, restarted):
        desk.step(SignalKind.LONG)
    restarted.state = restarted.account.decode(restarted.account.encode(restarted.state))
    book = ((10_001, 90_000),)
    assert alerts([*plain.step(asks=book)]) == alerts([*restarted.step(asks=book)]) != []


def test_a_state_from_before_there_were_alerts_is_read() -> None:
    account = Account(Settings())
    fields = msgspec.msgpack.decode(account.encode(account.initial()))
    for name in ("outlooks", "proposed", "theses", "watches", "unconfirmed"):
        del fields[name]
    assert account.decode(msgspec.msgpack.encode(fields)) == account.initial()


@pytest.mark.needs_market_data
def test_of_a_recorded_day_the_alerts_add_up_to_the_fills(market_data: Path) -> None:
    settings = settings_from({**QUICK, "sizing": {"policy": "threshold"}})
    pipeline = Pipeline(settings)
    paths = golden_paths(market_data, "BTC_usdm_20240808")
    records = [r.message for f in frames_of(paths, settings) for r in pipeline.process(f)]
    qty, notional = defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal)
    for fill in [r for r in records if isinstance(r, Fill)]:
        qty[fill.client_order_id] += fill.qty
        notional[fill.client_order_id] += fill.qty * fill.price
    told = alerts([*records])
    known = set(pipeline.account_state.unconfirmed)
    assert {a.order_id: a.filled_amount for a in told} == {
        id_: filled for id_, filled in qty.items() if id_ not in known
    }
    assert len(told) == len({a.order_id for a in told}) > 40
    for alert in told:
        mean = notional[alert.order_id] / qty[alert.order_id]
        assert abs(alert.average_fill_price - mean) < Decimal("1e-20")
        assert alert.score is not None
    assert {a.trade_type for a in told} >= {TradeType.ENTRY, TradeType.EXIT, TradeType.SCALE_OUT}
