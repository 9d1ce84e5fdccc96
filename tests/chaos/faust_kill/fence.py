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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import faust
import msgspec
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, EventT

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
    return min(newest_low_water, min(snapshot.next_offset for snapshot in known))


class FencedConsumer(driver.Consumer):
    """Faust's consumer, made to start where the tables say and to commit what they hold."""

    app: "FencedApp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Upstream drops what lies below the highest offset it has ever delivered, and so undoes
        # a seek back while a fetched batch is still being handed out. The fence knows better.
        self._read_offset = _Forgetful()

    async def perform_seek(self) -> None:
        """Seek the input to what the tables need, not to the committed offsets."""
        assignment = self.assignment()
        fence = self.app.fence
        starts = {tp: at for tp, at in fence.starts().items() if tp in assignment}
        unknown = [tp for tp, at in starts.items() if at is None]
        beginnings = await self.earliest_offsets(*unknown) if unknown else {}
        known = {tp: beginnings[tp] if at is None else at for tp, at in starts.items()}
        fence.started_at(known)
        await self.seek_wait(known)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Keep the input shut while a rebalance lasts; changelogs may pass.

        Upstream opens the input first, seeks then, and empties the agents' queues last: what
        arrived in between is lost. ``release`` opens it when all that is over.
        """
        if self.app.rebalancing:
            tps = {tp for tp in tps if self._is_changelog_tp(tp)}
        super().resume_partitions(tps)

    def release(self) -> None:
        """Let the input flow."""
        self.resume_partitions({tp for tp in self.assignment() if not self._is_changelog_tp(tp)})

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the low water. Nothing reads it but lag monitors: the tables decide."""
        offsets = self.app.fence.low_waters()
        return await self._commit(offsets) if offsets else False


class _Forgetful(dict[TP, int | None]):
    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        return None


class FencedTransport(driver.Transport):
    """aiokafka's transport with the fenced consumer."""

    Consumer = FencedConsumer


class FencedApp(faust.App):
    """An app whose agents see each input once per state, whatever is killed."""

    fence: "Fence"

    def _new_transport(self) -> FencedTransport:
        return FencedTransport(self.conf.broker_consumer, self)

    def on_rebalance_end(self) -> None:
        """Open the input, which upstream by now would have let into queues and thrown away."""
        super().on_rebalance_end()
        self.consumer.release()


class Fence:
    """Owns partitions and their symbols' states; applies input and writes snapshots."""

    def __init__(self, app: FencedApp, *, source: str, out: str) -> None:
        self.app = app
        self.table = app.Table(TABLE, partitions=PARTITIONS, key_type=bytes, value_type=bytes)
        self.rewinds = 0
        self._source = source
        self._out = out
        self._partitions: dict[int, Partition] = {}
        self._due: asyncio.Queue[tuple[bytes, Snapshot]] = asyncio.Queue()
        app.fence = self
        app.on_rebalance_complete.connect(self._load)
        app.task(self._write_snapshots)

    def starts(self) -> dict[TP, int | None]:
        """The next offset of each partition that was loaded."""
        return {TP(self._source, n): p.next_offset for n, p in self._partitions.items()}

    def started_at(self, offsets: Mapping[TP, int]) -> None:
        """The consumer seeks to these; what comes next must begin there."""
        for tp, offset in offsets.items():
            self._partitions[tp.partition].next_offset = offset

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
        key = message.key
        symbol = partition.symbols.get(key)
        if symbol is None:
            symbol = Symbol([], message.offset, message.offset)
            partition.symbols[key] = symbol
        if message.offset >= symbol.next_offset:
            symbol.next_offset = message.offset + 1
            symbol.ranges = fold(symbol.ranges, int(message.value))
            await self._emit(message.partition, key, int(message.value), symbol.ranges)
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
        try:
            await self.app.consumer.seek_wait({tp: offset})
        except IllegalStateError:
            pass  # a rebalance has taken the partition; its end seeks, or another worker does

    async def _emit(self, partition: int, key: bytes, number: int, ranges: Ranges) -> None:
        body = msgspec.msgpack.encode(Output(key.decode(), number, ranges))
        sent = await self.app.producer.send(self._out, key, body, partition, None, None)
        sent.add_done_callback(self._on_sent)

    def _on_sent(self, sent: "asyncio.Future[Any]") -> None:
        error = None if sent.cancelled() else sent.exception()
        if error is not None:
            # Without this output no later snapshot may be written: die, and restart before it.
            asyncio.ensure_future(self.app.crash(error))

    def _maybe_snapshot(self, number: int, partition: Partition) -> None:
        partition.since_snapshot += 1
        if partition.since_snapshot < SNAPSHOT_EVERY or partition.next_offset is None:
            return
        partition.since_snapshot = 0
        # The symbol whose snapshot is oldest, quiet ones too: no symbol holds the start back.
        key, symbol = min(partition.symbols.items(), key=lambda item: item[1].durable)
        low_water = partition.low_water() or 0
        snapshot = Snapshot(number, partition.next_offset, low_water, symbol.ranges)
        self._due.put_nowait((key, snapshot))

    async def _write_snapshots(self) -> None:
        while True:
            due = [await self._due.get()]
            while not self._due.empty():
                due.append(self._due.get_nowait())
            # Every output sent before these snapshots were taken is acknowledged after this.
            await self.app.producer.flush()
            for key, snapshot in due:
                await self._write(key, snapshot)

    async def _write(self, key: bytes, snapshot: Snapshot) -> None:
        value = msgspec.msgpack.encode(snapshot)
        # Not table[key] = value: that needs a current event, and tells nothing of the ack.
        self.table.data[key] = value
        await self.table.send_changelog(snapshot.partition, key, value)
        partition = self._partitions.get(snapshot.partition)
        symbol = partition.symbols.get(key) if partition is not None else None
        if symbol is not None:
            symbol.durable = max(symbol.durable, snapshot.next_offset)

    async def _load(self, app: faust.App, **_: Any) -> None:
        """Tables are recovered: take over the partitions assigned, forget those taken away."""
        owned = {tp.partition for tp in app.consumer.assignment() if tp.topic == self._source}
        stored: dict[int, dict[bytes, Snapshot]] = {number: {} for number in sorted(owned)}
        for key, value in self.table.data.items():
            snapshot = msgspec.msgpack.decode(value, type=Snapshot)
            if snapshot.partition in owned:
                stored[snapshot.partition][key] = snapshot
        self._partitions = {
            number: self._partitions.get(number) or _restored(snapshots)
            for number, snapshots in stored.items()
        }
        for partition in self._partitions.values():
            partition.hole_at = None


def _restored(snapshots: Mapping[bytes, Snapshot]) -> Partition:
    symbols = {
        key: Symbol(snapshot.ranges, snapshot.next_offset, snapshot.next_offset)
        for key, snapshot in snapshots.items()
    }
    return Partition(start_offset(snapshots.values()), symbols)
