"""What a stage sends at once, and what at the latest before a snapshot is taken."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import msgspec
import pytest
from faust.types import TP, ConsumerMessage

from agents.confluence.join import JoinState
from agents.dimensions.base import SymbolState
from agents.runtime import other_versions
from agents.runtime.keyed_stage import KeyedStage
from agents.runtime.symbols import Snapshot
from schemas.codec import encode
from schemas.frame import NS_PER_S, Message
from schemas.score import ConfluenceScore
from schemas.signal import SignalKind
from tests.support.messages import frame_at, score_of, signal_of
from tests.unit.runtime.rig import SOURCE, logged_by, messages, worker

IN = TP(SOURCE, 0)


class Sent:
    """An emitter that keeps what it is given."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    async def emit(self, message: Message, *, partition: int, timestamp_s: float | None) -> None:
        del partition, timestamp_s
        self.kinds.append(type(message).__name__)


def stage_with(sent: Any) -> KeyedStage:
    role, _ = worker(IN)
    (stage,) = role.stages
    assert isinstance(stage, KeyedStage)
    asyncio.run(role.fence._load(role.app))
    stage._emitter = sent
    return stage


def test_a_signal_goes_out_at_once_and_its_score_with_the_batch() -> None:
    sent = Sent()
    stage = stage_with(sent)
    (cause,) = messages(IN, [0])
    asyncio.run(stage._send([score_of("orderflow", 60.0), signal_of(SignalKind.LONG)], cause))
    assert sent.kinds == ["Signal"]
    asyncio.run(stage.flush())
    assert sent.kinds == ["Signal", "DimensionScore"]
    asyncio.run(stage.flush())
    assert sent.kinds.count("DimensionScore") == 1


