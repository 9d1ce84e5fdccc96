"""What a stage sends at once, and what at the latest before a snapshot is taken."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from faust.types import TP, ConsumerMessage

from agents.runtime.keyed_stage import KeyedStage
from agents.runtime.symbols import Snapshot
from schemas.codec import encode
from schemas.frame import NS_PER_S, Message
from schemas.signal import SignalKind
from tests.support.messages import frame_at, score_of, signal_of
from tests.unit.runtime.rig import SOURCE, messages, worker

IN = TP(SOURCE, 0)


class Sent:
    """An emitter that keeps what it is given."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    async def emit(self, message: Message, *, partition: int, timestamp_s: float | None) -> None:
        del partition, timestamp_s
        self.kinds.append(type(message).__name__)

    async def hurry(self) -> None:
        self.kinds.append("hurry")


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
    assert sent.kinds == ["Signal", "hurry"]
    asyncio.run(stage.flush())
    assert sent.kinds == ["Signal", "hurry", "DimensionScore"]
    asyncio.run(stage.flush())
    assert sent.kinds.count("DimensionScore") == 1


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
