"""The fence: where input starts after a recovery, holes, and one turn per stage."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from faust.types import TP
from faust.types import Message as Input

from agents.runtime.fence import Fence, Partitions, Stage
from agents.runtime.keyed_stage import KeyedStage
from agents.runtime.roles import Role
from agents.runtime.symbols import Snapshot
from schemas.errors import BrokerError
from tests.unit.runtime.rig import SOURCE, messages, worker

IN = TP(SOURCE, 0)


def stored(role: Role, key: bytes, *, next_offset: int, low_water: int = 0) -> None:
    """Put a snapshot of a symbol into the table of the first stage, as a recovery does."""
    stage = role.stages[0]
    assert isinstance(stage, KeyedStage)
    states = {fold.name: fold.encode(fold.initial()) for fold in stage._all}
    snapshot = Snapshot(IN.partition, next_offset, low_water, states)
    stage._table.data[key] = msgspec.msgpack.encode(snapshot)


def loaded(role: Role) -> int | None:
    """Where input starts once the tables are taken over."""
    asyncio.run(role.fence._load(role.app))
    return role.fence.starts()[IN]


def test_a_partition_without_snapshots_is_read_from_the_beginning() -> None:
    role, _ = worker(IN)
    assert loaded(role) is None


def test_a_partition_starts_at_what_its_oldest_snapshot_lacks() -> None:
    role, _ = worker(IN)
    stored(role, b"old", next_offset=70, low_water=40)
    stored(role, b"new", next_offset=90, low_water=70)
    assert loaded(role) == 70


def test_a_symbol_too_new_for_a_snapshot_is_covered_by_the_low_water() -> None:
    role, _ = worker(IN)
    stored(role, b"only", next_offset=90, low_water=55)
    assert loaded(role) == 55


def test_a_snapshot_overwritten_by_a_late_worker_moves_the_start_back() -> None:
    role, _ = worker(IN)
    stored(role, b"newer", next_offset=200, low_water=190)
    stored(role, b"late", next_offset=100, low_water=90)
    assert loaded(role) == 100


@pytest.mark.parametrize(("complete", "start"), [(False, 20), (True, 10)])
def test_only_what_went_live_is_kept_over_a_rebalance(complete: bool, start: int) -> None:
    role, _ = worker(IN)
    stored(role, b"k", next_offset=10, low_water=10)
    assert loaded(role) == 10
    if complete:
        role.fence.go_live()
    stored(role, b"k", next_offset=20, low_water=20)
    assert loaded(role) == start


class Notes(Stage):
    """Notes what it takes; while ``held`` it waits in the middle of an input."""

    def __init__(self, *sources: str) -> None:
        self.sources = sources
        self.seen: list[tuple[str, int]] = []
        self.free = asyncio.Event()
        self.free.set()

    def load(self, owned: Partitions, kept: Partitions) -> None:
        del owned, kept

    def start_offset(self, tp: TP) -> int | None:
        del tp
        return 0

    def low_water(self, tp: TP, next_offset: int) -> int:
        del tp
        return next_offset

    async def take(self, message: Input) -> None:
        self.seen.append((message.topic, message.offset))
        await self.free.wait()
        self.seen.append((message.topic, message.offset))


def noted(*partitions: TP) -> tuple[Fence, Notes, Any]:
    """A fence in front of a stage that takes notes."""
    role, consumer = worker(*partitions)
    stage = Notes(*(tp.topic for tp in partitions))
    fence = Fence(role.app, stage)
    asyncio.run(fence._load(role.app))
    return fence, stage, consumer


def test_what_comes_beyond_a_hole_is_ignored_and_the_input_sought_back() -> None:
    fence, stage, consumer = noted(IN)
    for batch in (messages(IN, [0, 1, 4, 5]), messages(IN, [2, 3, 4])):
        asyncio.run(fence.take_or_stop(batch))
    assert consumer.sought == [{IN: 2}]
    assert [offset for _, offset in stage.seen[::2]] == [0, 1, 2, 3, 4]
    assert fence.rewinds == 1


def test_a_hole_that_the_log_really_has_is_passed() -> None:
    fence, stage, _ = noted(IN)
    for batch in (messages(IN, [0, 4, 5]), messages(IN, [4, 5])):
        asyncio.run(fence.take_or_stop(batch))
    assert [offset for _, offset in stage.seen[::2]] == [0, 4, 5]


def test_retention_that_goes_on_while_a_reader_seeks_back_does_not_end_the_reading() -> None:
    """What it has removed is waited for no more, however often it is quicker."""
    fence, stage, consumer = noted(IN)
    asyncio.run(fence.take_or_stop(messages(IN, [0, 1])))
    for begin, batch in ((40, [40, 41]), (60, [55, 56]), (70, [70, 71, 72])):
        consumer.begin = begin
        asyncio.run(fence.take_or_stop(messages(IN, batch)))
    assert [offset for _, offset in stage.seen[::2]] == [0, 1, 40, 41, 55, 56, 70, 71, 72]
    assert consumer.sought == []


def test_a_log_that_has_lost_its_end_is_not_passed_over_in_silence() -> None:
    """Its new records come under offsets that were seen."""
    fence, stage, consumer = noted(IN)

    async def run() -> None:
        await fence.take_or_stop(messages(IN, range(10)))
        await fence.take_or_stop(messages(IN, [4, 5, 10]))  # delivered again, no more
        consumer.end = 7
        with pytest.raises(BrokerError, match=r"ends at offset 7, but .* seen it up to 11"):
            await fence.take_or_stop(messages(IN, [0, 1, 2]))

    asyncio.run(run())
    assert fence._app.failed.is_set()
    assert [offset for _, offset in stage.seen[::2]] == [*range(11)]


def test_what_was_seen_and_what_belongs_to_others_is_ignored() -> None:
    fence, stage, _ = noted(IN)
    elsewhere = TP(SOURCE, 1)
    for batch in (messages(IN, [0, 1]), messages(IN, [0, 1, 2]), messages(elsewhere, [0])):
        asyncio.run(fence.take_or_stop(batch))
    assert [offset for _, offset in stage.seen[::2]] == [0, 1, 2]


def test_while_one_input_waits_no_other_of_its_stage_is_begun() -> None:
    other = TP("control", 0)
    fence, stage, _ = noted(IN, other)

    async def both() -> None:
        stage.free.clear()
        first = asyncio.ensure_future(fence.take_or_stop(messages(IN, [0, 1])))
        while not stage.seen:
            await asyncio.sleep(0)
        second = asyncio.ensure_future(fence.take_or_stop(messages(other, [0])))
        for _ in range(20):
            await asyncio.sleep(0)
        assert stage.seen == [(SOURCE, 0)]
        stage.free.set()
        await asyncio.gather(first, second)

    asyncio.run(both())
    assert stage.seen == [
        (SOURCE, 0), (SOURCE, 0), (SOURCE, 1), (SOURCE, 1), ("control", 0), ("control", 0)
    ]  # fmt: skip


def test_a_fault_ends_the_role_and_nothing_is_taken_after_it() -> None:
    other = TP("control", 0)
    fence, stage, _ = noted(IN, other)
    take = stage.take

    async def fail(message: Input) -> None:
        raise ValueError(message.offset)

    stage.take = fail  # type: ignore[method-assign]

    async def run() -> None:
        with pytest.raises(ValueError, match="0"):
            await fence.take_or_stop(messages(IN, [0, 1]))
        stage.take = take  # type: ignore[method-assign]
        await fence.take_or_stop(messages(other, [0]))

    asyncio.run(run())
    assert fence._app.failed.is_set()
    assert stage.seen == []


@pytest.mark.parametrize(("start", "sought"), [(None, []), (50, []), (90, [{IN: 80}])])
def test_what_is_read_again_is_behind_and_still_this_workers(
    start: int | None, sought: list[dict[TP, int]]
) -> None:
    """A rebalance amid an input may have taken its partition, or begun it anew further back."""
    fence, _, consumer = noted(*([] if start is None else [IN]))
    if start is not None:
        fence._cursors[IN].next_offset = start
    asyncio.run(fence.read_again(IN, 80))
    assert consumer.sought == sought
    assert fence.next_offset(IN) == (start if not sought else 80)


@pytest.mark.parametrize(("known", "start"), [(None, 40), (10, 40), (40, 40), (70, 70)])
def test_input_starts_no_earlier_than_the_log(known: int | None, start: int) -> None:
    fence, _, _ = noted(IN)
    fence._cursors[IN].next_offset = known
    fence.begin_at({IN: 40, TP("elsewhere", 0): 1})
    assert fence.starts() == {IN: start}


def test_what_retention_has_removed_is_not_waited_for_before_anything_is_decided() -> None:
    """An account that was down for longer than its orders are kept would never begin."""
    role, _ = worker(IN)
    stage = Notes(SOURCE)
    stage.read_first = (SOURCE,)
    caught_up: list[str] = []
    stage.caught_up = caught_up.append  # type: ignore[method-assign,assignment]
    fence = Fence(role.app, stage)
    asyncio.run(fence._load(role.app))
    fence.begin_at({IN: 40})
    fence.read_up_to({IN: 40})
    assert caught_up == [SOURCE]
