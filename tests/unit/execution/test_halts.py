"""Halts, modes and flattens: what is refused, who is named, when it is done."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.account import Account, AccountState
from agents.execution.lifecycle import LEGAL
from schemas.control import Command, Flatten, Halt, Resume, TradingMode
from schemas.frame import NS_PER_MS, NS_PER_S, Message
from schemas.order import Fill, Flattened, Order, OrderStatus
from schemas.settings import Settings
from schemas.signal import SignalKind
from tests.support.messages import SYMBOL, VENUE, frame_at, signal_of

KEY = f"{VENUE}:{SYMBOL}"
OTHER = "ETH/USDT:USDT"
DEEP = {"bids": ((9_999, 900_000),), "asks": ((10_001, 900_000),)}


class Desk:
    """An account with a running clock, and every record that it gave."""

    def __init__(self, **sections: object) -> None:
        sections = {"stops": {"at_venue": False}, **sections}
        self.account = Account(Settings.model_validate(sections))
        self.state: AccountState = self.account.initial()
        self.now_ns = NS_PER_S
        self.seq = 0
        self.records: list[Message] = []

    def step(
        self, kind: SignalKind | None = None, symbol: str = SYMBOL, **book: object
    ) -> list[Message]:
        """A frame 100 ms on, with a deep book unless told otherwise, and perhaps a signal."""
        self.now_ns += 100 * NS_PER_MS
        self.seq += 1
        frame = frame_at(self.now_ns, seq=self.seq, symbol=symbol, **{**DEEP, **book})  # type: ignore[arg-type]
        signal = None
        if kind is not None:
            score = 30.0 if kind is SignalKind.SHORT else 70.0
            made = signal_of(kind, score=score, tick_ns=self.now_ns, id_=f"s{self.seq}")
            signal = msgspec.structs.replace(made, symbol=symbol)
        records = self.account.step(self.state, frame, signal)
        self.records += records
        return records

    def blind(self) -> list[Message]:
        """A frame without a book."""
        self.now_ns += 100 * NS_PER_MS
        self.seq += 1
        frame = msgspec.structs.replace(frame_at(self.now_ns, seq=self.seq), book=None)
        records = self.account.step(self.state, frame, None)
        self.records += records
        return records

    def holding(self, kind: SignalKind = SignalKind.LONG, symbol: str = SYMBOL) -> None:
        self.step(kind, symbol)
        self.step(symbol=symbol)
        assert self.qty(symbol)

    def qty(self, symbol: str = SYMBOL) -> Decimal:
        return self.state.ledger.holdings[f"{VENUE}:{symbol}"].qty

    def give(self, command: Command) -> None:
        self.account.command(self.state, command)

    def halt(self, **more: object) -> None:
        given = {"reason": "rumour", "id": f"c{self.seq}", "by": "ada", **more}
        self.give(Halt("paper", self.now_ns, **given))  # type: ignore[arg-type]

    def flatten(self, **more: object) -> None:
        given = {"reason": "enough", "id": "f", "by": "ada", **more}
        self.give(Flatten("paper", self.now_ns, **given))  # type: ignore[arg-type]


def orders(records: list[Message]) -> list[tuple[str, str, str]]:
    return [(r.leg, r.status.value, r.reason) for r in records if isinstance(r, Order)]


def test_a_halt_refuses_a_new_entry_and_names_rule_extent_person_and_reason() -> None:
    desk = Desk()
    desk.halt(id="c7")
    assert orders(desk.step(SignalKind.LONG)) == [
        ("refused", "rejected", "halt: account, by ada: rumour (c7)")
    ]
    assert not desk.state.paper.working


def test_a_halt_holds_after_its_tick_and_not_at_it_whenever_it_is_read() -> None:
    early, late = Desk(), Desk()
    early.give(Halt("paper", NS_PER_S + 200 * NS_PER_MS, "r", id="c", by="ada"))
    for _ in range(2):
        assert early.step(SignalKind.LONG) == late.step(SignalKind.LONG)
    late.give(Halt("paper", NS_PER_S + 200 * NS_PER_MS, "r", id="c", by="ada"))
    third = early.step(SignalKind.SHORT)
    assert third == late.step(SignalKind.SHORT)
    assert orders(third)[-1] == ("refused", "rejected", "halt: account, by ada: r (c)")


def test_a_wish_without_a_tick_changes_nothing_and_a_command_counts_once() -> None:
    desk = Desk()
    desk.give(Halt("paper", None, "r", id="c"))
    assert orders(desk.step(SignalKind.LONG))[0][1] == "intent"
    desk.step()
    desk.halt(id="c")
    desk.step()
    desk.give(Resume("paper", desk.now_ns, "over", id="d"))
    desk.step()
    desk.halt(id="c")  # read again: it was ended since
    assert orders(desk.step(SignalKind.EXIT))[0][:2] == ("close", "intent")


def test_a_halt_of_one_symbol_leaves_the_others_alone() -> None:
    desk = Desk()
    desk.halt(scope=KEY)
    assert orders(desk.step(SignalKind.LONG))[0][1] == "rejected"
    assert orders(desk.step(SignalKind.LONG, OTHER))[0][1] == "intent"


def test_resume_ends_what_has_its_own_scope_and_nothing_else() -> None:
    desk = Desk()
    desk.halt(id="all")
    desk.halt(id="one", scope=KEY)
    desk.give(Resume("paper", desk.now_ns, "over", id="r1"))
    assert "(one)" in orders(desk.step(SignalKind.LONG))[0][2]
    assert orders(desk.step(SignalKind.LONG, OTHER))[0][1] == "intent"
    desk.give(Resume("paper", desk.now_ns, "over", id="r2", scope=KEY))
    assert orders(desk.step(SignalKind.LONG))[0][1] == "intent"


def test_the_strictest_of_all_restrictions_holds() -> None:
    desk = Desk()
    desk.holding()
    desk.halt(id="soft", mode=TradingMode.REDUCE_ONLY)
    desk.halt(id="hard", scope=KEY)
    assert orders(desk.step(SignalKind.EXIT)) == [
        ("refused", "rejected", f"halt: {KEY}, by ada: rumour (hard)")
    ]


@pytest.mark.parametrize("mode", [TradingMode.SIGNAL_ONLY, TradingMode.HALT])
def test_signal_only_and_halt_make_no_order_of_a_signal(mode: TradingMode) -> None:
    desk = Desk()
    desk.holding()
    desk.halt(mode=mode)
    for kind in SignalKind:
        assert [found[:2] for found in orders(desk.step(kind))] == [("refused", "rejected")]


def test_reduce_only_closes_and_opens_nothing() -> None:
    desk = Desk()
    desk.holding()
    desk.halt(mode=TradingMode.REDUCE_ONLY, id="c")
    refusal = "reduce_only: account, by ada: rumour (c)"
    assert orders(desk.step(SignalKind.LONG)) == [("refused", "rejected", refusal)]
    turn = orders(desk.step(SignalKind.SHORT))
    assert [(leg, status) for leg, status, _ in turn] == [("close", "intent"), ("open", "rejected")]
    assert turn[1][2] == refusal
    desk.step()
    assert not desk.qty()
    assert orders(desk.step(SignalKind.SHORT)) == [("refused", "rejected", refusal)]
    assert orders(desk.step(SignalKind.EXIT)) == [("refused", "rejected", refusal)]


def test_flatten_closes_every_position_by_reduce_only_orders_and_then_says_that_it_is_done() -> (
    None
):
    desk = Desk()
    desk.holding()
    desk.holding(SignalKind.SHORT, OTHER)
    desk.flatten()
    first, second = desk.step(), desk.step(symbol=OTHER)
    for records, side in ((first, "SELL"), (second, "BUY")):
        (order,) = [r for r in records if isinstance(r, Order)]
        assert (order.leg, order.reduce_only, order.side.name) == ("flatten", True, side)
        assert order.reason == "flatten: by ada: enough (f)"
    assert not [r for r in desk.step() if isinstance(r, Flattened)]  # the other one is still open
    assert not desk.qty()
    (done,) = [r for r in desk.step(symbol=OTHER) if isinstance(r, Flattened)]
    assert (done.command_id, done.scope, done.symbol) == ("f", "", OTHER)
    assert not desk.qty(OTHER)
    assert not [r for r in desk.step() if isinstance(r, Flattened)]
    assert orders(desk.step(SignalKind.LONG))[0][1] == "rejected"  # it halts, too


def test_flatten_with_nothing_open_is_done_at_the_next_frame() -> None:
    desk = Desk()
    desk.flatten()
    assert [type(record) for record in desk.step()] == [Flattened]


def test_what_a_thin_book_leaves_is_closed_by_the_next_attempt() -> None:
    desk = Desk()
    desk.holding()
    desk.flatten()
    desk.step()
    thin: dict[str, Any] = {"bids": ((9_999, 20_000),)}
    placed = [
        r for r in desk.step(**thin) if isinstance(r, Order) and r.status is OrderStatus.INTENT
    ]
    assert [(order.attempt, order.qty) for order in placed] == [(2, Decimal(30))]
    last = desk.step(**thin) + desk.step()
    assert [type(r) for r in last if isinstance(r, Flattened)] == [Flattened]
    sold = [r.qty for r in desk.records if isinstance(r, Fill) and r.side.name == "SELL"]
    assert sold == [Decimal(20), Decimal(20), Decimal(10)]


def test_flatten_cancels_working_orders_first_and_waits_for_the_venue() -> None:
    desk = Desk()
    desk.holding()
    desk.step(SignalKind.SHORT)  # a turn: its exit is on its way, its entry waits for that
    desk.flatten()
    assert not orders(desk.blind())  # the cancellation is on its way as well
    gone = orders(desk.blind())
    assert [found[:2] for found in gone] == [
        ("close", "cancelled"), ("refused", "rejected"), ("flatten", "intent"),
    ]  # fmt: skip
    assert gone[1][2].startswith("halt: account, by ada: enough")
    assert [type(r) for r in desk.step() if isinstance(r, Flattened)] == [Flattened]


def test_an_entry_that_fills_before_it_can_be_cancelled_is_closed_again() -> None:
    desk = Desk()
    desk.step(SignalKind.LONG)
    desk.flatten()
    records = desk.step()
    assert [r.qty for r in records if isinstance(r, Fill)] == [Decimal(50)]
    assert orders(records)[-1][:2] == ("flatten", "intent")
    desk.step()
    assert not desk.qty()


def test_a_flatten_of_one_symbol_leaves_the_others_open() -> None:
    desk = Desk()
    desk.holding()
    desk.holding(symbol=OTHER)
    desk.flatten(scope=KEY)
    desk.step()
    (done,) = [r for r in desk.step() if isinstance(r, Flattened)]
    assert done.scope == KEY
    desk.step(symbol=OTHER)
    assert desk.qty(OTHER)


def test_a_resume_gives_up_a_flatten_that_is_not_done() -> None:
    desk = Desk()
    desk.holding()
    desk.flatten()
    desk.give(Resume("paper", desk.now_ns, "no", id="r"))
    assert not desk.step()
    assert desk.qty()


whens = st.lists(
    st.tuples(
        st.integers(0, 39),
        st.sampled_from(["halt", "reduce_only", "resume", "flatten"]),
        st.sampled_from(["", KEY]),
    ),
    max_size=6,
)
signals = st.lists(st.none() | st.sampled_from(list(SignalKind)), min_size=40, max_size=40)


def command_of(number: int, at_ns: int, kind: str, scope: str) -> Command:
    named = {"reason": "r", "id": f"c{number}", "by": "ada", "scope": scope}
    match kind:
        case "resume":
            return Resume("paper", at_ns, **named)  # type: ignore[arg-type]
        case "flatten":
            return Flatten("paper", at_ns, **named)  # type: ignore[arg-type]
        case _:
            return Halt("paper", at_ns, mode=TradingMode(kind), **named)  # type: ignore[arg-type]


@given(whens, signals, st.integers(0, 39))
def test_the_same_is_decided_however_early_commands_are_read_and_wherever_a_restart_falls(
    given_at: list[tuple[int, str, str]], kinds: list[SignalKind | None], restart: int
) -> None:
    at_once, as_they_come = Desk(), Desk()
    commands = [
        (at, command_of(number, NS_PER_S + at * 100 * NS_PER_MS, kind, scope))
        for number, (at, kind, scope) in enumerate(given_at)
    ]
    for _, command in commands:
        at_once.give(command)
    for number, kind in enumerate(kinds):
        if number == restart:
            saved = as_they_come.account.encode(as_they_come.state)
            as_they_come.state = as_they_come.account.decode(saved)
            for at, command in commands:
                if at < number:
                    as_they_come.give(command)  # control is read from its beginning again
        for at, command in commands:
            if at == number:
                as_they_come.give(command)
        assert at_once.step(kind) == as_they_come.step(kind)
    assert_lives_are_legal(at_once.records)


def assert_lives_are_legal(records: list[Message]) -> None:
    """Every order goes from version to version as the table says."""
    latest: dict[str, Order] = {}
    for order in [record for record in records if isinstance(record, Order)]:
        before = latest.get(order.client_order_id)
        if before is None:
            assert order.version == 0
        else:
            assert order.version == before.version + 1
            assert order.status in LEGAL[before.status]
        latest[order.client_order_id] = order
