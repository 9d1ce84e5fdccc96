"""The account over the broker: frames, verdicts, signals and control in; orders and fills out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec
from faust.types import TP
from faust.types import Message as Input

from agents.execution.account import Account, AccountState
from agents.execution.sequencer import Sequencer, Step
from agents.runtime.emitter import Emitter
from agents.runtime.fence import FencedApp, Partitions, Stage
from agents.runtime.keyed_stage import HOUR_NS
from agents.runtime.latency import LatencyMeter
from agents.runtime.snapshots import SnapshotWriter, TableValue
from schemas.control import Absent, FeedStale, Resumed
from schemas.errors import CodecError
from schemas.frame import NS_PER_S, Frame, Instrument, Message
from schemas.health import Checkpoint
from schemas.score import ConfluenceScore
from schemas.settings import Settings
from schemas.signal import Signal
from schemas.topics import CONFLUENCE_SCORES, CONTROL, FRAMES, SIGNALS

TABLE = "account"
_WAITING_HIGH = 5_000
_WAITING_LOW = 1_000


class Applied(msgspec.Struct, frozen=True, array_like=True):
    """The last frame of a symbol that the account has taken into account."""

    epoch: int
    seq: int
    close_ns: int


class AccountSnapshot(msgspec.Struct, frozen=True, array_like=True):
    """The table value: the account's state, and where its inputs must be read from again."""

    applied: dict[str, Applied]
    starts: dict[str, dict[int, int]]
    state: bytes


