"""A role whose states are kept per symbol: dimensions over frames, the join over scores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from faust.types import TP
from faust.types import Message as Input

from agents.runtime.emitter import Emitter
from agents.runtime.fence import FencedApp, Partitions, Stage
from agents.runtime.latency import LatencyMeter
from agents.runtime.other_versions import Restoring
from agents.runtime.snapshots import SnapshotWriter, TableValue
from agents.runtime.symbols import Partition, Snapshot, Symbol
from schemas.alert import Alert, Severity
from schemas.errors import CodecError
from schemas.frame import NS_PER_S, Message
from schemas.health import Checkpoint
from schemas.settings import Settings
from schemas.signal import Signal
from schemas.topics import Topic

HOUR_NS = 3_600 * NS_PER_S


class Fold(Protocol):
    """A state machine over the messages of one topic, one state per symbol."""

    name: str
    """Under which its state stands in a table value."""
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


class KeyedStage(Stage):
    """Feeds every message of a topic to its folds and keeps their states in one table.

    ``then`` is fed what the folds give, at once. A table value holds the states of all folds of a
    symbol at one offset: were they apart, a kill between two of them would leave ``then`` without
    what the others had given already. A state that another version has written is not decoded: its
    fold begins anew at that offset, while the others go on.

    Snapshots are taken by event time, one symbol at a time, the oldest first: with ``n`` symbols in
    a partition one is due every ``interval / n``, so that each is written once an interval, quiet
    ones too, and no symbol holds the restart position back.

    A symbol whose input a fold cannot take is parked: no more of it is folded or snapshotted, an
    alert says so, and a restart (with the fault mended) goes on from its last snapshot.
    """

    def __init__(
        self,
        app: FencedApp,
        settings: Settings,
        *,
        topic: Topic,
        folds: Sequence[Fold],
        then: Fold | None = None,
        table: str,
        meter: LatencyMeter,
    ) -> None:
        prefix = settings.broker.topic_prefix
        self.sources = (prefix + topic.name,)
        self._app = app
        self._folds = folds
        self._then = then
        self._all = [*folds] if then is None else [*folds, then]
        self._interval_ns = round(settings.runtime.snapshot_interval_s * NS_PER_S)
        self._meter = meter
        self._decoder = topic.decoder()
        self._emitter = Emitter(app, prefix=prefix)
        self._writer = SnapshotWriter(app)
        self._table = app.Table(
            prefix + table,
            partitions=settings.broker.partitions,
            key_type=bytes,
            value_type=bytes,
        )
        self._partitions: dict[int, Partition] = {}
        self._unsent: list[tuple[Message, Input]] = []
        self.emitter = self._emitter

    def load(self, owned: Partitions, kept: Partitions) -> None:
        """Tables are recovered: take over what is owned, forget what was taken away."""
        (source,) = self.sources
        going_on = {n: p for n, p in self._partitions.items() if n in kept[source]}
        fresh = owned[source] - going_on.keys()
        stored: dict[int, dict[bytes, Snapshot]] = {n: {} for n in fresh}
        for key, value in self._table.data.items():
            snapshot = msgspec.msgpack.decode(value, type=Snapshot)
            if snapshot.partition in stored:
                stored[snapshot.partition][key] = snapshot
        restoring = Restoring(self._all)
        restored = {n: self._restored(found, restoring) for n, found in stored.items()}
        restoring.tell(self._app.conf.id)
        self._partitions = going_on | restored

    @staticmethod
    def _restored(found: Mapping[bytes, Snapshot], restoring: Restoring) -> Partition:
        partition = Partition()
        for key, snapshot in found.items():
            at, states = snapshot.next_offset, restoring.states(snapshot)
            partition.symbols[key] = Symbol(states, at, at, hour=snapshot.hour)
        marks = [snapshot.low_water for snapshot in found.values()]
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
        """Apply one input to every fold, if its symbol has not seen it."""
        partition = self._partitions[message.partition]
        known = partition.symbols.get(message.key or b"")
        if known is not None and (known.parked or message.offset < known.next_offset):
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
        await self._send(decided, message)
        if symbol.parked:
            return
        await self._maybe_checkpoint(symbol, decoded)
        await self._maybe_snapshot(
            message.partition, partition, message.offset + 1, _event_ns(decoded)
        )
        await self._read_again_if_there_is_room(message.tp, symbol)

    async def _send(self, decided: Sequence[Message], cause: Input) -> None:
        """Send signals at once, and the rest when the batch is done: nobody trades on that."""
        for given in decided:
            if isinstance(given, Signal):
                await self._emit(given, cause)
                os.sched_yield()  # its sender's thread writes it before the next fold begins
            else:
                self._unsent.append((given, cause))

    async def flush(self) -> None:
        """Send what was decided and is not sent yet."""
        unsent, self._unsent = self._unsent, []
        for given, cause in unsent:
            await self._emit(given, cause)

    async def _emit(self, given: Message, cause: Input) -> None:
        await self._emitter.emit(given, partition=cause.partition, timestamp_s=cause.timestamp)
        self._meter.observe(given, cause.timestamp)

    async def _maybe_checkpoint(self, symbol: Symbol, decoded: Any) -> None:
        """Log the whole state with the first input of each hour of event time (UTC)."""
        at_ns = _event_ns(decoded)
        hour, symbol.hour = symbol.hour, at_ns // HOUR_NS
        if hour is None or hour == symbol.hour:
            return
        for fold, state in zip(self._all, symbol.states, strict=True):
            checkpoint = Checkpoint(
                role=fold.name,
                state_key=decoded.key,
                tick_ns=at_ns,
                epoch=getattr(decoded, "epoch", 0),
                seq=getattr(decoded, "seq", 0),
                state_version=fold.state_version,
                state=fold.encode(state),
            )
            await self._emitter.emit(checkpoint, partition=0, timestamp_s=None)

    def _fold(self, symbol: Symbol, decoded: Any, offset: int) -> list[Message]:
        symbol.next_offset = offset + 1
        decided: list[Message] = []
        for fold, state in zip(self._folds, symbol.states, strict=False):
            given = fold.apply(state, decoded)
            if given is None:
                symbol.refused = offset if symbol.refused is None else symbol.refused
                continue
            for message in given:
                decided.append(message)
                if self._then is not None:
                    decided.extend(self._then.apply(symbol.states[-1], message) or ())
        return decided

    async def _read_again_if_there_is_room(self, tp: TP, symbol: Symbol) -> None:
        """What was refused is taken from the log once it fits, so that nothing more is kept of it.

        What came behind it and was taken comes again too; a fold ignores repeats.
        """
        offset = symbol.refused
        if offset is None:
            return
        states = zip(self._all, symbol.states, strict=True)
        if not any(fold.is_full(state) for fold, state in states):
            symbol.refused = None
            symbol.next_offset = offset
            await self._app.fence.read_again(tp, offset)

    def _new_symbol(self, partition: Partition, key: bytes, offset: int) -> Symbol:
        states = [fold.initial() for fold in self._all]
        symbol = partition.symbols[key] = Symbol(states, offset, offset)
        return symbol

    async def _maybe_snapshot(
        self, number: int, partition: Partition, next_offset: int, event_ns: int
    ) -> None:
        if partition.snapshot_ns is None:
            partition.snapshot_ns = event_ns
        every_ns = self._interval_ns // len(partition.symbols)
        if event_ns - partition.snapshot_ns < every_ns:
            return
        partition.snapshot_ns = event_ns
        await self.flush()  # a state is written only after all that it has given
        free = [item for item in partition.symbols.items() if not item[1].parked]
        key, symbol = min(free, key=lambda item: item[1].durable)
        states = zip(self._all, symbol.states, strict=True)
        at = symbol.seen_up_to(next_offset)
        snapshot = Snapshot(
            partition=number,
            next_offset=at,
            low_water=partition.low_water(next_offset),
            states={fold.name: fold.encode(state) for fold, state in states},
            hour=symbol.hour,
            versions={fold.name: fold.state_version for fold in self._all},
        )
        value = TableValue(self._table, number, key, msgspec.msgpack.encode(snapshot))

        def durable() -> None:
            symbol.durable = max(symbol.durable, min(at, next_offset))

        self._writer.write(key, [value], durable)


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
