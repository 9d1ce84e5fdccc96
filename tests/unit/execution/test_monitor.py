"""The position monitor in the account: what it tells, what it changes, and what it never does."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.execution.account import Account, AccountState
from agents.execution.closed_trades import Exit
from schemas.control import Halt, TradingMode
from schemas.frame import NS_PER_S, Message, Side
from schemas.order import Order, OrderStatus, OrderType
from schemas.position_assessment import MonitorAction, PositionAssessment, RiskLevel
from schemas.score import ConfluenceScore
from schemas.settings import settings_from
from schemas.signal import SignalKind
from schemas.trade_alert import TradeAlert, TradeType
from tests.support.live_venue import RULES
from tests.support.messages import SYMBOL, VENUE, frame_at, signal_of
from tests.support.paper import Trade, tape

KEY = f"{VENUE}:{SYMBOL}"
BUY, SELL = Side.BUY, Side.SELL
LONG, SHORT, EXIT = SignalKind.LONG, SignalKind.SHORT, SignalKind.EXIT
M = TypeVar("M", bound=Message)


class Desk:
    """An account that is told a mid in cents and a lean of the score to a side, once a second.

    Its positions are opened at a lean of 20 and a reliability of 1.
    """

    def __init__(
        self, mode: str = "protect", side: Side = BUY, *, latency_ms: int = 0, **monitor: object
    ) -> None:
        sections = {"monitor": {"mode": mode, **monitor}, "paper": {"latency_ms": latency_ms}}
        self.account = Account(settings_from(sections))
        self.state: AccountState = self.account.initial()
        self.side = side
        self.now_ns = 1_000 * NS_PER_S
        self.seq = 0
        self.records: list[Message] = []

    def step(
        self, away: int = 0, lean: float | None = 20.0, *trades: Trade,
        kind: SignalKind | None = None, after_s: float = 1.0, book: bool = True,
        tick: bool = True, reliability: float = 1.0,
    ) -> list[Message]:  # fmt: skip
        """A frame whose mid is so many cents from 100, in favour of the desk's side."""
        self.now_ns += round(after_s * NS_PER_S)
        self.seq += 1
        mid = 10_000 + away * self.side
        frame = frame_at(
            self.now_ns, seq=self.seq, is_tick=tick,
            bids=((mid - 1, 10**7),), asks=((mid + 1, 10**7),),
        )  # fmt: skip
        frame = msgspec.structs.replace(frame, trades=tape(*trades))
        if not book:
            frame = msgspec.structs.replace(frame, book=None)
        score = signal = None
        at = (VENUE, SYMBOL, self.now_ns, 1, self.seq)
        if lean is not None and tick:
            points = 50.0 + lean * self.side
            score = ConfluenceScore(*at, points, reliability, mid / 100, (), (), 68.0, 35.0)
        if kind is not None:
            signal = signal_of(
                kind, score=50.0 + 20.0 * self.side, price=mid / 100, tick_ns=self.now_ns,
                id_=f"s{self.seq}",
            )  # fmt: skip
        given = self.account.step(self.state, frame, signal, score)
        self.records += given
        return given

    def open(self) -> Decimal:
        """A position from 100 with its stop at the venue; how much it is."""
        self.step(kind=LONG if self.side is BUY else SHORT)
        for _ in range(8):
            if not self.working("stop"):
                self.step()
        assert self.working("stop")
        return self.held

    def run(self, seconds: int, away: int = 0, lean: float | None = 20.0) -> list[Message]:
        return [record for _ in range(seconds) for record in self.step(away, lean)]

    @property
    def held(self) -> Decimal:
        return abs(self.state.held_qty(KEY))

    @property
    def stop(self) -> Decimal:
        return self.state.guards[KEY].stop

    def working(self, leg: str) -> list[Order]:
        orders = [w.order for w in self.state.paper.working.get(KEY, [])]
        return [o for o in orders if o.leg == leg]


def of(kind: type[M], records: Sequence[Message]) -> list[M]:
    return [record for record in records if isinstance(record, kind)]


