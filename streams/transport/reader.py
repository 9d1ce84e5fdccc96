"""Reads the partitions given to it in order, and waits for what is not written yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

import structlog

from streams.transport.chaos import Disturbance
from streams.transport.log import OffsetOutOfRange, Record, TopicPartition
from streams.transport.partition import PartitionLog

log = structlog.get_logger()


class Reader:
    """Positions in partitions of one broker. One coroutine at a time may fetch."""

    def __init__(
        self,
        find: Callable[[TopicPartition], PartitionLog],
        disturbance: Disturbance,
        rebalance: Callable[[], None],
    ) -> None:
        self.resets = 0
        """How often retention had removed what was to be read next."""
        self._find = find
        self._disturbance = disturbance
        self._rebalance = rebalance
        self._partitions: dict[TopicPartition, PartitionLog] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._fresh: set[TopicPartition] = set()
        self._arrived = asyncio.Event()
        self._turn = 0

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from these offsets, and no others."""
        self.close()
        self._partitions = {at: self._find(at) for at in sorted(positions)}
        self._positions = dict(positions)
        self._fresh = set(positions)
        for partition in self._partitions.values():
            partition.listeners.add(self._arrived)
        self.wake()

    def close(self) -> None:
        """Read nothing any more."""
        for partition in self._partitions.values():
            partition.listeners.discard(self._arrived)
        self._partitions, self._positions = {}, {}

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are read."""
        return frozenset(self._partitions)

    def position(self, at: TopicPartition) -> int:
        """The offset that is read next; ``KeyError`` where the partition is not assigned."""
        return self._positions[at]

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Read a partition from an offset on; ``KeyError`` where it is not assigned."""
        self._partitions[at]
        self._positions[at] = offset
        self.wake()

    def wake(self) -> None:
        """Have a waiting fetch look again: partitions were resumed, or positions moved."""
        self._arrived.set()

    async def fetch(
        self,
        wanted: Callable[[], Collection[TopicPartition]],
        *,
        max_records: int,
        wait_s: float,
    ) -> dict[TopicPartition, list[Record]]:
        """The next records of the partitions wanted now; waits up to ``wait_s`` for the first."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            # Cleared before looking: what arrives from here on wakes the wait below.
            self._arrived.clear()
            found = self._collect(wanted(), max_records)
            if found:
                if self._disturbance.rebalances():
                    self._rebalance()
                return found
            try:
                async with asyncio.timeout_at(deadline):
                    await self._arrived.wait()
            except TimeoutError:
                return {}

    def _collect(
        self, wanted: Collection[TopicPartition], max_records: int
    ) -> dict[TopicPartition, list[Record]]:
        left = self._disturbance.batch(max_records)
        found: dict[TopicPartition, list[Record]] = {}
        for at in self._in_turn(wanted):
            records = self._read(at, left)
            if records:
                found[at] = records
                self._positions[at] = records[-1].offset + 1
                left -= len(records)
                if left <= 0:
                    break
        return found

    def _in_turn(self, wanted: Collection[TopicPartition]) -> Iterable[TopicPartition]:
        """Another partition first each time, so that a full one does not starve the others."""
        mine = [at for at in self._partitions if at in wanted]
        if len(mine) > 1:
            self._turn = (self._turn + 1) % len(mine)
            mine = mine[self._turn :] + mine[: self._turn]
        return self._disturbance.order(mine)

    def _read(self, at: TopicPartition, limit: int) -> list[Record]:
        partition, position = self._partitions[at], self._positions[at]
        if at in self._fresh and position < partition.end:
            self._fresh.discard(at)
            position = self._disturbance.start(position, begin=partition.begin)
        try:
            return partition.read(position, limit)
        except OffsetOutOfRange as error:
            self.resets += 1
            log.warning("broker.offset_reset", reason=str(error))
            self._positions[at] = max(min(position, error.end), error.begin)
            return partition.read(self._positions[at], limit)
