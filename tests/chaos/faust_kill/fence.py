"""The fence: Faust with tables that a kill -9 cannot make skip or double anything.

Three thoughts, each of them enough to read alone:

* A ``Partition`` knows the next input offset it must see. What lies before it is old and is
  ignored; what lies beyond it is a hole, and the worker seeks back.
* A table value is a ``Snapshot``: the state of one symbol, the offset that it has seen up to,
  and the partition's low water. It is written every so often, and only when the broker has
  acknowledged every output sent before it was taken. Faust's commits carry the low water.
* After a recovery the input starts at ``start_offset``, and no input reaches an agent before
  Faust has done with clearing its queues (``FencedConsumer``).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka.errors import IllegalStateError
from faust.types import TP, EventT

from tests.chaos.faust_kill.fenced_app import FencedApp
from tests.chaos.faust_kill.fold import PARTITIONS, TABLE, Output, Ranges, fold

SNAPSHOT_EVERY = 25  # messages of a partition; small, so that kills meet many snapshots


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A table value: one symbol's state, complete up to ``next_offset`` of its partition.

    Everything before ``low_water`` was in acknowledged snapshots, of whatever symbol, when this
    one was taken.
    """

    partition: int
    next_offset: int
    low_water: int
    ranges: Ranges


@dataclass
class Symbol:
    """A symbol's live state; ``durable`` is the offset up to which snapshots hold it."""

    ranges: Ranges
    next_offset: int
    durable: int


@dataclass
class Partition:
    """An input partition that this worker owns."""

    next_offset: int | None  # None until the log's first offset is known
    symbols: dict[bytes, Symbol] = field(default_factory=dict)
    hole_at: int | None = None
    since_snapshot: int = 0
    live: bool = False  # restored from tables whose recovery was complete

    def low_water(self) -> int | None:
        """The oldest offset that some symbol still needs from the input."""
        return min((symbol.durable for symbol in self.symbols.values()), default=None)


def start_offset(snapshots: Iterable[Snapshot]) -> int | None:
    """Where the input of a partition must be read from, given its table values.

    A symbol needs what follows its snapshot: the minimum of ``next_offset``. A symbol too new to
    have one needs what lies above the newest low water. ``None``: read from the log's beginning.
    """
    known = list(snapshots)
    if not known:
        return None
    newest_low_water = max(snapshot.low_water for snapshot in known)
    return min(newest_low_water, *(snapshot.next_offset for snapshot in known))


