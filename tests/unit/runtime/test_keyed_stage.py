"""What a stage sends at once, and what at the latest before a snapshot is taken."""

from __future__ import annotations

import asyncio
from typing import Any

from faust.types import TP

from agents.runtime.keyed_stage import KeyedStage
from schemas.frame import NS_PER_S, Message
from schemas.signal import SignalKind
from tests.support.messages import score_of, signal_of
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
