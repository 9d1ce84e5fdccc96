"""A role whose states are kept per symbol: dimensions over frames, the join over scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from faust.types import TP
from faust.types import Message as Input

from agents.runtime.emitter import Emitter
from agents.runtime.fence import FencedApp, Partitions, Stage
from agents.runtime.latency import LatencyMeter
from agents.runtime.snapshots import SnapshotWriter, TableValue
from schemas.alert import Alert, Severity
from schemas.errors import CodecError
from schemas.frame import NS_PER_S, Message
from schemas.health import Checkpoint
from schemas.topics import Topic

HOUR_NS = 3_600 * NS_PER_S


class Fold(Protocol):
    """A state machine over the messages of one topic, one state per symbol."""

    name: str
    """Also the name of its table."""
    state_version: int
    """Grows when the encoding of the state changes."""

    def initial(self) -> Any:
        """State of a symbol of which nothing is known."""
        ...

    def apply(self, state: Any, message: Any) -> Sequence[Message] | None:
        """Take one message; what it gives. ``None``: refused, there is no room for it."""
        ...

    def is_full(self, state: Any) -> bool:
        """Whether it refuses messages; when that is over, they are given again."""
        ...

    def encode(self, state: Any) -> bytes:
        """Bytes of a state."""
        ...

    def decode(self, data: bytes) -> Any:
        """The state that ``encode`` wrote."""
        ...


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A table value: one symbol's state, complete up to ``next_offset`` of its partition.

    Everything before ``low_water`` was in acknowledged snapshots, of whatever symbol, when this
    one was taken.
    """

    partition: int
    next_offset: int
    low_water: int
    state: bytes
    hour: int | None = None
    """Of the symbol's last message, in hours of event time."""


@dataclass
class _Slot:
    """One fold's live state of one symbol, and the offset that it has seen."""

    state: Any
    next_offset: int


@dataclass
class _Symbol:
    """One symbol: a slot per fold; snapshots hold them all up to the offset ``durable``."""

    slots: list[_Slot]
    durable: int
    parked: bool = False
    hour: int | None = None
    refused: int | None = None
    """Offset of the first message for which there was no room: reading must come back to it."""

    def seen_up_to(self, next_offset: int) -> int:
        """What need not be read again, of all before an offset."""
        return next_offset if self.refused is None else min(next_offset, self.refused)

    def needs(self, offset: int) -> bool:
        """Whether some fold has not seen what is at an offset."""
        return any(offset >= slot.next_offset for slot in self.slots)


@dataclass
class _Partition:
    """An input partition that this worker owns."""

    symbols: dict[bytes, _Symbol] = field(default_factory=dict)
    newest_low_water: int | None = None
    snapshot_ns: int | None = None

    def low_water(self, otherwise: int) -> int:
        """The oldest offset that some symbol still needs from the input."""
        return min((symbol.durable for symbol in self.symbols.values()), default=otherwise)