def told(records: Sequence[Message]) -> list[PositionAssessment]:
    return of(PositionAssessment, records)


def intents(records: Sequence[Message]) -> list[Order]:
    return [o for o in of(Order, records) if o.status is OrderStatus.INTENT]


@pytest.fixture(params=[BUY, SELL], ids=["long", "short"])
def side(request: pytest.FixtureRequest) -> Side:
    return Side(request.param)


# The stop of the fallback at the entry's excess of 2 (long) or 5 (short) points is 0.825 or
# 0.9375% away; the loss at half a percent is then 0.6 or 0.53 of it.


def test_nothing_is_told_of_nothing() -> None:
    desk = Desk()
    assert not told(desk.run(30))
    assert not desk.state.watches


def test_a_position_that_is_as_it_was_is_told_every_ten_seconds() -> None:
    desk = Desk()
    desk.open()
    records = told(desk.run(60))
    assert [b.tick_ns - a.tick_ns for a, b in pairwise(records)] == [10 * NS_PER_S] * (
        len(records) - 1
    )
    assert len(records) in {5, 6}
    last = records[-1]
    assert (last.level, last.advice, last.action) == (
        RiskLevel.NONE, MonitorAction.HOLD, MonitorAction.HOLD,
    )  # fmt: skip
    assert last.qty == desk.held
    assert last.confidence == 1.0
    assert last.stop == desk.stop
    assert (last.mark - last.stop) / desk.state.guards[KEY].distance == pytest.approx(
        Decimal(last.stop_ratio)
    )
    assert last.unrealised == desk.state.unrealised(KEY)


def test_frames_between_ticks_are_looked_at_only_when_a_record_is_due() -> None:
    desk = Desk()
    desk.open()
    found = [r for _ in range(300) for r in told(desk.step(after_s=0.1, tick=False))]
    # the last score is that of the entry's fill: it is soon too old
    old = "no score for more than 10 s"
    assert [r.blind for r in found] == ["", old, old]


def test_what_changes_is_told_at_once() -> None:
    desk = Desk()
    desk.open()
    desk.run(12)
    (first,) = told(desk.step(lean=10.0))
    assert (first.level, first.advice) == (RiskLevel.LOW, MonitorAction.HOLD)
    assert not told(desk.step(lean=10.0))
    (second,) = told(desk.step())
    assert second.level is RiskLevel.NONE


def test_confidence_that_stays_away_ends_the_position(side: Side) -> None:
    desk = Desk(side=side)
    qty = desk.open()
    records = desk.run(10, lean=1.0)
    assert not [o for o in intents(records) if o.leg == "monitor"]
    (order,) = intents(desk.step(lean=1.0))
    assert (order.leg, order.reduce_only, order.type, order.qty) == (
        "monitor", True, OrderType.MARKET, qty,
    )  # fmt: skip
    assert order.side == -side
    assert order.reason == "monitor: confidence: 0.05 is below 0.2, for 10 s"
    desk.step(lean=1.0)
    assert desk.held == 0
    assert not desk.state.paper.working.get(KEY)
    assert desk.state.risk.trades[-1].exit is Exit.MONITOR
    (alert,) = [a for a in of(TradeAlert, desk.records) if a.trade_type is TradeType.EXIT]
    assert (alert.reason, alert.score) == (order.reason, 50.0 + side)
    last = told(desk.records)[-1]
    assert (last.advice, last.action) == (MonitorAction.EXIT, MonitorAction.EXIT)


def test_confidence_that_comes_back_in_time_keeps_it() -> None:
    desk = Desk()
    desk.open()
    for _ in range(5):
        desk.run(9, lean=1.0)
        desk.step()
    assert desk.held
    assert desk.state.guards[KEY].leaving == ""


