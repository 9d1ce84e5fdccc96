"""The fence: Faust with state that a kill -9 cannot make skip or double anything.

Three thoughts (measured and explained in ADR 0002):

* A cursor knows the next offset of each input partition. What lies before it is old; what lies
  beyond it is a hole, and the worker seeks back (``cursor.py``).
* A table value holds a state and the offset that it has seen. It is written every so often, and
  only when the broker has acknowledged every output sent before it was taken (``snapshots.py``).
* After a recovery the input starts where the tables say, and no input reaches an agent before
  Faust has done with clearing its queues. Commits carry the low water, the oldest offset that a
  restart would need; the tables decide, not the commits (``consumer.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import faust
import structlog
from aiokafka.errors import IllegalStateError, KafkaError
from faust.types import TP, Message

from agents.runtime.cursor import Admission, Cursor
from agents.runtime.failpoints import Failpoints
from agents.runtime.snapshots import Outputs
from schemas.clock import monotonic_ns
from schemas.errors import BrokerError, PrismError

log = structlog.get_logger()

_LOOK_S = 0.1
"""A rebalance empties the agents' queues without a sign."""
_TURN_NS = 5_000_000
"""Longest that a batch keeps others from their turn: what it gives waits for the producer's."""


Partitions = Mapping[str, frozenset[int]]
"""Partition numbers by full topic name."""


class Stage(ABC):
    """What a role does with its input, and which offsets its states need after a restart."""

    sources: tuple[str, ...]
    """Full names of the topics it reads."""
    read_first: tuple[str, ...] = ()
    """Those that must be read up to their present end before anything is decided."""

    @abstractmethod
    def load(self, owned: Partitions, kept: Partitions) -> None:
        """Tables are recovered: take over what is ``owned``, forget what was taken away.

        What is ``kept`` was live before and goes on as it is; the rest comes from the tables.
        """

    @abstractmethod
    def start_offset(self, tp: TP) -> int | None:
        """Where to read a partition from; ``None``: from the log's beginning."""

    @abstractmethod
    def low_water(self, tp: TP, next_offset: int) -> int:
        """The oldest offset that a restart would need."""

    @abstractmethod
    async def take(self, message: Message) -> None:
        """Apply one input that is next in its partition."""

    async def flush(self) -> None:  # noqa: B027 - most keep nothing back
        """A batch of inputs is taken: send what was kept back meanwhile."""

    def pending(self) -> int:
        """Inputs that are read but not yet part of the state."""
        return 0

    def caught_up(self, topic: str) -> None:
        """A topic of ``read_first`` was read up to the end that it had at the start."""
        del topic


