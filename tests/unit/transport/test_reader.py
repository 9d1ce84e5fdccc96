"""Reading in order, in turn, and waiting without looking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from streams.transport.chaos import Disturbance
from streams.transport.log import Record, TopicPartition, TopicSpec
from streams.transport.partition import PartitionLog
from streams.transport.reader import Reader

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


class _Setup:
    def __init__(self, seed: int | None = None) -> None:
        self.logs = {at: PartitionLog(at, TopicSpec("t", 2)) for at in (A, B)}
        self.rebalances = 0
        self.looks = 0
        self.wanted: set[TopicPartition] = {A, B}
        self.reader = Reader(self.logs.__getitem__, Disturbance(seed), self._rebalance)

    def _rebalance(self) -> None:
        self.rebalances += 1

    def look(self) -> Collection[TopicPartition]:
        self.looks += 1
        return self.wanted

    def add(self, at: TopicPartition, count: int) -> None:
        log = self.logs[at]
        for _ in range(count):
            log.append(Record(*at, log.end, 0, b"k", b"v", ()))

    async def fetch(self, *, records: int = 100, wait_s: float = 5.0) -> dict[str, list[int]]:
        found = await self.reader.fetch(self.look, max_records=records, wait_s=wait_s)
        return {"AB"[at.partition]: [r.offset for r in batch] for at, batch in found.items()}


def test_an_idle_reader_looks_once_and_sleeps_until_something_comes() -> None:
    async def main() -> None:
        setup = _Setup()
        setup.reader.assign({A: 0, B: 0})
        assert await setup.fetch(wait_s=0.05) == {}
        assert setup.looks <= 2  # once, and once more for the assignment that woke it
        setup.looks = 0
        waiting = asyncio.ensure_future(setup.fetch())
        await asyncio.sleep(0.02)
        setup.add(B, 2)
        assert await waiting == {"B": [0, 1]}
        assert setup.looks == 2

    asyncio.run(main())


def test_resuming_or_seeking_wakes_a_waiting_fetch() -> None:
    async def main() -> None:
        setup = _Setup()
        setup.add(A, 3)
        setup.wanted = set()
        setup.reader.assign({A: 0, B: 0})
        waiting = asyncio.ensure_future(setup.fetch())
        await asyncio.sleep(0)
        setup.wanted = {A}
        setup.reader.wake()
        assert await waiting == {"A": [0, 1, 2]}
        waiting = asyncio.ensure_future(setup.fetch())
        await asyncio.sleep(0)
        setup.reader.seek(A, 1)
        assert await waiting == {"A": [1, 2]}

    asyncio.run(main())


def test_a_full_partition_does_not_starve_another() -> None:
    async def main() -> None:
        setup = _Setup()
        setup.add(A, 100)
        setup.add(B, 100)
        setup.reader.assign({A: 0, B: 0})
        served = [next(iter(await setup.fetch(records=10))) for _ in range(4)]
        assert sorted(served) == ["A", "A", "B", "B"]

    asyncio.run(main())


def test_what_retention_has_removed_is_told_and_passed_over() -> None:
    async def main() -> None:
        setup = _Setup()
        setup.logs[A].restore([Record(*A, n, 0, b"k", b"v", ()) for n in (7, 8)], begin=7, end=9)
        setup.reader.assign({A: 3})
        assert await setup.fetch() == {"A": [7, 8]}
        assert setup.reader.resets == 1
        setup.reader.seek(A, 12)  # beyond the end, as after a broker that lost its disk
        assert await setup.fetch(wait_s=0) == {}
        assert setup.reader.position(A) == 9

    asyncio.run(main())


def test_disturbed_reading_still_gives_each_partition_in_order_and_whole() -> None:
    async def run(seed: int) -> tuple[list[tuple[str, int]], int]:
        setup = _Setup(seed)
        setup.add(A, 60)
        setup.add(B, 60)
        got: list[tuple[str, int]] = []
        positions = {A: 0, B: 0}
        for _ in range(3):  # each assignment may begin too early
            setup.reader.assign(positions)
            for _ in range(8):
                found = await setup.fetch(records=16, wait_s=0)
                got += [(name, offset) for name, batch in found.items() for offset in batch]
            positions = {at: setup.reader.position(at) for at in (A, B)}
        setup.reader.assign(positions)
        while len(set(got)) < 120:
            found = await setup.fetch(records=16, wait_s=0)
            got += [(name, offset) for name, batch in found.items() for offset in batch]
        return got, setup.rebalances

    repeated, rebalances, orders = 0, 0, set()
    for seed in range(20):
        got, count = asyncio.run(run(seed))
        assert asyncio.run(run(seed))[0] == got
        for name in "AB":
            reached = -1
            for offset in [o for n, o in got if n == name]:
                assert offset <= reached + 1
                reached = max(reached, offset)
            assert reached == 59
        repeated += len(got) - len(set(got))
        rebalances += count
        orders.add(tuple(got))
    assert len(orders) == 20
    assert repeated > 0
    assert rebalances > 0