def test_medium_risk_tightens_the_stop_at_the_venue_and_never_loosens_it(side: Side) -> None:
    desk = Desk(side=side)
    desk.open()
    before, distance = desk.stop, desk.state.guards[KEY].distance
    # confidence 0.275, a loss of a quarter: above 0.6
    assert not [r for r in told(desk.run(3, -20, 5.5)) if r.action is not MonitorAction.HOLD]
    (assessed,) = told(desk.step(-20, lean=5.5))
    assert (assessed.level, assessed.action) == (RiskLevel.MEDIUM, MonitorAction.TIGHTEN)
    mark = desk.state.marks[KEY]
    assert (desk.stop - before) * side > 0
    assert abs(mark - desk.stop) <= distance / 2
    assert abs(mark - desk.stop) > distance / 2 - Decimal("0.01")
    desk.step(-20, lean=20.0)
    desk.step(-20, lean=20.0)
    (order,) = desk.working("stop")
    assert order.stop_price == desk.stop == assessed.stop


def test_who_only_observes_says_what_it_would_do_and_does_nothing(side: Side) -> None:
    watched, plain = Desk("observe", side), Desk("observe", side, interval_s=10**6, confirm_s=10**6)
    for desk in (watched, plain):
        desk.open()
        desk.run(30, -30, lean=1.0)
        desk.run(30, 30, lean=30.0)
    assert {r.advice for r in told(watched.records)} >= {MonitorAction.EXIT}
    assert {r.action for r in told(watched.records)} == {MonitorAction.HOLD}
    assert of(Order, watched.records) == of(Order, plain.records)
    assert watched.held


def test_lasting_medium_risk_makes_the_position_smaller_twice_and_no_more(side: Side) -> None:
    desk = Desk("reduce", side, tighten_ratio=2)
    qty = desk.open()
    desk.run(60, -20, lean=5.5)
    reductions = [o for o in intents(desk.records) if o.leg.startswith("reduce")]
    assert [(o.leg, o.attempt, o.reduce_only) for o in reductions] == [
        ("reduce1", 1, True), ("reduce2", 1, True),
    ]  # fmt: skip
    assert desk.held == pytest.approx(qty / 4, abs=Decimal("0.01"))
    assert desk.held == qty - sum((o.qty for o in reductions), Decimal(0))
    ticks = [r.tick_ns for r in told(desk.records) if r.action is MonitorAction.REDUCE]
    assert ticks[1] - ticks[0] >= 10 * NS_PER_S
    assert [a.trade_type for a in of(TradeAlert, desk.records)] == [
        TradeType.ENTRY, TradeType.SCALE_OUT, TradeType.SCALE_OUT,
    ]  # fmt: skip


def test_protect_reduces_nothing() -> None:
    desk = Desk("protect", tighten_ratio=2)
    qty = desk.open()
    desk.run(60, -20, lean=5.5)
    assert desk.held == qty


def test_an_exit_signal_during_a_reduction_waits_and_is_not_lost() -> None:
    desk = Desk("reduce", latency_ms=2_500, tighten_ratio=2)
    desk.open()
    while not [o for o in intents(desk.step(-20, lean=5.5)) if o.leg == "reduce1"]:
        assert desk.seq < 50
    desk.step(-20, 5.5, kind=EXIT)
    assert desk.working("reduce1")
    desk.run(8, -20)
    assert desk.held == 0
    legs = [o.leg for o in intents(desk.records)]
    assert legs[-2:] == ["reduce1", "close"]
    refused = [o for o in of(Order, desk.records) if o.status is OrderStatus.REJECTED]
    assert [o.reason for o in refused] == []


def test_full_enters_in_parts_and_adds_while_it_does_well(side: Side) -> None:
    desk = Desk("full", side)
    first = desk.open()
    (entry,) = [o for o in intents(desk.records) if o.leg == "open"]
    wanted = next(f.value for f in entry.factors if f.name == "qty")
    assert first == wanted / 2
    assert desk.run(15, 10) is not None
    assert desk.held == first  # not far enough yet
    desk.run(15, 30)
    assert desk.held == pytest.approx(wanted * Decimal("0.8"), abs=Decimal("0.001"))
    desk.run(15, 40)
    assert desk.held == wanted
    desk.run(60, 45)
    assert desk.held == wanted
    legs = [o.leg for o in intents(desk.records) if o.leg.startswith("open")]
    assert legs == ["open", "open2", "open3"]
    (stop,) = desk.working("stop")
    assert stop.qty == wanted
    assert desk.state.guards[KEY].entry == desk.state.ledger.holdings[KEY].average_price
    kinds = [a.trade_type for a in of(TradeAlert, desk.records)]
    assert kinds == [TradeType.ENTRY, TradeType.SCALE_IN, TradeType.SCALE_IN]


