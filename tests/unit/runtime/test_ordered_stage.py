"""What an ordered stage keeps a note of, and what a rebalance leaves of its back-pressure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from faust.types import TP, ConsumerMessage

from agents.overview.overview import OverviewState
from agents.runtime import back_pressure, fence, other_versions, roles
from agents.runtime.fence import Partitions
from agents.runtime.folds import AccountFold, OverviewFold
from agents.runtime.offsets import Applied, OrderedSnapshot
from agents.runtime.ordered_stage import OrderedStage
from agents.runtime.roles import Role
from schemas.codec import encode
from schemas.control import Absent, Resumed
from schemas.errors import StateOfAnotherVersion
from schemas.frame import NS_PER_S, Message, Side
from schemas.order import Order, OrderStatus, OrderType
from schemas.score import ConfluenceScore
from schemas.settings import Settings, settings_from
from schemas.topics import CONFLUENCE_SCORES, FRAMES, ORDERS, topic_of
from tests.support.messages import SYMBOL, VENUE, frame_at
from tests.unit.runtime.rig import Assigned, logged_by

OTHER = "ETH/USDT:USDT"
KEYS = (f"{VENUE}:{SYMBOL}", f"{VENUE}:{OTHER}")


class Consumer:
    """Notes which partitions are paused; a rebalance opens all of them."""

    def __init__(self) -> None:
        self.paused: set[TP] = set()

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        self.paused |= set(tps)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        self.paused -= set(tps)


class Bench:
    """An account's stage that has caught up, fed by hand."""

    def __init__(self, *keys: str) -> None:
        role = roles.execution(settings_from({"runtime": {"symbols": keys}}))
        (stage,) = role.stages
        assert isinstance(stage, OrderedStage)
        self.stage = stage
        self.consumer = Consumer()
        app: Any = role.app
        app.consumer = self.consumer
        role.app.fence.next_offset = lambda tp: self.offsets.get(tp, 0)  # type: ignore[method-assign]
        stage.emitter.emit = self._emit  # type: ignore[method-assign]
        self.offsets: dict[TP, int] = {}
        for topic in stage.read_first:
            stage.caught_up(topic)

    async def _emit(self, message: Message, **_: Any) -> None:
        """Nothing is sent."""

    def take(self, message: Message) -> None:
        tp = TP(topic_of(message).name, 0)
        offset = self.offsets.get(tp, 0)
        self.offsets[tp] = offset + 1
        body = encode(message)
        given = ConsumerMessage(tp.topic, 0, offset, 0.0, 0, [], b"k", body, None, tp=tp)
        asyncio.run(self.stage.take(given))

    def starts(self) -> dict[str, dict[int, int]]:
        """Where a snapshot that is taken now has its inputs read from."""
        snapshot, _ = self.stage._progress.snapshot(
            b"", lambda tp: self.offsets[tp], state_version=1
        )
        return snapshot.starts


def score_at(tick_ns: int, symbol: str) -> ConfluenceScore:
    return ConfluenceScore(VENUE, symbol, tick_ns, 1, 1, 60.0, 1.0, 100.0, (), (), 68.0, 35.0)


def order_of(account: str, symbol: str, tick_ns: int) -> Order:
    return Order(
        "o", 0, account, VENUE, symbol, tick_ns, OrderStatus.INTENT, Side.BUY,
        OrderType.MARKET, Decimal(1), Decimal(0), False, "s", "open", 1, "why",
    )  # fmt: skip


def test_scores_of_symbols_that_it_does_not_trade_are_not_kept_in_mind() -> None:
    bench = Bench(KEYS[0])
    for number in range(1, 4):
        bench.take(score_at(number * NS_PER_S, OTHER))
        bench.take(score_at(number * NS_PER_S, SYMBOL))
        bench.take(frame_at(number * NS_PER_S, seq=number))
    assert bench.starts() == {FRAMES.name: {0: 3}, CONFLUENCE_SCORES.name: {0: 6}}


@pytest.mark.parametrize(("account", "symbol"), [("another", SYMBOL), ("paper", OTHER)])
def test_orders_of_another_account_or_symbol_are_not_kept_in_mind(
    account: str, symbol: str
) -> None:
    bench = Bench(KEYS[0])
    bench.take(order_of(account, symbol, 9 * NS_PER_S))
    bench.take(frame_at(NS_PER_S, is_tick=False))
    assert bench.starts() == {FRAMES.name: {0: 1}, ORDERS.name: {0: 1}}


def test_what_another_account_decided_holds_no_command_of_this_one_up() -> None:
    bench = Bench(KEYS[0])
    bench.take(order_of("another", SYMBOL, 9 * NS_PER_S))
    bench.take(frame_at(NS_PER_S, is_tick=False))
    assert bench.stage.report_tick_ns() == NS_PER_S


def test_a_partition_that_a_rebalance_has_opened_waits_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(back_pressure, "_WAITING_HIGH", 2)
    monkeypatch.setattr(back_pressure, "_WAITING_LOW", 1)
    bench = Bench(*KEYS)
    frames = TP(FRAMES.name, 0)
    for number in range(1, 4):
        bench.take(frame_at(number * NS_PER_S, seq=number, is_tick=False))
    assert bench.consumer.paused == {frames}
    bench.consumer.paused.clear()
    both = {topic: frozenset({0}) for topic in bench.stage.sources}
    bench.stage.load(both, both)
    bench.take(frame_at(4 * NS_PER_S, seq=4, is_tick=False))
    assert bench.consumer.paused == {frames}