class KeyedStage(Stage):
    """Feeds every message of a topic to its folds and keeps their states in one table each.

    Snapshots are taken by event time, one symbol at a time, the oldest first: with ``n`` symbols in
    a partition one is due every ``interval / n``, so that each is written once an interval, quiet
    ones too, and no symbol holds the restart position back.

    A symbol whose input a fold cannot take is parked: no more of it is folded or snapshotted, an
    alert says so, and a restart (with the fault mended) goes on from its last snapshot.
    """

    def __init__(
        self,
        app: FencedApp,
        topic: Topic,
        folds: Sequence[Fold],
        *,
        prefix: str,
        partitions: int,
        snapshot_interval_ns: int,
        meter: LatencyMeter,
    ) -> None:
        self.sources = (prefix + topic.name,)
        self._app = app
        self._folds = folds
        self._interval_ns = snapshot_interval_ns
        self._meter = meter
        self._decoder = topic.decoder()
        self._emitter = Emitter(app, prefix=prefix)
        self._writer = SnapshotWriter(app)
        self._tables = [
            app.Table(
                f"{prefix}{fold.name}", partitions=partitions, key_type=bytes, value_type=bytes
            )
            for fold in folds
        ]
        self._partitions: dict[int, _Partition] = {}
        self.emitter = self._emitter

    def load(self, owned: Partitions, kept: Partitions) -> None:
        """Tables are recovered: take over what is owned, forget what was taken away."""
        (source,) = self.sources
        going_on = {n: p for n, p in self._partitions.items() if n in kept[source]}
        fresh = owned[source] - going_on.keys()
        stored: dict[int, dict[bytes, dict[int, Snapshot]]] = {n: {} for n in fresh}
        for index, table in enumerate(self._tables):
            for key, value in table.data.items():
                snapshot = msgspec.msgpack.decode(value, type=Snapshot)
                if snapshot.partition in stored:
                    stored[snapshot.partition].setdefault(key, {})[index] = snapshot
        self._partitions = going_on | {n: self._restored(found) for n, found in stored.items()}

    def _restored(self, found: Mapping[bytes, Mapping[int, Snapshot]]) -> _Partition:
        partition = _Partition()
        for key, snapshots in found.items():
            slots = []
            for index, fold in enumerate(self._folds):
                snapshot = snapshots.get(index)
                if snapshot is None:
                    # This fold's first snapshot was never written: it begins where the symbol did.
                    at = min(s.low_water for s in snapshots.values())
                    slots.append(_Slot(fold.initial(), at))
                else:
                    slots.append(_Slot(fold.decode(snapshot.state), snapshot.next_offset))
            hours = [s.hour for s in snapshots.values() if s.hour is not None]
            at = min(s.next_offset for s in slots)
            partition.symbols[key] = _Symbol(slots, at, hour=min(hours, default=None))
        marks = [s.low_water for snapshots in found.values() for s in snapshots.values()]
        partition.newest_low_water = max(marks, default=None)
        return partition

    def start_offset(self, tp: TP) -> int | None:
        """What the oldest symbol needs; a symbol too new for a snapshot needs the low water."""
        partition = self._partitions[tp.partition]
        newest = partition.newest_low_water
        return None if newest is None else min(newest, partition.low_water(newest))

    def low_water(self, tp: TP, next_offset: int) -> int:
        """The oldest offset that a restart would need."""
        return self._partitions[tp.partition].low_water(next_offset)

    async def take(self, message: Input) -> None:
        """Apply one input to every fold that has not seen it."""
        partition = self._partitions[message.partition]
        known = partition.symbols.get(message.key or b"")
        if known is not None and (known.parked or not known.needs(message.offset)):
            return  # read again after a restart, for other symbols
        try:
            decoded = self._decoder.decode(message.value or b"")
        except CodecError as error:
            await self._emitter.dead_letter(message, error)
            return
        self._meter.observe_input(decoded, message.timestamp)
        symbol = known or self._new_symbol(partition, message.key or b"", message.offset)
        try:
            decided = self._fold(symbol, decoded, message.offset)
        except Exception as error:  # noqa: BLE001 - one symbol's fault must not stop the others
            symbol.parked = True
            await self._emitter.dead_letter(message, error)
            decided = [_parked_alert(decoded, error)]
        for given in decided:
            await self._emitter.emit(
                given, partition=message.partition, timestamp_s=message.timestamp
            )
            self._meter.observe(given, message.timestamp)
        if symbol.parked:
            return
        await self._maybe_checkpoint(symbol, decoded)
        await self._read_again_if_there_is_room(message.tp, symbol)
        self._maybe_snapshot(message.partition, partition, message.offset + 1, _event_ns(decoded))

    async def _maybe_checkpoint(self, symbol: _Symbol, decoded: Any) -> None:
        """Log the whole state with the first input of each hour of event time (UTC)."""
        at_ns = _event_ns(decoded)
        hour, symbol.hour = symbol.hour, at_ns // HOUR_NS
        if hour is None or hour == symbol.hour:
            return
        for fold, slot in zip(self._folds, symbol.slots, strict=True):
            checkpoint = Checkpoint(
                role=fold.name,
                state_key=decoded.key,
                tick_ns=at_ns,
                epoch=getattr(decoded, "epoch", 0),
                seq=getattr(decoded, "seq", 0),
                state_version=fold.state_version,
                state=fold.encode(slot.state),
            )
            await self._emitter.emit(checkpoint, partition=0, timestamp_s=None)

    def _fold(self, symbol: _Symbol, decoded: Any, offset: int) -> list[Message]:
        decided: list[Message] = []
        for fold, slot in zip(self._folds, symbol.slots, strict=True):
            if offset >= slot.next_offset:
                slot.next_offset = offset + 1
                given = fold.apply(slot.state, decoded)
                if given is not None:
                    decided.extend(given)
                elif symbol.refused is None:
                    symbol.refused = offset
        return decided

    async def _read_again_if_there_is_room(self, tp: TP, symbol: _Symbol) -> None:
        """What was refused is taken from the log once it fits, so that nothing more is kept of it.

        What came behind it and was taken comes again too; a fold ignores repeats.
        """
        offset = symbol.refused
        if offset is None:
            return
        slots = zip(self._folds, symbol.slots, strict=True)
        if not any(fold.is_full(slot.state) for fold, slot in slots):
            symbol.refused = None
            for slot in symbol.slots:
                slot.next_offset = offset
            await self._app.fence.read_again(tp, offset)

    def _new_symbol(self, partition: _Partition, key: bytes, offset: int) -> _Symbol:
        slots = [_Slot(fold.initial(), offset) for fold in self._folds]
        symbol = partition.symbols[key] = _Symbol(slots, offset)
        return symbol

    def _maybe_snapshot(
        self, number: int, partition: _Partition, next_offset: int, event_ns: int
    ) -> None:
        if partition.snapshot_ns is None:
            partition.snapshot_ns = event_ns
        every_ns = self._interval_ns // len(partition.symbols)
        if event_ns - partition.snapshot_ns < every_ns:
            return
        partition.snapshot_ns = event_ns
        free = [item for item in partition.symbols.items() if not item[1].parked]
        key, symbol = min(free, key=lambda item: item[1].durable)
        low_water = partition.low_water(next_offset)
        values = []
        for fold, slot, table in zip(self._folds, symbol.slots, self._tables, strict=True):
            # While input is read again the symbol is ahead of its partition: its state holds more.
            at = symbol.seen_up_to(max(next_offset, slot.next_offset))
            state = fold.encode(slot.state)
            snapshot = Snapshot(number, at, low_water, state, symbol.hour)
            values.append(TableValue(table, number, key, msgspec.msgpack.encode(snapshot)))

        seen_up_to = symbol.seen_up_to(next_offset)

        def durable() -> None:
            symbol.durable = max(symbol.durable, seen_up_to)

        self._writer.write(key, values, durable)


def _parked_alert(message: Any, error: Exception) -> Alert:
    text = (
        f"{type(error).__name__}: {error}; the symbol is parked until the worker restarts: "
        "see the dead letter, mend the fault, restart"
    )
    at = (message.venue, message.symbol, _event_ns(message))
    return Alert(*at, "parked", Severity.CRITICAL, text)


def _event_ns(message: Any) -> int:
    """Event time of a frame or score; other records carry their own."""
    for name in ("close_ns", "tick_ns", "effective_ns", "known_ns"):
        at = getattr(message, name, None)
        if at is not None:
            return int(at)
    return 0