def test_nothing_is_added_to_what_was_taken_from() -> None:
    desk = Desk("full")
    whole = desk.open()
    desk.step()
    (target, *_) = desk.state.guards[KEY].targets
    cents = int(target.price * 100)
    desk.step(cents - 10_000, 20.0, (cents + 1, 10**7, BUY))
    left = desk.held
    assert 0 < left < whole
    desk.run(60, 30)
    assert desk.held <= left


def test_a_part_that_a_rule_refuses_is_a_record_and_the_last_one() -> None:
    desk = Desk("full")
    first = desk.open()
    desk.state.risk.halted = "drawdown: told by the test"
    desk.run(60, 30)
    assert desk.held == first
    refused = [o for o in of(Order, desk.records) if o.status is OrderStatus.REJECTED]
    assert [(o.leg, o.reason[:8]) for o in refused] == [("open2", "drawdown")]


@pytest.mark.parametrize("mode", [TradingMode.HALT, TradingMode.SIGNAL_ONLY])
def test_a_halt_leaves_stop_and_exit_and_takes_the_rest(mode: TradingMode) -> None:
    desk = Desk("full", tighten_ratio=2)
    qty = desk.open()
    halt = Halt("paper", None, "test", id="h", by="test", mode=mode)
    desk.account.command(desk.state, msgspec.structs.replace(halt, effective_ns=desk.now_ns))
    desk.run(30, 30)
    assert desk.held == qty
    desk.run(30, -20, lean=5.5)
    assert desk.held == qty
    desk.run(15, lean=1.0)
    assert desk.held == 0


def test_reduce_only_lets_it_reduce_and_not_add() -> None:
    desk = Desk("full", tighten_ratio=2)
    qty = desk.open()
    halt = Halt("paper", None, "test", id="h", by="test", mode=TradingMode.REDUCE_ONLY)
    desk.account.command(desk.state, msgspec.structs.replace(halt, effective_ns=desk.now_ns))
    desk.run(30, 30)
    assert desk.held == qty
    desk.run(30, -20, lean=5.5)
    assert desk.held < qty


def test_what_cannot_be_seen_is_not_acted_on() -> None:
    desk = Desk("full")
    qty = desk.open()
    found = [r for _ in range(60) for r in told(desk.step(-30, lean=None))]
    assert found[-1].blind == "no score for more than 10 s"
    assert len(found) <= 8
    assert desk.held == qty
    for _ in range(60):
        desk.step(-30, lean=-20.0, book=False)
    assert told(desk.records)[-1].blind == "no two-sided book"
    assert desk.held == qty


def test_who_becomes_blind_says_so_at_once() -> None:
    desk = Desk()
    desk.open()
    desk.run(12)
    (assessed,) = told(desk.step(book=False))
    assert (assessed.blind, assessed.reason) == ("no two-sided book", "blind: no two-sided book")
    assert not told(desk.step(book=False))
    (assessed,) = told(desk.step())
    assert assessed.blind == ""


def test_a_stop_is_not_tightened_to_the_market_where_ticks_are_wide(side: Side) -> None:
    desk = Desk(side=side)
    coarse = msgspec.structs.replace(RULES, tick_size=Decimal("0.5"), min_notional=Decimal(0))
    desk.account.learn(desk.state, coarse)
    desk.open()
    before = desk.stop
    # half a distance behind the mid, on the tick, would be the mid itself
    assert {r.advice for r in told(desk.run(6, 50, lean=3.0))} == {MonitorAction.EXIT}
    assert desk.stop == before


