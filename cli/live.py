"""Feed, agents, account and sinks in one process over a broker: what ``prism up`` runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from cli.roles import ledger_of
from cli.run import Run
from cli.show import Show
from cli.stop import Stop
from schemas.clock import monotonic_ns
from schemas.errors import BrokerError, PrismError
from schemas.frame import NS_PER_S
from schemas.settings import Settings
from schemas.topics import (
    ALERTS,
    CONFLUENCE_SCORES,
    DEAD_LETTERS,
    DIMENSION_SCORES,
    FILLS,
    FRAMES,
    MONITOR,
    ORDERS,
    OVERVIEW,
    PORTFOLIO,
    POSITIONS,
    QUALITY,
    SIGNALS,
    TRADE_ALERTS,
    Topic,
)
from streams.publish import FramePublisher
from streams.transport.between import records_between
from streams.transport.log import Log, TopicPartition, changelog_specs, open_log, topic_specs

if TYPE_CHECKING:
    from agents.runtime.roles import Role

WATCHED = (
    FRAMES,
    DIMENSION_SCORES,
    CONFLUENCE_SCORES,
    SIGNALS,
    ORDERS,
    FILLS,
    POSITIONS,
    QUALITY,
    PORTFOLIO,
    MONITOR,
    TRADE_ALERTS,
    OVERVIEW,
    ALERTS,
    DEAD_LETTERS,
)
"""Topics that the sinks and the view read."""

_LOOK_UP_S = 0.05
_STUCK_S = 60
_MOST_BEHIND = 3_000
"""Inputs that a role may be behind before the feed waits for it."""


class Tail:
    """Hands every new record of the watched topics to a run, partition by partition."""

    def __init__(self, log: Log, settings: Settings, run: Run) -> None:
        self._log = log
        self._run = run
        prefix, count = settings.broker.topic_prefix, settings.broker.partitions
        self._at = {
            TopicPartition(prefix + topic.name, number): 0
            for topic in WATCHED
            for number in range(topic.partition_count(count))
        }
        self._topics: dict[str, Topic] = {prefix + topic.name: topic for topic in WATCHED}
        self._decoders = {name: topic.decoder() for name, topic in self._topics.items()}

    async def start_at_the_end(self) -> None:
        """What the topics hold from earlier runs is not of this one."""
        self._at = dict(await self._log.end_offsets(list(self._at)))

    async def read_on(self) -> int:
        """Take what is there; how many records that was."""
        count = 0
        ends = await self._log.end_offsets(list(self._at))
        for at, end in ends.items():
            async for record in records_between(self._log, at, self._at[at], end):
                self._at[at] = record.offset + 1
                body = record.value or b""
                message = self._decoders[at.topic].decode(body)
                self._run.observe(self._topics[at.topic], message, body)
                count += 1
        return count


class Course:
    """How a run stands: whether it is over, and whether its roles keep up. Its time begins now."""

    def __init__(
        self,
        started: Sequence[Role],
        watching: asyncio.Task[None],
        *,
        stop: Stop,
        duration_s: float | None,
    ) -> None:
        self._started = started
        self._watching = watching
        self._stop = stop
        self._end_ns = None
        if duration_s is not None:
            self._end_ns = monotonic_ns() + round(duration_s * NS_PER_S)

    def over(self) -> bool:
        """Whether somebody asked to stop, or its time is up.

        Raises what ended the watching, or a role.
        """
        _check_roles(self._started)
        if self._watching.done():
            self._watching.result()
        return self._stop.requested or (self._end_ns is not None and monotonic_ns() >= self._end_ns)

    async def keep_together(self) -> None:
        """Wait for roles that are far behind what was published, unless the course is over."""
        while not self.over() and self._behind():
            await asyncio.sleep(_LOOK_UP_S)

    def _behind(self) -> bool:
        return any(role.fence.lag() > _MOST_BEHIND for role in self._started)


class Market(Protocol):
    """What a run is about: symbols, and how their messages come into the log."""

    @property
    def title(self) -> str:
        """A few words for people."""

    @property
    def ordered(self) -> bool:
        """Whether its messages come in the order (event time, venue, symbol)."""

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""

    def sources(self) -> list[dict[str, Any]]:
        """The sources for the summary."""

    async def play(self, publisher: FramePublisher, course: Course, run: Run) -> None:
        """Publish until the course is over, or the market has no more."""


async def live(
    settings: Settings,
    market: Market,
    run: Run,
    *,
    show: Show,
    stop: Stop,
    duration_s: float | None,
) -> bool:
    """Play ``market`` through the roles. Whether nobody stopped it before its end."""
    log = await open_log(settings.broker.url)
    await log.ensure_topics(topic_specs(settings.broker))
    tail = Tail(log, settings, run)
    await tail.start_at_the_end()
    started = await _start_roles(settings, log)
    watching = asyncio.create_task(_watch(tail, show))
    try:
        publisher = FramePublisher(log, settings)
        course = Course(started, watching, stop=stop, duration_s=duration_s)
        await market.play(publisher, course, run)
        complete = not stop.requested
        await publisher.finish()
        await _drain(log, started, watching)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        for role in started:
            await role.app.stop()
        await tail.read_on()
        await log.close()
    return complete


async def _start_roles(settings: Settings, log: Log) -> list[Role]:
    from agents.runtime import huge_pages, roles, running

    huge_pages.keep()
    started = [roles.worker(settings), roles.execution(settings, store=ledger_of(settings))]
    if settings.overview.enabled:
        started.append(roles.overview(settings))
    for role in started:
        await log.ensure_topics(changelog_specs(role.changelogs()))
    await running.start_together(started)
    return started


def _check_roles(started: Sequence[Role]) -> None:
    """Raise what ended a role: it takes nothing any more, so there is nothing to wait for."""
    for role in started:
        if role.app.failed.is_set():
            reason: BaseException | None = role.app.crash_reason
            if isinstance(reason, PrismError):
                raise reason
            raise PrismError(f"{role.name} failed: {reason!r}; see the log above") from reason


async def _watch(tail: Tail, show: Show) -> None:
    while True:
        if not await tail.read_on():
            await asyncio.sleep(_LOOK_UP_S)
        show.draw(monotonic_ns())


async def _drain(log: Log, started: Sequence[Role], watching: asyncio.Task[None]) -> None:
    """Wait until the roles have taken all that was published; as long as they get on."""
    behind, since_ns = -1, monotonic_ns()
    while True:
        now_behind = 0
        for role in started:
            now_behind += role.fence.behind(await log.end_offsets(role.fence.partitions()))
        if not now_behind:
            return
        _check_roles(started)
        if watching.done():
            watching.result()
        if now_behind != behind:
            behind, since_ns = now_behind, monotonic_ns()
        elif monotonic_ns() - since_ns > _STUCK_S * NS_PER_S:
            raise BrokerError(f"{behind} inputs are not taken for {_STUCK_S} s; see the log above")
        await asyncio.sleep(_LOOK_UP_S)