def test_the_thread_that_writes_a_signal_gets_the_core_before_the_next_fold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It shares the core with the worker, which would keep it for milliseconds (ADR 0027)."""
    sent = Sent()
    stage = stage_with(sent)
    (cause,) = messages(IN, [0])
    monkeypatch.setattr(os, "sched_yield", lambda: sent.kinds.append("yield"))
    decided = [signal_of(SignalKind.LONG), score_of("orderflow", 60.0), signal_of(SignalKind.LONG)]
    asyncio.run(stage._send(decided, cause))
    assert sent.kinds == ["Signal", "yield", "Signal", "yield"]


def test_nothing_that_a_state_gave_is_kept_back_when_it_is_snapshotted() -> None:
    sent = Sent()
    stage = stage_with(sent)
    (cause,) = messages(IN, [0])
    written: list[list[str]] = []
    writer: Any = stage._writer
    writer.write = lambda *_: written.append(list(sent.kinds))
    partition = stage._partitions[0]
    stage._new_symbol(partition, b"k", 0)
    partition.snapshot_ns = 0
    asyncio.run(stage._send([score_of("orderflow", 60.0)], cause))
    asyncio.run(stage._maybe_snapshot(0, partition, 1, 3_600 * NS_PER_S))
    assert written == [["DimensionScore"]]


class Narrow:
    """A fold that refuses what comes until there is room; its state is what it has taken."""

    name = "narrow"
    state_version = 1

    def __init__(self) -> None:
        self.full = False

    def initial(self) -> list[int]:
        return []

    def apply(self, state: list[int], message: Any) -> list[Message] | None:
        if self.full:
            return None
        state.append(message.seq)
        return []

    def is_full(self, state: list[int]) -> bool:
        del state
        return self.full

    def encode(self, state: list[int]) -> bytes:
        return bytes(state)

    def decode(self, data: bytes) -> list[int]:
        return list(data)


def test_a_snapshot_does_not_claim_what_was_refused_and_must_be_read_again() -> None:
    """It is due at the very message that makes room: what was refused is not in the state yet."""
    stage = stage_with(Sent())
    fold = Narrow()
    stage._folds = stage._all = [fold]
    written: list[Snapshot] = []
    writer: Any = stage._writer
    writer.write = lambda _key, values, _durable: written.append(
        msgspec.msgpack.decode(values[0].value, type=Snapshot)
    )
    frames = [frame_at(number * NS_PER_S, seq=number) for number in range(4)]
    given = [
        ConsumerMessage(SOURCE, 0, n, 0.0, 0, [], b"k", encode(frame), None, tp=IN)
        for n, frame in enumerate(frames)
    ]
    stage._partitions[0].snapshot_ns = 0
    stage._interval_ns = 3 * NS_PER_S
    stage._app.fence._cursors[IN].next_offset = 0

    async def take_all() -> None:
        for message in given:
            fold.full = message.offset in {1, 2}
            await stage.take(message)

    asyncio.run(take_all())
    (snapshot,) = written
    assert fold.decode(snapshot.states[fold.name]) == [0, 3]
    assert snapshot.next_offset == 1


OLD = b"as another version has encoded it"


def stage_upon(*snapshots: Snapshot) -> tuple[KeyedStage, list[Any]]:
    """A stage that has taken over what is stored of as many symbols, and what it told of them."""
    role, _ = worker(IN)
    (stage,) = role.stages
    assert isinstance(stage, KeyedStage)
    for number, snapshot in enumerate(snapshots):
        stage._table.data[bytes([number])] = msgspec.msgpack.encode(snapshot)
    with logged_by(other_versions) as told:
        asyncio.run(role.fence._load(role.app))
    assert {line["event"] for line in told} <= {"state.left"}
    return stage, told


def snapshot_of(*, decided_ns: int = -1, **other_versions: int) -> Snapshot:
    """What a worker stores of a symbol, with states of ``other_versions``."""
    stage = stage_with(Sent())
    states, versions = {}, {fold.name: fold.state_version for fold in stage._all} | other_versions
    for fold in stage._all:
        state = fold.initial()
        if isinstance(state, JoinState):
            state.decided_ns = decided_ns
        else:
            state.seq = 7
        states[fold.name] = OLD if fold.name in other_versions else fold.encode(state)
    return Snapshot(0, 90, 40, states, hour=3, versions=versions)


def states_of(stage: KeyedStage, key: bytes) -> dict[str, Any]:
    symbol = stage._partitions[0].symbols[key]
    assert (symbol.next_offset, symbol.durable, symbol.hour) == (90, 90, 3)
    return {fold.name: state for fold, state in zip(stage._all, symbol.states, strict=True)}


def test_a_state_of_another_version_begins_anew_where_the_snapshot_was_taken() -> None:
    """Decoded it is an error, or fields that its version did not have under the same name."""
    old = snapshot_of(decided_ns=5, volume=1, orderbook=2)
    stage, told = stage_upon(old, old, snapshot_of())
    states = states_of(stage, b"\x00")
    assert {name for name, state in states.items() if getattr(state, "seq", 7) == -1} == {
        "orderbook", "volume",
    }  # fmt: skip
    assert states["join"].decided_ns == 5
    assert stage.start_offset(IN) == 40
    assert states_of(stage, b"\x02")["volume"].seq == 7
    assert [(line["fold"], line["found"], line["symbols"]) for line in told] == [
        ("orderbook", "2", 2), ("volume", "1", 2),
    ]  # fmt: skip
    assert {line["reads"] for line in told} == {3}


def test_a_snapshot_that_tells_no_versions_is_as_one_of_another() -> None:
    """As all were before states had one."""
    fields = msgspec.structs.astuple(snapshot_of(decided_ns=5))
    earlier = msgspec.convert(fields[:-1], Snapshot)
    assert earlier.states
    assert not earlier.versions
    stage, told = stage_upon(earlier)
    states = states_of(stage, b"\x00")
    assert states.pop("join") == JoinState()
    assert {state.seq for state in states.values()} == {-1}
    assert len(told) == len(stage._all)
    assert {(line["found"], line["symbols"]) for line in told} == {("unknown", 1)}


def test_what_a_stage_stores_is_taken_over_by_the_next_as_it_was() -> None:
    stage, written = stage_with(Sent()), []
    writer: Any = stage._writer
    writer.write = lambda _key, values, _durable: written.append(
        msgspec.msgpack.decode(values[0].value, type=Snapshot)
    )
    partition = stage._partitions[0]
    symbol = stage._new_symbol(partition, b"k", 0)
    for state in symbol.states:
        if isinstance(state, SymbolState):
            state.seq = 11
    partition.snapshot_ns = 0
    asyncio.run(stage._maybe_snapshot(0, partition, 90, 3_600 * NS_PER_S))
    after, told = stage_upon(*written)
    restored = after._partitions[0].symbols[b"\x00"].states
    assert told == []
    assert {getattr(state, "seq", 11) for state in restored} == {11}


def test_a_join_that_goes_on_while_its_dimensions_begin_anew_decides_no_tick_twice() -> None:
    """It gets scores of ticks that it has decided, of dimensions that know less of them by now."""
    others = {fold.name: 1 for fold in stage_with(Sent())._folds}
    stage, _ = stage_upon(snapshot_of(decided_ns=2 * NS_PER_S, **others))
    symbol = stage._partitions[0].symbols[b"\x00"]
    decided = [
        message
        for number in range(1, 5)
        for message in stage._fold(symbol, frame_at(number * NS_PER_S, seq=number), 90 + number)
    ]
    ticks = [message.tick_ns for message in decided if isinstance(message, ConfluenceScore)]
    assert ticks == [3 * NS_PER_S, 4 * NS_PER_S]
