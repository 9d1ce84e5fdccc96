"""The lab's own measures, and the fence under a few kills; the full proof is ``make chaos``."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faust.types import TP

from tests.chaos.faust_kill.__main__ import is_clean, run
from tests.chaos.faust_kill.fence import Fence, Snapshot, start_offset
from tests.chaos.faust_kill.fenced_app import FencedApp
from tests.chaos.faust_kill.fold import Ranges, doubled, fold, skipped
from tests.chaos.faust_kill.lab import Plan
from tests.chaos.faust_kill.settings import settings
from tests.support.kafka import KafkaServer


def folded(numbers: list[int]) -> Ranges:
    ranges: Ranges = []
    for number in numbers:
        ranges = fold(ranges, number)
    return ranges


def test_an_undisturbed_state_is_one_range() -> None:
    assert folded([0, 1, 2, 3]) == [[0, 3]]


def test_the_state_names_what_was_skipped() -> None:
    assert skipped(folded([0, 1, 4, 5])) == {2, 3}
    assert not doubled(folded([0, 1, 4, 5]))


def test_the_state_names_what_was_taken_twice() -> None:
    assert doubled(folded([0, 1, 2, 1, 2, 3])) == {1, 2}
    assert not skipped(folded([0, 1, 2, 1, 2, 3]))


def test_a_partition_without_snapshots_is_read_from_the_beginning() -> None:
    assert start_offset([]) is None


def test_a_partition_starts_at_what_its_oldest_snapshot_lacks() -> None:
    old = Snapshot(partition=0, next_offset=70, low_water=40, ranges=[])
    new = Snapshot(partition=0, next_offset=90, low_water=70, ranges=[])
    assert start_offset([old, new]) == 70


def test_a_symbol_too_new_for_a_snapshot_is_covered_by_the_low_water() -> None:
    only = Snapshot(partition=0, next_offset=90, low_water=55, ranges=[])
    assert start_offset([only]) == 55


def test_a_snapshot_overwritten_by_a_late_worker_moves_the_start_back() -> None:
    late = Snapshot(partition=0, next_offset=100, low_water=90, ranges=[])
    newer = Snapshot(partition=0, next_offset=200, low_water=190, ranges=[])
    assert start_offset([newer, late]) == 100


class OneOwner:
    """A consumer that was assigned partition 0."""

    def assignment(self) -> set[TP]:
        return {TP("in", 0)}


def stored(*, next_offset: int) -> bytes:
    snapshot = Snapshot(partition=0, next_offset=next_offset, low_water=0, ranges=[])
    return msgspec.msgpack.encode(snapshot)


def fence_after_recovery(app: FencedApp, *, complete: bool) -> Fence:
    """A fence that was told of two recoveries, the first with an older table than the second."""
    fence = Fence(app, source="in", out="out")
    owner: Any = OneOwner()
    app.consumer = owner
    fence.table.data[b"S00"] = stored(next_offset=10)
    asyncio.run(fence._load(app))
    if complete:
        fence.go_live()
    fence.table.data[b"S00"] = stored(next_offset=20)
    asyncio.run(fence._load(app))
    return fence


def test_what_a_cut_short_recovery_gave_is_loaded_again(tmp_path: Path) -> None:
    app = FencedApp("cut-short", **settings("127.0.0.1:1", tmp_path))
    assert fence_after_recovery(app, complete=False)._partitions[0].symbols[b"S00"].durable == 20


def test_a_live_state_is_kept_over_a_rebalance(tmp_path: Path) -> None:
    app = FencedApp("kept", **settings("127.0.0.1:1", tmp_path))
    assert fence_after_recovery(app, complete=True)._partitions[0].symbols[b"S00"].durable == 10


@pytest.mark.needs_kafka
def test_a_killed_broker_keeps_its_data_and_its_port(tmp_path: Path) -> None:
    with KafkaServer(tmp_path / "broker") as kafka:
        kafka.create_topics({"kept": 3})
        before = kafka.bootstrap
        kafka.kill()
        kafka.start()
        assert kafka.bootstrap == before
        assert kafka.topics() == {"kept": 3}


@pytest.mark.chaos
@pytest.mark.needs_kafka
@pytest.mark.timeout(900)
@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_lost_or_doubled_behind_the_fence(tmp_path: Path, workers: int) -> None:
    plan = Plan(app="fenced", kills=20, workers=workers, rate=500, seed=workers)
    results = run(plan, tmp_path)
    assert is_clean(results), results
