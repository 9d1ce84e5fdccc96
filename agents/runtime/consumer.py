"""A Faust consumer that starts where the tables say and commits what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import structlog
from faust.types import TP, ConsumerMessage
from mode import ServiceT

from schemas.errors import BrokerError

if TYPE_CHECKING:
    from agents.runtime.fence import FencedApp

log = structlog.get_logger()

_POLL_S = 0.1
"""Longest that a fetch takes no notice of a partition that was resumed meanwhile."""
_WAITING_MOST = 16
"""Batches that wait for an agent before nothing more is fetched (back-pressure)."""


class _Forgetful(dict[Any, Any]):
    """Upstream drops what lies below the highest offset it ever delivered; this keeps none."""

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        return None


class FencedConsumer:
    """Mixin for a Faust consumer: start where the tables say, commit what they hold."""

    app: FencedApp

    # Of the driver's class that this is mixed into.
    assignment: Any
    earliest_offsets: Any
    highwaters: Any
    seek_wait: Any
    callback: Any
    can_resume_flow: Any
    flow_active: bool
    should_stop: bool
    sleep: Any
    wait: Any
    _commit: Any
    _get_active_partitions: Any
    _getmany: Any
    _is_changelog_tp: Any
    _to_message: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _Forgetful()

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Hand out messages until told to stop.

        Upstream takes a cancellation amid a rebalance for a crash, wakes a supervisor that is not
        there, and reads nothing any more; a fetcher that is stopped has simply come to its end.
        """
        try:
            await self._drain(fetcher)
        except asyncio.CancelledError:
            if not (self.should_stop or fetcher.should_stop):
                raise

    async def _drain(self, fetcher: ServiceT) -> None:
        """Hand out what was fetched: input as one message per topic, changelogs one by one.

        Upstream makes two tasks and a wait for every record, stops reading for up to a second when
        an agent has fallen behind, and drops what a partition gave that was paused meanwhile.
        """
        while not (self.should_stop or fetcher.should_stop):
            if not self.flow_active:
                await self.wait(self.can_resume_flow)
                continue
            await self.app.fence.room(_WAITING_MOST)
            active = self._get_active_partitions()
            if not active:
                await self.sleep(_POLL_S)
                continue
            fetched = await self._fetched(set(active))
            await self._hand_out(fetched)
            await asyncio.sleep(0)

    async def _fetched(self, active: set[Any]) -> Any:
        """What comes next; nothing where a rebalance cut the fetch short.

        That cancels the fetch in the consumer's thread, not this task. Upstream takes it for the
        end of its fetcher, fails to start another, and keeps the partitions without reading them.
        """
        try:
            return await self._getmany(active, _POLL_S)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return {}

    async def _hand_out(self, fetched: Mapping[Any, Sequence[Any]]) -> None:
        inputs: dict[str, list[list[ConsumerMessage]]] = {}
        for at, records in fetched.items():
            tp = TP(at.topic, at.partition)
            messages = [self._to_message(tp, record) for record in records]
            if self._is_changelog_tp(tp):
                for message in messages:
                    if self.flow_active:
                        await self.callback(message)
            else:
                inputs.setdefault(tp.topic, []).append(messages)
        for partitions in inputs.values():
            # Feeds send first what decisions wait for, whatever partition it is in. Merged, not
            # sorted: within a partition offsets count, and times may step back.
            batch = list(merge(*partitions, key=attrgetter("timestamp")))
            if batch and self.flow_active:
                await self.callback(_batch(batch))

    async def perform_seek(self) -> None:
        """Seek the input to what the tables need, not to the committed offsets."""
        fence, assignment = self.app.fence, self.assignment()
        mine = [tp for tp in fence.starts() if tp in assignment]
        if mine:
            fence.begin_at(await self.earliest_offsets(*mine))
            await self._read_up_to(await self.highwaters(*mine))
        starts = fence.starts().items()
        await self.seek_wait({tp: at for tp, at in starts if at is not None and tp in assignment})

    async def _read_up_to(self, ends: Mapping[Any, int]) -> None:
        try:
            self.app.fence.read_up_to(ends)
        except BrokerError as error:
            log.error("role.failed", error=str(error))
            await self.app.crash(error)
            raise

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Keep the input shut while a rebalance lasts; changelogs may pass.

        Upstream opens the input first, seeks then, and empties the agents' queues last: what
        arrived in between is lost. :meth:`release` opens it when all that is over.
        """
        if self.app.rebalancing:
            tps = {tp for tp in tps if self._is_changelog_tp(tp)}
        parent: Any = super()
        # The driver's own type compares equal to TP, but Faust asserts on the type.
        parent.resume_partitions({TP(tp.topic, tp.partition) for tp in tps})

    def release(self) -> None:
        """Let the input flow."""
        self.resume_partitions({tp for tp in self.assignment() if not self._is_changelog_tp(tp)})

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the low water, for lag monitors and for where the tables know nothing."""
        del topics, start_new_transaction
        offsets = self.app.fence.low_waters()
        if not offsets:
            return False
        self.app.failpoints.passed("commit.before")
        committed = bool(await self._commit(offsets))
        self.app.failpoints.passed("commit.done")
        return committed


def _batch(messages: list[ConsumerMessage]) -> ConsumerMessage:
    """Messages of one topic as one, whose value they are."""
    first = messages[0]
    value: Any = messages
    return ConsumerMessage(
        first.topic,
        first.partition,
        first.offset,
        first.timestamp,
        first.timestamp_type,
        [],
        None,
        value,
        None,
        tp=first.tp,
        generation_id=first.generation_id,
    )