def test_a_tick_with_a_signal_belongs_to_the_signal() -> None:
    desk = Desk()
    desk.open()
    desk.run(10, lean=1.0)
    orders = intents(desk.step(lean=1.0, kind=EXIT))
    assert [o.leg for o in orders] == ["close"]


def test_the_market_beyond_a_stop_that_no_trade_met_ends_the_position(side: Side) -> None:
    desk = Desk(side=side)
    desk.open()
    beyond = -int(abs(desk.stop - 100) * 100) - 5
    desk.run(13, beyond)
    assert desk.held == 0
    assert [o.reason[:14] for o in intents(desk.records) if o.leg == "monitor"] == [
        "monitor: stop:"
    ]


def test_it_goes_on_the_same_after_a_restart_anywhere() -> None:
    plain, restarted = Desk("full"), Desk("full")
    path = [(0, 20.0)] * 5 + [(30, 25.0)] * 30 + [(-20, 5.5)] * 25 + [(0, 1.0)] * 15
    for desk in (plain, restarted):
        desk.open()
    for away, lean in path:
        saved = restarted.account.encode(restarted.state)
        restarted.state = restarted.account.decode(saved)
        assert plain.step(away, lean) == restarted.step(away, lean)
    assert {r.action for r in told(plain.records)} == set(MonitorAction)
    assert plain.held == 0


def test_ids_are_never_used_twice_and_memory_is_one_watch_a_symbol() -> None:
    desk = Desk("full", tighten_ratio=2)
    for _ in range(4):
        desk.open()
        desk.run(30, 30)
        desk.run(40, -20, lean=5.5)
        desk.run(15, lean=1.0)
        assert desk.held == 0
    ids = [o.id for o in of(Order, desk.records)]
    assert len(ids) == len(set(ids))
    assert len(desk.state.watches) == 1


paths = st.lists(
    st.tuples(st.integers(-90, 90), st.floats(-40, 40), st.integers(1, 12)), min_size=1, max_size=12
)
modes = st.sampled_from(["observe", "protect", "reduce", "full"])


@settings(max_examples=60, deadline=None)
@given(paths, modes, st.sampled_from([BUY, SELL]))
def test_no_stop_is_loosened_and_nothing_grows_beyond_what_was_asked_for(
    path: list[tuple[int, float, int]], mode: str, side: Side
) -> None:
    desk = Desk(mode, side, add_gain_ratio="0.05")
    qty = desk.open()
    asked = desk.state.theses[KEY].qty
    assert qty == (asked / 2 if mode == "full" else asked)
    for away, lean, seconds in path:
        for _ in range(seconds):
            guard = desk.state.guards.get(KEY)
            before, held = (None if guard is None else guard.stop), desk.held
            given = desk.step(away, lean)
            if not desk.held:
                return
            if before is not None:
                assert (desk.stop - before) * side >= 0
            assert desk.held <= (asked if mode == "full" else held)
            for assessed in told(given):
                if assessed.action is MonitorAction.TIGHTEN:
                    assert (assessed.mark - assessed.stop) * side > 0
            if mode == "observe":
                legs = {o.leg for o in intents(given)}
                assert not legs & {"monitor", "reduce1", "reduce2", "open2", "open3"}


@settings(max_examples=30, deadline=None)
@given(paths, modes)
def test_a_mirrored_market_gives_the_mirrored_position(
    path: list[tuple[int, float, int]], mode: str
) -> None:
    # The thresholds are not mirror images, so the stops are made alike.
    desks = [Desk(mode, side) for side in (BUY, SELL)]
    for desk in desks:
        desk.open()
        guard = desk.state.guards[KEY]
        guard.entry, guard.best, guard.distance = Decimal(100), Decimal(100), Decimal(1)
        guard.stop, guard.targets = 100 - Decimal(desk.side), []
    for away, lean, seconds in path:
        for _ in range(seconds):
            long, short = (told(desk.step(away, lean)) for desk in desks)
            assert [(r.level, r.advice, r.action) for r in long] == [
                (r.level, r.advice, r.action) for r in short
            ]
            assert [r.stop for r in long] == [200 - r.stop for r in short]
