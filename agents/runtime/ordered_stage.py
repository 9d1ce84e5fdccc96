"""One state machine over many symbols: their frames in one order, with control; records out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from faust.types import TP
from faust.types import Message as Input

from agents.execution.sequencer import Sequencer, Step
from agents.runtime.absences import Absences
from agents.runtime.back_pressure import BackPressure
from agents.runtime.commands import Commands
from agents.runtime.emitter import Emitter
from agents.runtime.fence import FencedApp, Partitions, Stage
from agents.runtime.folds import OrderedFold
from agents.runtime.keyed_stage import HOUR_NS
from agents.runtime.latency import LatencyMeter
from agents.runtime.ledger_writer import LedgerWriter
from agents.runtime.offsets import OrderedSnapshot
from agents.runtime.other_versions import tell_left, version_text
from agents.runtime.progress import Progress
from agents.runtime.snapshots import SnapshotWriter, TableValue
from agents.runtime.venue_link import VenueLink
from schemas.control import Absent, Flatten, Halt, Resume, Resumed
from schemas.errors import CodecError, StateOfAnotherVersion
from schemas.frame import NS_PER_S, Backfill, Frame, Instrument, Message
from schemas.health import Checkpoint
from schemas.order import Flattened, Order, Position
from schemas.plain import plain
from schemas.portfolio import Portfolio
from schemas.position_assessment import PositionAssessment
from schemas.score import ConfluenceScore
from schemas.settings import Settings
from schemas.signal import Signal
from schemas.topics import CONTROL, FRAMES
from schemas.venue import AccountReport, FundingReport, OrderReport, TradeReport, VenueReport

log = structlog.get_logger()

_OfTick = ConfluenceScore | Signal | Order | Position | Flattened | Portfolio | PositionAssessment


class OrderedStage(Stage):
    """Runs one fold, an account or the overview: puts its inputs in order, sends what it decides.

    ``keys`` are the symbols (``venue:symbol``) that it waits for. Control, what a real venue has
    reported, and what the fold itself has given before, are read up to their ends before anything
    is decided, so that what was declared or commanded earlier holds after a restart too, and what
    comes now lies behind it. With a ``venue`` nothing is decided before it hears, either.
    """

    def __init__(
        self,
        app: FencedApp,
        fold: OrderedFold,
        settings: Settings,
        *,
        keys: Sequence[str],
        meter: LatencyMeter,
        ledger: LedgerWriter | None = None,
        venue: VenueLink | None = None,
    ) -> None:
        prefix = settings.broker.topic_prefix
        first = (CONTROL, *fold.reports, *fold.outputs)
        topics = {prefix + t.name: t for t in (FRAMES, *fold.verdicts, *first)}
        self._decoders = {name: topic.decoder() for name, topic in topics.items()}
        self.sources = tuple(topics)
        self.read_first = tuple(prefix + topic.name for topic in first)
        self._control = prefix + CONTROL.name
        self._frames = prefix + FRAMES.name
        self._app = app
        self._keys = frozenset(keys)
        self._fold = fold
        self._reader = fold.reader
        self._interval_ns = round(settings.runtime.snapshot_interval_s * NS_PER_S)
        self._meter = meter
        self._ledger = ledger
        self._venue = venue
        self.emitter = Emitter(app, prefix=prefix)
        self._writer = SnapshotWriter(app)
        self._table = app.Table(
            f"{prefix}{fold.name}", partitions=1, key_type=bytes, value_type=bytes
        )
        self._pressure = BackPressure(lambda: app.consumer)
        self._forget()

    def _forget(self) -> None:
        self._begun = False
        self._unread = set(self.read_first)
        self._commands = Commands()
        self._state = self._fold.initial()
        self._absences = Absences(self._reader)
        sequencer = self._sequencer = Sequencer(self._keys, verdicts=bool(self._fold.verdicts))
        self._progress = Progress(
            anew=self._control, interval_ns=self._interval_ns, settled_ns=sequencer.settled_ns
        )
        self._published: dict[tuple[str, int], float] = {}
        self._tp_of_key: dict[str, TP] = {}

    @property
    def steps_applied(self) -> dict[str, int]:
        """Close of the last applied frame by symbol."""
        return {key: applied.close_ns for key, applied in self._progress.applied.items()}

    def pending(self) -> int:
        """Frames that wait for their turn."""
        return self._sequencer.waiting

    def laggards(self) -> list[str]:
        """Symbols that hold the others up."""
        return self._sequencer.laggards() if self._decides() else []

    def watermark_ns(self, key: str) -> int:
        """See :meth:`Sequencer.watermark_ns`."""
        return self._sequencer.watermark_ns(key)

    async def declare_absent(self, key: str) -> None:
        """Log that a symbol is not waited for; it holds once it is read back."""
        for record in self._absences.leave(key, self._sequencer.watermark_ns(key)):
            await self.emitter.emit(record, partition=0, timestamp_s=None)

    async def declare_returned(self) -> None:
        """Log that symbols which were absent count again, from behind what is applied by now."""
        if not self._decides():
            return
        back = self._absences.come_back(self._sequencer.returning(), self._progress.applied_ns)
        for record in back:
            await self.emitter.emit(record, partition=0, timestamp_s=None)

    def load(self, owned: Partitions, kept: Partitions) -> None:
        """Tables are recovered: the active member takes the state over, a standby forgets it."""
        self._pressure.forget()
        if kept[self._control]:
            return
        self._forget()
        if self._venue is not None:
            self._venue.stop()
        if self._ledger is not None:
            self._ledger.forget()
        value = self._table.data.get(self._reader.encode())
        if not owned[self._control] or value is None:
            return
        snapshot = msgspec.msgpack.decode(value, type=OrderedSnapshot)
        self._progress.resume(snapshot)
        self._state = self._restored(snapshot)
        if self._venue is not None:
            self._venue.reports.known(self._fold.last_run(self._state))
        for key, applied in snapshot.applied.items():
            if key in self._keys:
                self._sequencer.resume_after(key, applied.epoch, applied.seq, applied.close_ns)

    def _restored(self, snapshot: OrderedSnapshot) -> Any:
        """The state, decoded by no other version than wrote it: a default is no position."""
        fold, found = self._fold, snapshot.state_version
        if found == fold.state_version:
            return fold.decode(snapshot.state)
        if fold.may_begin_anew:
            tell_left(self._app.conf.id, fold, [found], symbols=len(self._keys))
            return fold.initial()
        topic = self._table.changelog_topic.get_topic_name()
        raise StateOfAnotherVersion(
            f"{fold.name} {self._reader}: its state in {topic} is of version "
            f"{version_text(found)}, this program reads version {fold.state_version}; its "
            "positions and money are not guessed. Start the program that wrote it, flatten and end "
            "it, then go on with another account.id (docs/operations.md, Upgrading)"
        )

    def start_offset(self, tp: TP) -> int | None:
        """Where the snapshot needs a partition from; control always from its beginning."""
        return self._progress.start_offset(tp)

    def low_water(self, tp: TP, next_offset: int) -> int:
        """The oldest offset that the last acknowledged snapshot needs."""
        del next_offset
        return self._progress.low_water(tp)

    def caught_up(self, topic: str) -> None:
        """All that was to be read first is: from here on the state may advance."""
        self._unread.discard(topic)

    async def take(self, message: Input) -> None:
        """Apply one input and every step that it makes possible."""
        try:
            decoded = self._decoders[message.topic].decode(message.value or b"")
        except CodecError as error:
            await self.emitter.dead_letter(message, error)
            return
        self._place(message.tp, message.offset, decoded, message.timestamp)
        await self._advance()
        self._regulate(message.tp)

    async def flush(self) -> None:
        """Take steps that became possible with the end of what is to be read first."""
        await self._advance()

    async def _advance(self) -> None:
        await self.answer_commands()
        # One at a time: what is declared while outputs are sent limits the very next one.
        while (step := self._next_step()) is not None:
            await self._apply(step)

    def agrees(self) -> bool:
        """Whether the account and its real venue agree."""
        return self._fold.agrees(self._state)

    def report_tick_ns(self) -> int:
        """The tick from which a report that is heard now holds: that of the last step decided."""
        return self._commands.behind_ns(self._progress.applied_ns)

    async def log_report(self, report: VenueReport) -> None:
        """Write a report into the log; it counts once it is read back."""
        await self.emitter.emit(report, partition=0, timestamp_s=None)

    def _decides(self) -> bool:
        """Whether what came before is known, and this worker hears for the account."""
        return self._begun and (self._venue is None or self._venue.reports.are_ours)

    def _may_begin(self) -> bool:
        return not self._begun and not self._unread

    async def _begin(self) -> None:
        """Become the ledger's writer, and hear the venue, once the log is read.

        What a process has stored that died before it could log it lies behind, too.
        """
        if not self._may_begin():
            return
        unsettled: Sequence[Order] = ()
        if self._ledger is not None:
            state = self._state
            unsettled, last_ns = await self._ledger.begin()
            if state is not self._state or not self._may_begin():
                return  # this worker is not the active one any more, or another call did it
            self._commands.decided(last_ns)
        self._begun = True
        if self._venue is not None:
            self._venue.begin(self, unsettled)

    async def answer_commands(self) -> None:
        """Log commands that wait with the tick from which they hold; they hold once read back."""
        await self._begin()
        if not self._decides():
            return
        for command in self._commands.due(self._progress.applied_ns):
            log.warning("command.taken", **plain(command))
            await self.emitter.emit(command, partition=0, timestamp_s=None)

    def _next_step(self) -> Step | None:
        if not self._decides():
            return None
        return next(self._sequencer.steps(until_ns=self._limit_ns()), None)

    def _limit_ns(self) -> int | None:
        """Close up to which steps may be applied while what came meanwhile is on its way."""
        applied_ns = self._progress.applied_ns
        limits = [*self._absences.limits_ns(applied_ns), *self._commands.limits_ns()]
        if self._venue is not None:
            limits.extend(self._venue.reports.limits_ns())
        return min(limits, default=None)

    def _place(self, tp: TP, offset: int, decoded: Message, published_s: float) -> None:
        self._progress.read(tp)
        match decoded:
            case Frame() if decoded.key in self._keys:
                self._progress.waits(tp, offset, decoded.key, decoded.close_ns)
                self._tp_of_key[decoded.key] = tp
                if self._sequencer.add_frame(decoded):
                    self._published[decoded.key, decoded.close_ns] = published_s
            case ConfluenceScore():
                self._waits_for_tick(tp, offset, decoded)
                self._sequencer.add_score(decoded)
            case Signal():
                self._waits_for_tick(tp, offset, decoded)
                self._sequencer.add_signal(decoded)
            case Order() | Position() | Flattened() | Portfolio() | PositionAssessment():
                self._read_back(tp, offset, decoded)
            case OrderReport() | TradeReport() | FundingReport() | AccountReport():
                self._hear(decoded)
            case Instrument():
                self._fold.learn(self._state, decoded)
            case Backfill():
                self._fold.recall(self._state, decoded)
            case _:
                self._heed(decoded)

    def _waits_for_tick(self, tp: TP, offset: int, decoded: _OfTick) -> None:
        """A message is needed until its tick is applied; of other symbols no tick ever is."""
        key = f"{decoded.venue}:{decoded.symbol}"
        if key in self._keys:
            self._progress.waits(tp, offset, key, decoded.tick_ns)

    def _read_back(self, tp: TP, offset: int, decoded: _OfTick) -> None:
        """Take what this account has given before: it tells how far others came."""
        if decoded.key == self._reader:
            self._waits_for_tick(tp, offset, decoded)
            self._commands.decided(decoded.tick_ns)

    def _hear(self, report: VenueReport) -> None:
        """Take a report, if it is for this reader."""
        if report.account == self._reader:
            self._fold.hear(self._state, report)
            if self._venue is not None:
                self._venue.reports.take(report)

    def _heed(self, decoded: Message) -> None:
        """Take a control record, if it is for this reader."""
        match decoded:
            case Absent() if decoded.account == self._reader:
                self._sequencer.absent(decoded)
                self._absences.read_back(decoded)
            case Resumed() if decoded.account == self._reader:
                self._sequencer.resumed(decoded)
                self._absences.read_back(decoded)
                self._forget_published(decoded)
            case Halt() | Resume() | Flatten() if decoded.account == self._reader:
                command = self._commands.take(decoded)
                if command is not None:
                    self._fold.command(self._state, command)
                    if self._ledger is not None:
                        self._ledger.note(command)
            case _:
                pass

    def _forget_published(self, record: Resumed) -> None:
        """Frames of an absence are never applied."""
        key = f"{record.venue}:{record.symbol}"
        gone = [at for at in self._published if at[0] == key and at[1] <= record.from_ns]
        for at in gone:
            del self._published[at]

    async def _apply(self, step: Step) -> None:
        """Take a step; where a rebalance takes the state meanwhile, whoever has it then does so."""
        frame, progress = step.frame, self._progress
        partition = self._tp_of_key[frame.key].partition
        # Before anything is sent: a declaration made meanwhile must not lie before this step.
        before_ns, progress.applied_ns = progress.applied_ns, frame.close_ns
        published_s = self._published.pop((frame.key, frame.close_ns), None)
        decided = self._fold.step(self._state, step)
        fresh = self._ledger is None or await self._ledger.write(decided)
        if progress is not self._progress:
            return
        if self._venue is not None:
            self._venue.take(decided, fresh=fresh)
        for given in decided:
            await self.emitter.emit(given, partition=partition, timestamp_s=published_s)
            if progress is not self._progress:
                return
            self._meter.observe(given, published_s)
        progress.apply(frame)
        if before_ns >= 0 and before_ns // HOUR_NS != frame.close_ns // HOUR_NS:
            await self._checkpoint(frame)
        self._maybe_snapshot(frame.close_ns)

    async def _checkpoint(self, frame: Frame) -> None:
        """Log the whole state with the first step of each hour of event time (UTC)."""
        state = self._fold.encode(self._state)
        at = (frame.close_ns, frame.epoch, frame.seq)
        version = self._fold.state_version
        checkpoint = Checkpoint(
            self._fold.name, self._reader, *at, state_version=version, state=state
        )
        await self.emitter.emit(checkpoint, partition=0, timestamp_s=None)

    def _maybe_snapshot(self, close_ns: int) -> None:
        if not self._progress.snapshot_is_due(close_ns):
            return
        state, version = self._fold.encode(self._state), self._fold.state_version
        snapshot, acknowledged = self._progress.snapshot(
            state, self._app.fence.next_offset, state_version=version
        )
        key, body = self._reader.encode(), msgspec.msgpack.encode(snapshot)
        self._writer.write(key, [TableValue(self._table, 0, key, body)], acknowledged)

    def _regulate(self, tp: TP) -> None:
        self._pressure.regulate(
            tp,
            may_wait=tp.topic == self._frames,
            waiting=self._sequencer.waiting,
            needed=lambda: map(self._tp_of_key.get, self._sequencer.laggards()),
        )