class _Unapplied:
    """Offsets of one partition whose messages are read but not yet part of the state."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, str, int]] = deque()

    def add(self, offset: int, key: str, at_ns: int) -> None:
        self._entries.append((offset, key, at_ns))

    def first(self, applied: Mapping[str, Applied], otherwise: int) -> int:
        """The first offset that is still needed."""
        entries = self._entries
        while entries:
            offset, key, at_ns = entries[0]
            done = applied.get(key)
            if done is None or at_ns > done.close_ns:
                return offset
            entries.popleft()
        return otherwise


class AccountStage(Stage):
    """Runs one account: puts its inputs in order, steps it, sends what it decides.

    ``keys`` are the symbols (``venue:symbol``) that it waits for. Control is read up to its end
    before anything is decided, so that an absence declared earlier holds after a restart too.
    """

    def __init__(
        self,
        app: FencedApp,
        settings: Settings,
        *,
        keys: Sequence[str],
        meter: LatencyMeter,
    ) -> None:
        prefix = settings.broker.topic_prefix
        self._topics = {prefix + t.name: t for t in (FRAMES, CONFLUENCE_SCORES, SIGNALS, CONTROL)}
        self._decoders = {name: topic.decoder() for name, topic in self._topics.items()}
        self.sources = tuple(self._topics)
        self.read_first = (prefix + CONTROL.name,)
        self._control = prefix + CONTROL.name
        self._frames = prefix + FRAMES.name
        self._app = app
        self._keys = tuple(keys)
        self._account = Account(settings)
        self._account_id = settings.account.id
        self._interval_ns = round(settings.runtime.snapshot_interval_s * NS_PER_S)
        self._meter = meter
        self.emitter = Emitter(app, prefix=prefix)
        self._writer = SnapshotWriter(app)
        self._table = app.Table(f"{prefix}{TABLE}", partitions=1, key_type=bytes, value_type=bytes)
        self._paused: set[TP] = set()
        self._forget()

    def _forget(self) -> None:
        self._ready = False
        self._state: AccountState = self._account.initial()
        self._applied: dict[str, Applied] = {}
        self._sequencer = Sequencer(self._keys)
        self._starts: dict[str, dict[int, int]] = {}
        self._durable: AccountSnapshot | None = None
        self._unapplied: dict[TP, _Unapplied] = {}
        self._published: dict[tuple[str, int], float] = {}
        self._tp_of_key: dict[str, TP] = {}
        self._snapshot_ns: int | None = None
        self._applied_ns = -1
        self._returning: dict[str, None] = {}
        self._paused.clear()

    @property
    def steps_applied(self) -> dict[str, int]:
        """Close of the last applied frame by symbol."""
        return {key: applied.close_ns for key, applied in self._applied.items()}

    @property
    def account_state(self) -> AccountState:
        """The account as it stands."""
        return self._state

    def pending(self) -> int:
        """Frames that wait for their turn."""
        return self._sequencer.waiting

    def laggards(self) -> list[str]:
        """Symbols that hold the account up."""
        return self._sequencer.laggards() if self._ready else []

    def watermark_ns(self, key: str) -> int:
        """Close of the newest frame read of a symbol."""
        return self._sequencer.watermark_ns(key)

    async def declare_absent(self, key: str) -> None:
        """Log that the account stops waiting for a symbol; it holds once it is read back."""
        venue, symbol = key.split(":", 1)
        from_ns = self._sequencer.watermark_ns(key)
        for record in (
            FeedStale(self._account_id, venue, symbol, from_ns),
            Absent(self._account_id, venue, symbol, from_ns),
        ):
            await self.emitter.emit(record, partition=0, timestamp_s=None)

    async def declare_returned(self) -> None:
        """Log that symbols which were absent count again, from behind what is applied by now.

        Until that is read back, nothing later is applied: a return must not lie in the past.
        """
        if not self._ready or self._returning:
            return
        self._returning = dict.fromkeys(self._sequencer.returning())
        for key in self._returning:
            venue, symbol = key.split(":", 1)
            record = Resumed(self._account_id, venue, symbol, self._applied_ns)
            await self.emitter.emit(record, partition=0, timestamp_s=None)

    def load(self, owned: Partitions, kept: Partitions) -> None:
        """Tables are recovered: the active member takes the account over, a standby forgets it."""
        if kept[self._control]:
            return
        self._forget()
        value = self._table.data.get(self._account_id.encode())
        if not owned[self._control] or value is None:
            return
        snapshot = msgspec.msgpack.decode(value, type=AccountSnapshot)
        self._durable = snapshot
        self._state = self._account.decode(snapshot.state)
        self._applied = dict(snapshot.applied)
        self._starts = snapshot.starts
        for key, applied in self._applied.items():
            if key in self._keys:
                self._sequencer.resume_after(key, applied.epoch, applied.seq, applied.close_ns)
        self._applied_ns = max((a.close_ns for a in self._applied.values()), default=-1)

    def start_offset(self, tp: TP) -> int | None:
        """Where the snapshot needs a partition from; control always from its beginning."""
        if tp.topic == self._control:
            return None
        return self._starts.get(tp.topic, {}).get(tp.partition)

    def low_water(self, tp: TP, next_offset: int) -> int:
        """The oldest offset that the last acknowledged snapshot needs."""
        del next_offset
        if self._durable is None:
            return 0
        return self._durable.starts.get(tp.topic, {}).get(tp.partition, 0)

    def caught_up(self, topic: str) -> None:
        """Control is read: from here on the account may advance."""
        del topic
        self._ready = True

    async def take(self, message: Input) -> None:
        """Apply one input and every step that it makes possible."""
        try:
            decoded = self._decoders[message.topic].decode(message.value or b"")
        except CodecError as error:
            await self.emitter.dead_letter(message, error)
            return
        self._place(message.tp, message.offset, decoded, message.timestamp)
        if self._ready:
            until_ns = self._applied_ns if self._returning else None
            for step in self._sequencer.steps(until_ns=until_ns):
                await self._apply(step)
        self._regulate(message.tp)

    def _place(self, tp: TP, offset: int, decoded: Message, published_s: float) -> None:
        unapplied = self._unapplied.setdefault(tp, _Unapplied())
        match decoded:
            case Frame():
                if decoded.key not in self._keys:
                    return
                unapplied.add(offset, decoded.key, decoded.close_ns)
                self._tp_of_key[decoded.key] = tp
                if self._sequencer.add_frame(decoded):
                    self._published[decoded.key, decoded.close_ns] = published_s
            case ConfluenceScore():
                unapplied.add(offset, decoded.key, decoded.tick_ns)
                self._sequencer.add_score(decoded)
            case Signal():
                unapplied.add(offset, f"{decoded.venue}:{decoded.symbol}", decoded.tick_ns)
                self._sequencer.add_signal(decoded)
            case Absent() if decoded.account == self._account_id:
                self._sequencer.absent(decoded)
            case Resumed() if decoded.account == self._account_id:
                self._sequencer.resumed(decoded)
                self._returning.pop(f"{decoded.venue}:{decoded.symbol}", None)
            case Instrument():
                self._account.learn(self._state, decoded)
            case _:
                pass

    async def _apply(self, step: Step) -> None:
        frame = step.frame
        published_s = self._published.pop((frame.key, frame.close_ns), None)
        for given in self._account.step(self._state, frame, step.signal):
            await self.emitter.emit(given, partition=0, timestamp_s=published_s)
            self._meter.observe(given, published_s)
        self._applied[frame.key] = Applied(frame.epoch, frame.seq, frame.close_ns)
        before_ns, self._applied_ns = self._applied_ns, frame.close_ns
        if before_ns >= 0 and before_ns // HOUR_NS != frame.close_ns // HOUR_NS:
            await self._checkpoint(frame)
        self._maybe_snapshot(frame.close_ns)

    async def _checkpoint(self, frame: Frame) -> None:
        """Log the whole state with the first step of each hour of event time (UTC)."""
        state = self._account.encode(self._state)
        at = (frame.close_ns, frame.epoch, frame.seq)
        checkpoint = Checkpoint(TABLE, self._account_id, *at, state_version=1, state=state)
        await self.emitter.emit(checkpoint, partition=0, timestamp_s=None)

    def _maybe_snapshot(self, close_ns: int) -> None:
        if self._snapshot_ns is None:
            self._snapshot_ns = close_ns
        if close_ns - self._snapshot_ns < self._interval_ns:
            return
        self._snapshot_ns = close_ns
        snapshot = AccountSnapshot(
            dict(self._applied), self._needed(), self._account.encode(self._state)
        )

        def durable() -> None:
            self._durable = snapshot

        key, body = self._account_id.encode(), msgspec.msgpack.encode(snapshot)
        self._writer.write(key, [TableValue(self._table, 0, key, body)], durable)

    def _needed(self) -> dict[str, dict[int, int]]:
        # A partition that was not read yet since the start is still needed from there.
        needed = {topic: dict(starts) for topic, starts in self._starts.items()}
        for tp, unapplied in self._unapplied.items():
            if tp.topic == self._control:
                continue
            next_offset = self._app.fence.next_offset(tp) or 0
            needed.setdefault(tp.topic, {})[tp.partition] = unapplied.first(
                self._applied, next_offset
            )
        return needed

    def _regulate(self, tp: TP) -> None:
        """Pause partitions that run far ahead of the others; resume them when they are needed."""
        waiting = self._sequencer.waiting
        if not self._paused and waiting <= _WAITING_HIGH:
            return
        needed = {self._tp_of_key.get(key) for key in self._sequencer.laggards()}
        if waiting > _WAITING_HIGH and tp.topic == self._frames and tp not in needed | self._paused:
            self._paused.add(tp)
            self._app.consumer.pause_partitions({tp})
        wanted = {p for p in self._paused if waiting < _WAITING_LOW or p in needed}
        if wanted:
            self._paused -= wanted
            self._app.consumer.resume_partitions(wanted)
