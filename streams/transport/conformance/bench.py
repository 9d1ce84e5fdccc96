"""What the checks are made of: a bench to work at, and how a violation is told."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from schemas.errors import PrismError
from streams.transport.log import Log, Record, TopicPartition, TopicSpec, open_log

TOPIC_PREFIX = "prism-verify-"


class Violation(PrismError):
    """The broker does not do what the product needs."""


class Bench:
    """What a check works with: connections, and topics that are deleted afterwards."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._logs: list[Log] = []
        self._topics: list[str] = []

    async def log(self) -> Log:
        """A new connection."""
        log = await open_log(self._url)
        self._logs.append(log)
        return log

    def name(self) -> str:
        """A new topic or group name."""
        name = TOPIC_PREFIX + uuid.uuid4().hex[:12]
        self._topics.append(name)
        return name

    async def topic(self, log: Log, partitions: int = 1) -> str:
        """A new topic."""
        name = self.name()
        await log.ensure_topics([TopicSpec(name, partitions)])
        return name

    async def clean(self) -> None:
        """Close the connections and delete the topics."""
        if self._logs:
            await self._logs[0].delete_topics(self._topics)
        for log in self._logs:
            await log.close()


@dataclass(frozen=True)
class Check:
    """One promise: its name, what holds in one line, and the code that tries it."""

    name: str
    statement: str
    run: Callable[[Bench], Awaitable[None]]


def check(run: Callable[[Bench], Awaitable[None]]) -> Check:
    """A check of this function's name; its docstring says what holds."""
    return Check(run.__name__, (run.__doc__ or "").rstrip("."), run)


def expect(given: object, wanted: object, what: str) -> None:
    """Raise :class:`Violation` where the two differ."""
    if given != wanted:
        raise Violation(f"{what}: {_short(given)}, wanted {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


@asynccontextmanager
async def bench_at(url: str) -> AsyncIterator[Bench]:
    """A bench that cleans up after itself."""
    bench = Bench(url)
    try:
        yield bench
    finally:
        await bench.clean()


async def read_from(log: Log, at: TopicPartition, offset: int, count: int) -> list[Record]:
    """Records from an offset on until there are ``count``; fewer when none come for 5 s."""
    found: list[Record] = []
    while len(found) < count:
        more = await log.read(*at, offset, max_records=count - len(found), wait_ms=5000)
        if not more:
            break
        found += more
        offset = more[-1].offset + 1
    return found