class Fence:
    """Owns partitions and their symbols' states; applies input and writes snapshots."""

    def __init__(self, app: FencedApp, *, source: str, out: str) -> None:
        self.app = app
        self.table = app.Table(TABLE, partitions=PARTITIONS, key_type=bytes, value_type=bytes)
        self.rewinds = 0
        self._source = source
        self._out = out
        self._partitions: dict[int, Partition] = {}
        self._crash: asyncio.Future[None] | None = None
        self._due: dict[bytes, Snapshot] = {}
        self._is_due = asyncio.Event()
        app.fence = self
        recovered: Any = app.on_rebalance_complete
        recovered.connect(self._load, weak=False)
        app.task(self._write_snapshots)

    def starts(self) -> dict[TP, int | None]:
        """The next offset of each partition that was loaded."""
        return {TP(self._source, n): p.next_offset for n, p in self._partitions.items()}

    def begin_at(self, offsets: Mapping[TP, int]) -> None:
        """The first offsets in the log of partitions without a snapshot."""
        for tp, offset in offsets.items():
            self._partitions[tp.partition].next_offset = offset

    def go_live(self) -> None:
        """The recovery really was complete: what was loaded may be kept over rebalances."""
        for partition in self._partitions.values():
            partition.live = True

    def low_waters(self) -> dict[TP, int]:
        """What may be committed: the oldest offset that a restart would need."""
        marks = {TP(self._source, n): p.low_water() for n, p in self._partitions.items()}
        return {tp: mark for tp, mark in marks.items() if mark is not None}

    async def take(self, event: EventT[bytes]) -> None:
        """Apply one input, unless it is old, belongs to another worker or lies beyond a hole."""
        message = event.message
        partition = self._partitions.get(message.partition)
        if partition is None or not await self._continues(partition, message.tp, message.offset):
            return
        partition.next_offset = message.offset + 1
        key, value = message.key or b"", message.value or b""
        symbol = partition.symbols.get(key)
        if symbol is None:
            symbol = Symbol([], message.offset, message.offset)
            partition.symbols[key] = symbol
        if message.offset >= symbol.next_offset:
            symbol.next_offset = message.offset + 1
            symbol.ranges = fold(symbol.ranges, int(value))
            await self._emit(message.partition, key, int(value), symbol.ranges)
        self._maybe_snapshot(message.partition, partition)

    async def _continues(self, partition: Partition, tp: TP, offset: int) -> bool:
        expected = partition.next_offset
        if expected is None or offset < expected:
            return False
        if offset == expected:
            partition.hole_at = None
            return True
        if partition.hole_at is None:
            partition.hole_at = offset
            self.rewinds += 1
            print(f"hole {tp.partition}: expected {expected}, got {offset}", flush=True)
            await self._rewind(tp, expected)
            return False
        # Beyond the hole: what was on its way when we sought back. At or before it: the log has
        # been read again and really lacks what is missing (retention, transaction markers).
        if offset > partition.hole_at:
            return False
        partition.hole_at = None
        return True

    async def _rewind(self, tp: TP, offset: int) -> None:
        # Not assigned any more? The rebalance that took it seeks at its end, here or elsewhere.
        with contextlib.suppress(IllegalStateError):
            await self.app.consumer.seek_wait({tp: offset})

    async def _emit(self, partition: int, key: bytes, number: int, ranges: Ranges) -> None:
        body = msgspec.msgpack.encode(Output(key.decode(), number, ranges))
        sent: Any = await self.app.producer.send(self._out, key, body, partition, None, None)
        sent.add_done_callback(self._on_sent)

    def _on_sent(self, sent: "asyncio.Future[Any]") -> None:
        error = None if sent.cancelled() else sent.exception()
        if error is not None:
            # Without this output no later snapshot may be written: die, and restart before it.
            self._crash = asyncio.ensure_future(self.app.crash(error))

    def _maybe_snapshot(self, number: int, partition: Partition) -> None:
        partition.since_snapshot += 1
        if partition.since_snapshot < SNAPSHOT_EVERY or partition.next_offset is None:
            return
        partition.since_snapshot = 0
        # The symbol whose snapshot is oldest, quiet ones too: no symbol holds the start back.
        key, symbol = min(partition.symbols.items(), key=lambda item: item[1].durable)
        low_water = partition.low_water() or 0
        # While input is read again the symbol is ahead of its partition: its state holds more.
        next_offset = max(partition.next_offset, symbol.next_offset)
        snapshot = Snapshot(number, next_offset, low_water, symbol.ranges)
        # A newer one replaces one that still waits: the queue is as long as there are symbols.
        self._due[key] = snapshot
        self._is_due.set()

    async def _write_snapshots(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            due, self._due = self._due, {}
            # Every output sent before these snapshots were taken is acknowledged after this.
            await self.app.producer.flush()
            sent = [(key, snapshot, self._send(key, snapshot)) for key, snapshot in due.items()]
            for key, snapshot, acknowledged in sent:
                await acknowledged
                self._note_durable(key, snapshot)

    def _send(self, key: bytes, snapshot: Snapshot) -> Awaitable[Any]:
        value = msgspec.msgpack.encode(snapshot)
        # Not table[key] = value: that needs a current event, and tells nothing of the ack.
        self.table.data[key] = value
        return self.table.send_changelog(snapshot.partition, key, value)

    def _note_durable(self, key: bytes, snapshot: Snapshot) -> None:
        partition = self._partitions.get(snapshot.partition)
        symbol = partition.symbols.get(key) if partition is not None else None
        if symbol is not None:
            symbol.durable = max(symbol.durable, snapshot.next_offset)

    async def _load(self, app: Any, **_: Any) -> None:
        """Take over the partitions assigned, forget those taken away.

        Upstream sends this signal also for a recovery that a further rebalance has cut short, with
        tables half read and the new assignment. What is loaded then must be loaded again.
        """
        owned = {tp.partition for tp in app.consumer.assignment() if tp.topic == self._source}
        stored: dict[int, dict[bytes, Snapshot]] = {number: {} for number in sorted(owned)}
        for key, value in self.table.data.items():
            snapshot = msgspec.msgpack.decode(value, type=Snapshot)
            if snapshot.partition in owned:
                stored[snapshot.partition][key] = snapshot
        live = {number: p for number, p in self._partitions.items() if p.live}
        self._partitions = {
            number: live.get(number) or _restored(snapshots) for number, snapshots in stored.items()
        }
        for partition in self._partitions.values():
            partition.hole_at = None


def _restored(snapshots: Mapping[bytes, Snapshot]) -> Partition:
    symbols = {
        key: Symbol(snapshot.ranges, snapshot.next_offset, snapshot.next_offset)
        for key, snapshot in snapshots.items()
    }
    return Partition(start_offset(snapshots.values()), symbols)
