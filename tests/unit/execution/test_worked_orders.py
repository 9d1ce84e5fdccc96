"""Orders that take their time, within the account: what protects, stops and outlives them."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from agents.execution.account import Account
from agents.execution.parents.registry import algorithms
from schemas.control import Flatten, Halt, Resume
from schemas.execution_quality import ExecutionQuality
from schemas.frame import Message, Side
from schemas.order import Fill, Flattened, Order, OrderStatus, OrderType
from schemas.settings import settings_from
from schemas.signal import SignalKind
from tests.integration.test_profit_and_loss import check, drawn, walk
from tests.unit.execution.test_protection import KEY, Desk, of

BUY, SELL = Side.BUY, Side.SELL
LONG, SHORT, EXIT = SignalKind.LONG, SignalKind.SHORT, SignalKind.EXIT
TWAP = {"entry": "twap", "horizon_s": 22, "slice_s": 5, "sweep_s": 2}


def desk_with(**algorithms_: object) -> Desk:
    return Desk(algorithms={**TWAP, **algorithms_})


def play(desk: Desk, seconds: float, mid: int = 10_000) -> list[Message]:
    """Frames with sellers and buyers at the touch, who do not fill what rests behind the queue."""
    records: list[Message] = []
    for _ in range(round(seconds * 10)):
        records += desk.step(mid)
    return records


def intents(records: list[Message], *legs: str) -> list[Order]:
    found = [o for o in of(Order, records) if o.status is OrderStatus.INTENT]
    return [o for o in found if not legs or o.leg in legs]


def test_an_entry_is_filled_by_children_whose_sum_is_the_size_that_was_asked_for() -> None:
    plain, worked = Desk(), desk_with()
    (whole,) = intents(plain.step(10_000, kind=LONG))
    first = worked.step(10_000, kind=LONG)
    assert len(intents(first)) == 1
    records = [*first, *play(worked, 24)]
    total = sum((fill.qty for fill in of(Fill, records)), Decimal(0))
    assert total == whole.qty == worked.held
    assert KEY not in worked.state.parents
    assert [o.attempt for o in intents(records, "open")] == list(
        range(1, len(intents(records, "open")) + 1)
    )
    assert intents(records, "open")[0].factors == whole.factors


def test_its_stop_is_there_from_the_first_fill_and_grows_and_targets_share_the_whole() -> None:
    desk = desk_with(rests=False)
    desk.step(10_000, kind=LONG)
    early = play(desk, 2)
    (stop,) = intents(early, "stop")
    assert stop.qty == desk.held > 0
    assert not [o for o in intents(early) if o.leg.startswith("target")]
    late = play(desk, 24)
    assert desk.working()["stop"].qty == desk.held
    targets = [o.qty for o in intents(late) if o.leg.startswith("target")]
    assert sum(targets, Decimal(0)) == desk.held
    assert len(targets) == 3


def test_a_stop_that_is_hit_ends_the_entry_it_protects() -> None:
    desk = desk_with(rests=False)
    desk.step(10_000, kind=LONG)
    play(desk, 7)
    assert desk.held > 0
    desk.step(9_900, (9_920, 1_000, SELL))
    records = play(desk, 30, mid=9_900)
    assert desk.held == 0
    assert intents(records) == []
    assert KEY not in desk.state.parents


@pytest.mark.parametrize("rests", [True, False])
def test_a_halt_ends_what_is_being_worked_and_a_resume_does_not_bring_it_back(rests: bool) -> None:
    desk = desk_with(rests=rests)
    desk.step(10_000, kind=LONG)
    play(desk, 6)
    halt = Halt(desk.account.id, desk.now_ns, "test", "h")
    desk.account.command(desk.state, halt)
    records = play(desk, 2)
    assert intents(records, "open") == []
    assert KEY not in desk.state.parents
    assert "open" not in desk.working()
    held = desk.held
    resume = Resume(desk.account.id, desk.now_ns, "test", "r")
    desk.account.command(desk.state, resume)
    assert intents(play(desk, 30), "open") == []
    assert desk.held == held


@pytest.mark.parametrize("rests", [True, False])
def test_a_drawdown_that_halts_ends_the_entry_that_is_being_worked(rests: bool) -> None:
    limits = {"max_drawdown_fraction": "0.001", "max_daily_loss_fraction": 1}
    desk = Desk(
        algorithms={**TWAP, "rests": rests}, risk=limits, stops={"at_venue": False},
        paper={"maker_fee_bps": 0, "taker_fee_bps": 0},
    )  # fmt: skip
    desk.step(10_000, kind=LONG)
    play(desk, 11)
    records = play(desk, 2, mid=9_000)
    assert desk.state.risk.halted
    (record,) = of(ExecutionQuality, records)
    assert record.reason == desk.state.risk.halted
    assert "open" not in desk.working()
    held = desk.held
    assert 0 < held < 30
    assert intents(play(desk, 15, mid=9_000), "open") == []
    desk.step(9_000, kind=EXIT)
    desk.step(9_000)
    assert desk.held == 0


def test_a_flatten_in_the_middle_of_an_entry_is_done_and_stays_done() -> None:
    desk = desk_with()
    desk.step(10_000, kind=LONG)
    play(desk, 11)
    assert desk.held > 0
    flatten = Flatten(desk.account.id, desk.now_ns, "test", "f")
    desk.account.command(desk.state, flatten)
    records = play(desk, 30)
    assert len(of(Flattened, records)) == 1
    assert desk.held == 0
    assert not desk.working()
    assert intents(records, "open") == []


@pytest.mark.parametrize("exit_", ["market", "twap"])
def test_an_exit_stops_the_entry_and_closes_what_it_has_bought(exit_: str) -> None:
    desk = desk_with(exit=exit_)
    desk.step(10_000, kind=LONG)
    play(desk, 11)
    assert desk.held > 0
    records = desk.step(10_000, kind=EXIT)
    assert intents(records) == []  # first, what rests has to be gone
    records += play(desk, 30)
    assert desk.held == 0
    assert not intents(records, "open")
    assert not desk.state.waiting


def test_a_turn_enters_when_its_exit_is_done() -> None:
    desk = desk_with(entry="market", exit="twap")
    desk.open()
    held = desk.held
    records = desk.step(10_000, kind=SHORT) + play(desk, 3)
    assert {o.leg for o in intents(records)} == {"close"}
    assert desk.state.waiting[KEY].kind is SHORT
    records = play(desk, 25)
    closed = [o for o in of(Order, records) if o.leg == "close"]
    assert desk.held < 0
    assert max(o.tick_ns for o in closed) <= min(o.tick_ns for o in intents(records, "open"))
    assert held > 0


def test_a_newer_signal_takes_the_place_of_one_that_waits() -> None:
    desk = desk_with(entry="market", exit="twap")
    desk.open()
    desk.step(10_000, kind=SHORT)
    waited = desk.state.waiting[KEY].id
    answered = of(Order, desk.step(10_000, kind=EXIT))
    (record,) = [order for order in answered if order.status is OrderStatus.REJECTED]
    assert record.signal_id == waited
    assert "took its place" in record.reason
    play(desk, 30)
    assert desk.held == 0


def test_the_risk_rules_count_all_of_an_entry_from_its_beginning() -> None:
    desk = desk_with()
    desk.step(10_000, kind=LONG)
    whole = desk.state.parents[KEY][0].task.qty
    risk = desk.account._risk
    assert risk._quantities(desk.state) == {KEY: whole}
    play(desk, 11)
    assert 0 < desk.held < whole
    assert risk._quantities(desk.state) == {KEY: whole}


@pytest.mark.parametrize("name", sorted(algorithms()))
def test_a_restart_at_any_step_changes_nothing_and_the_money_is_right(name: str) -> None:
    settings = settings_from(
        {
            "algorithms": {"entry": name, "exit": name, "horizon_s": 7, "slice_s": 1, "sweep_s": 1},
            "protections": dict.fromkeys(
                ("stop_guard_trades", "low_profit_trades", "drawdown_guard_trades"), 10_000
            ),
            "risk": {"max_orders_per_minute": 10_000},
            "sizing": {"base_fraction": "0.005", "cap_fraction": "0.005"},
        }
    )
    runs = []
    for restarts in (False, True):
        account, rng = Account(settings), random.Random(name)
        state, records = account.initial(), list[Message]()
        for number, frame in enumerate(walk(rng, 1_500)):
            signal = drawn(frame, rng) if number % 40 == 10 else None
            records += account.step(state, frame, signal)
            if restarts and number % 3 == 0:
                state = account.decode(account.encode(state))
        runs.append((records, account.encode(state)))
        check(state, records, settings)
    assert runs[0] == runs[1]
    orders = of(Order, runs[0][0])
    assert any(order.leg == "open" and order.filled_qty for order in orders)
    if name not in {"market", "split"}:
        assert any(o.type is OrderType.LIMIT and o.leg == "open" for o in orders)