def test_a_step_that_a_rebalance_overtakes_is_left_to_whoever_has_the_state_then() -> None:
    bench = Bench(KEYS[0])
    stage = bench.stage
    none: Partitions = {topic: frozenset() for topic in stage.sources}

    sent: list[Message] = []

    async def overtaken(message: Message, **_: Any) -> None:
        sent.append(message)
        stage.load(none, none)

    stage.emitter.emit = overtaken  # type: ignore[method-assign]
    fold: Any = stage._fold
    order = order_of("paper", SYMBOL, NS_PER_S)
    fold.step = lambda _state, _step: [order, order]
    bench.take(frame_at(NS_PER_S, is_tick=False))
    assert sent == [order]
    assert stage.steps_applied == {}


def test_frames_of_an_absence_are_not_needed_again_if_none_of_its_symbol_ever_follows() -> None:
    """Else a delisted symbol keeps the place from which its partition is read for good."""
    bench = Bench(*KEYS)
    bench.take(frame_at(NS_PER_S, seq=1, is_tick=False, symbol=OTHER))
    bench.take(Absent("paper", VENUE, OTHER, NS_PER_S))
    bench.take(frame_at(2 * NS_PER_S, seq=2, is_tick=False, symbol=OTHER))
    for number in range(1, 6):
        bench.take(frame_at(number * NS_PER_S, seq=number, is_tick=False))
    assert bench.starts()[FRAMES.name] == {0: 1}
    bench.take(Resumed("paper", VENUE, OTHER, 5 * NS_PER_S))
    assert bench.starts()[FRAMES.name] == {0: bench.offsets[TP(FRAMES.name, 0)]}
    assert bench.stage._published == {}
    assert bench.stage.pending() == 0


def role_upon(make: Callable[[Settings], Role], *, version: int | None, state: bytes) -> Role:
    """A role in whose table there is a state of some version, before it has taken that over."""
    role = make(settings_from({"runtime": {"symbols": KEYS}, "overview": {"enabled": True}}))
    (stage,) = role.stages
    assert isinstance(stage, OrderedStage)
    applied = {KEYS[0]: Applied(1, 5, 50)}
    stored = OrderedSnapshot(applied, {FRAMES.name: {0: 7}}, state, version)
    fields = msgspec.structs.astuple(stored)[: 3 if version is None else 4]  # before there were any
    stage._table.data[stage._reader.encode()] = msgspec.msgpack.encode(fields)
    consumer: Any = Assigned(*(TP(topic, 0) for topic in stage.sources))
    role.app.consumer = consumer
    return role


def loaded(role: Role) -> OrderedStage:
    (stage,) = role.stages
    assert isinstance(stage, OrderedStage)
    asyncio.run(role.fence._load(role.app))
    return stage


@pytest.mark.parametrize(("version", "told"), [(15, "15"), (17, "17"), (None, "unknown")])
def test_an_account_neither_decodes_a_state_of_another_version_nor_begins_without_it(
    version: int | None, told: str
) -> None:
    fold = AccountFold(Settings())
    role = role_upon(roles.execution, version=version, state=fold.encode(fold.initial()))
    with logged_by(fence) as logged, pytest.raises(StateOfAnotherVersion) as refused:
        loaded(role)
    assert str(refused.value) == (
        "account paper: its state in prism-execution-paper-account-changelog is of version "
        f"{told}, this program reads version {AccountFold.state_version}; its positions and money "
        "are not guessed. Start the program that wrote it, flatten and end it, then go on with "
        "another account.id (docs/operations.md, Upgrading)"
    )
    assert role.app.failed.is_set()
    assert [(line["event"], line["error"]) for line in logged] == [
        ("role.failed", str(refused.value))
    ]


def test_an_account_goes_on_from_a_state_of_its_version() -> None:
    fold = AccountFold(Settings())
    state = fold.initial()
    state.ledger.balance = Decimal(77)
    version = AccountFold.state_version
    stage = loaded(role_upon(roles.execution, version=version, state=fold.encode(state)))
    assert stage._state.ledger.balance == 77


def test_an_account_stores_the_version_of_its_state() -> None:
    bench, written = Bench(KEYS[0]), []
    writer: Any = bench.stage._writer
    writer.write = lambda _key, values, _durable: written.append(
        msgspec.msgpack.decode(values[0].value, type=OrderedSnapshot)
    )
    for number in (1, 100):
        bench.take(frame_at(number * NS_PER_S, seq=number, is_tick=False))
    assert [snapshot.state_version for snapshot in written] == [AccountFold.state_version]


@pytest.mark.parametrize("version", [0, None])
def test_an_overview_begins_anew_where_its_snapshot_was_taken(version: int | None) -> None:
    role = role_upon(roles.overview, version=version, state=b"as another version has encoded it")
    with logged_by(other_versions) as logged:
        stage = loaded(role)
    assert stage._state == stage._fold.initial()
    assert stage.start_offset(TP(FRAMES.name, 0)) == 7
    assert stage.steps_applied == {KEYS[0]: 50}
    (left,) = logged
    assert (left["event"], left["fold"]) == ("state.left", "overview")
    assert (left["reads"], left["symbols"]) == (1, len(KEYS))


def test_an_overview_goes_on_from_a_state_of_its_version() -> None:
    settings = settings_from({"overview": {"enabled": True}})
    state = OverviewState(boundary_ns=9)
    encoded = OverviewFold(settings).encode(state)
    version = OverviewFold.state_version
    stage = loaded(role_upon(roles.overview, version=version, state=encoded))
    assert stage._state == state