class Fence:
    """Owns the cursors of every input partition of an app and feeds its stages."""

    def __init__(self, app: FencedApp, *stages: Stage) -> None:
        self.rewinds = 0
        self.loads = 0
        self.taken = 0
        self._app = app
        self._stage_of = {topic: stage for stage in stages for topic in stage.sources}
        self._turn_of = {stage: asyncio.Lock() for stage in stages}
        self._stages = stages
        self._read_first = {topic for stage in stages for topic in stage.read_first}
        self._cursors: dict[TP, Cursor] = {}
        self._live: frozenset[TP] = frozenset()
        self._ends: dict[TP, int] = {}
        self._taken_one = asyncio.Event()
        self._cut_short = False
        app.fence = self
        loaded: Any = self._load
        app.on_rebalance_complete.connect(loaded, weak=False)

    async def _load(self, app: faust.App, **_: Any) -> None:
        """Take over the partitions assigned.

        Upstream sends this signal also for a recovery that a further rebalance has cut short, with
        tables half read and the new assignment. What is loaded then must be loaded again: only what
        went live before is kept.
        """
        owned = frozenset(tp for tp in app.consumer.assignment() if tp.topic in self._stage_of)
        kept = frozenset() if self._cut_short else owned & self._live
        self._cut_short = False
        self._live = kept
        try:
            for stage in self._stages:
                stage.load(_by_topic(owned, self._stage_of), _by_topic(kept, self._stage_of))
        except Exception as error:
            # Upstream would end the role without a word to who watches it.
            tell = log.error if isinstance(error, PrismError) else log.exception
            tell("role.failed", error=str(error))
            await self._app.crash(error)
            raise
        fresh = {tp: Cursor(self._stage_of[tp.topic].start_offset(tp)) for tp in owned - kept}
        self._cursors = {tp: self._cursors[tp] for tp in kept} | fresh
        for cursor in self._cursors.values():
            cursor.hole_at = None
        self.loads += 1
        log.info("fence.loaded", app=app.conf.id, partitions=len(owned))

    def go_live(self) -> None:
        """The recovery really was complete: what was loaded may be kept over rebalances."""
        self._live = frozenset(self._cursors)

    def sources(self) -> list[str]:
        """Full names of every input topic."""
        return list(self._stage_of)

    def starts(self) -> dict[TP, int | None]:
        """The next offset of each partition; ``None``: the log's first."""
        return {tp: cursor.next_offset for tp, cursor in self._cursors.items()}

    def begin_at(self, offsets: Mapping[TP, int]) -> None:
        """The first offsets in the log: for what the tables know nothing of, or need no more of.

        What retention has removed must not be waited for: nothing comes of it any more.
        """
        for tp, offset in offsets.items():
            cursor = self._cursors.get(tp)
            at = None if cursor is None else cursor.next_offset
            if cursor is None or (at is not None and at >= offset):
                continue
            if at is not None:
                log.warning(
                    "fence.overtaken", partition=f"{tp.topic}[{tp.partition}]", removed=offset - at,
                    action="retention has removed what this role has not read: it goes on without; "
                    "give the topic a longer retention, or the role more time",
                )  # fmt: skip
            cursor.next_offset, cursor.hole_at = offset, None

    def read_up_to(self, ends: Mapping[TP, int]) -> None:
        """The present ends: some topics are to be read up to there before anything is decided.

        Raises :class:`BrokerError` where a state has seen more than there is: what is written from
        here on would be taken for what it has seen, and passed over in silence.
        """
        self._check(ends)
        self._ends = {
            tp: end
            for tp, end in ends.items()
            if tp.topic in self._read_first and end > (self.next_offset(tp) or 0)
        }
        for topic in sorted(self._read_first):
            self._note_caught_up(topic)

    def _check(self, ends: Mapping[TP, int]) -> None:
        for tp, end in ends.items():
            seen = self.next_offset(tp) or 0
            if seen > end:
                raise BrokerError(
                    f"{tp.topic}[{tp.partition}] ends at offset {end}, but {self._app.conf.id} has "
                    f"seen it up to {seen}: it was made anew, or has lost its end. Delete the "
                    f"topics {self._app.conf.id}-*-changelog as well, and with them the role's "
                    "state, or use another topic_prefix"
                )

    def low_waters(self) -> dict[TP, int]:
        """What may be committed."""
        return {
            tp: self._stage_of[tp.topic].low_water(tp, cursor.next_offset)
            for tp, cursor in self._cursors.items()
            if cursor.next_offset is not None
        }

    def partitions(self) -> list[Any]:
        """Every input partition that is owned."""
        return list(self._cursors)

    def lag(self) -> int:
        """Inputs in the log, as far as the broker has told, that are not part of the state yet."""
        return self.behind({tp: self._app.consumer.highwater(tp) or 0 for tp in self._cursors})

    def behind(self, ends: Mapping[Any, int]) -> int:
        """Inputs before ``ends`` that are not part of the state yet."""
        behind = sum(stage.pending() for stage in self._stages)  # ints
        for tp, end in ends.items():
            cursor = self._cursors.get(tp)
            at = None if cursor is None else cursor.next_offset
            behind += max(0, end - (at or 0))
        return behind

    def next_offset(self, tp: TP) -> int | None:
        """The offset that must come next, ``None`` where the partition is not owned."""
        cursor = self._cursors.get(tp)
        return None if cursor is None else cursor.next_offset

    async def room(self, most: int) -> None:
        """Wait until fewer than ``most`` batches wait for an agent."""
        while any(
            topic.queue.qsize() >= most
            for topic in self._app.topics
            if topic.get_topic_name() in self._stage_of
        ):
            self._taken_one.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._taken_one.wait()

    async def take_or_stop(self, batch: Sequence[Message]) -> None:
        """Apply inputs of one partition; a fault ends the role: upstream would skip them."""
        self._taken_one.set()
        # A stage with several topics has an agent for each: while one waits for the producer,
        # another must not decide what comes after.
        stage = self._stage_of[batch[0].topic]
        async with self._turn_of[stage]:
            try:
                await self._take_all(batch, stage)
            except asyncio.CancelledError:
                # A state may be ahead of what it has sent: nothing builds on it any more.
                self._cut_short = True
                raise

    async def _take_all(self, batch: Sequence[Message], stage: Stage) -> None:
        began_ns = monotonic_ns()
        for message in batch:
            if monotonic_ns() - began_ns > _TURN_NS:
                await stage.flush()
                await asyncio.sleep(0)
                began_ns = monotonic_ns()
            if self._app.failed.is_set() or self._cut_short:
                return  # a state that a fault left half changed must never be written
            try:
                await self.take(message)
            except Exception as error:
                log.exception("role.failed", at=f"{message.tp}@{message.offset}")
                await self._app.crash(error)
                raise
        await stage.flush()

    async def take(self, message: Message) -> None:
        """Apply one input, unless it is old, belongs to another worker or lies beyond a hole."""
        tp, offset = message.tp, message.offset
        cursor = self._cursors.get(tp)
        if cursor is None:
            return
        expected, went_over_old = cursor.next_offset, cursor.goes_over_old
        match cursor.admit(offset):
            case Admission.TAKE:
                self.taken += 1
                await self._stage_of[tp.topic].take(message)
                self._reached(tp, offset + 1)
            case Admission.REWIND:
                await self._lift(tp, offset)
                expected = self.next_offset(tp)
                if expected == offset:
                    await self.take(message)
                elif expected is not None:
                    self.rewinds += 1
                    log.warning("fence.rewind", partition=str(tp), expected=expected, got=offset)
                    await self._rewind(tp, expected)
            case Admission.IGNORE:
                if cursor.goes_over_old and not went_over_old:
                    await self._look_at_end(tp)

    async def _look_at_end(self, tp: TP) -> None:
        """Old offsets come: again, or because the log has lost its end and grows anew from there.

        A client whose place is beyond the end goes back to the beginning by itself.
        """
        consumer: Any = self._app.consumer
        try:
            ends = await consumer.highwaters(tp)
        except KafkaError as error:
            log.info("fence.end_unknown", partition=str(tp), error=str(error))
        else:
            self._check(ends)

    async def _lift(self, tp: TP, offset: int) -> None:
        """Expect nothing before ``offset`` that retention has removed.

        Sought again it would never come, while retention moves on in front of a slow reader.
        """
        consumer: Any = self._app.consumer
        try:
            begins = await consumer.earliest_offsets(tp)
            self.begin_at({tp: min(begin, offset) for tp, begin in begins.items()})
        except KafkaError as error:
            log.info("fence.begin_unknown", partition=str(tp), error=str(error))

    def _reached(self, tp: TP, next_offset: int) -> None:
        end = self._ends.get(tp)
        if end is not None and next_offset >= end:
            del self._ends[tp]
            self._note_caught_up(tp.topic)

    def _note_caught_up(self, topic: str) -> None:
        if topic in self._read_first and not any(tp.topic == topic for tp in self._ends):
            self._stage_of[topic].caught_up(topic)

    async def read_again(self, tp: TP, offset: int) -> None:
        """Go back in a partition, for a stage that could not keep what it was given.

        A rebalance meanwhile may have taken the partition, or begun it anew from further back.
        """
        at = self.next_offset(tp)
        if at is not None and offset < at:
            self._cursors[tp] = Cursor(offset)
            await self._rewind(tp, offset)

    async def _rewind(self, tp: TP, offset: int | None) -> None:
        try:
            consumer: Any = self._app.consumer
            await consumer.seek_wait({tp: offset})
        except IllegalStateError:
            # A rebalance has taken the partition; its end seeks, or another worker does.
            log.info("fence.rewind_overtaken", partition=str(tp))


class FencedApp(faust.App):
    """An app whose stage sees each input once per state, whatever is killed."""

    fence: Fence
    outputs: Outputs
    failpoints: Failpoints
    make_transport: Callable[[FencedApp], Any]
    patience_s: float = 0.0
    """Where every message is not urgent: how long what comes may be waited for together."""

    @cached_property
    def failed(self) -> asyncio.Event:
        """Set once the app has crashed."""
        return asyncio.Event()

    @cached_property
    def before_end(self) -> list[Callable[[], Awaitable[None]]]:
        """What is to be done while outputs can still be sent."""
        return []

    @cached_property
    def at_end(self) -> list[Callable[[], Awaitable[None]]]:
        """What is to be done when no agent takes inputs any more."""
        return []

    async def on_stop(self) -> None:
        """The app is told to stop."""
        for action in self.before_end:
            await action()
        await super().on_stop()

    async def on_shutdown(self) -> None:
        """Everything has stopped."""
        await super().on_shutdown()
        for action in self.at_end:
            await action()

    async def crash(self, reason: BaseException) -> None:
        """Stop for a reason that nobody here can mend."""
        self.failed.set()
        await super().crash(reason)

    def _new_transport(self) -> Any:
        return self.make_transport(self)

    def _new_producer_transport(self) -> Any:
        return self.make_transport(self)

    async def _producer_flush(self, logger: Any) -> None:
        """Flush what was sent; a producer that has stopped, or not begun, has nothing of ours.

        Upstream raises then, and a role that is told to stop while it starts would fail.
        """
        producer: Any = self._producer
        if producer is not None and producer.buffer.state == "running":
            await super()._producer_flush(logger)

    def _create_directories(self) -> None:
        """Tables are in memory and in the broker: nothing is kept in files."""

    def _on_rebalance_when_stopped(self) -> None:
        """A rebalance amid the stop changes nothing: the consumer leaves the group at its end.

        Upstream closes the client here, and a commit under way then waits for ever to be told who
        coordinates the group.
        """

    def on_rebalance_end(self) -> None:
        """Open the input, which upstream by now would have let into queues and thrown away."""
        super().on_rebalance_end()
        self.fence.go_live()
        consumer: Any = self.consumer
        consumer.release()


def _by_topic(partitions: Iterable[TP], topics: Iterable[str]) -> dict[str, frozenset[int]]:
    return {t: frozenset(tp.partition for tp in partitions if tp.topic == t) for t in topics}
