"""Small Faust apps for the tests: the same on every broker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust

from streams.transport import faust_driver
from streams.transport.log import Log, TopicPartition, TopicSpec, open_log

PARTITIONS = 4
PATIENCE_S = 30.0


def unique(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}") from None


class Counting:
    """An app that counts the messages of each key in a table, and notes what it has seen."""

    def __init__(
        self, url: str, name: str, topic: str, folder: Path, *, wait_empty: bool = True
    ) -> None:
        faust_driver.register()
        self.app = faust.App(
            name,
            broker=url,
            store="memory://",
            datadir=str(folder / unique("faust")),
            web_enabled=False,
            topic_partitions=PARTITIONS,
            topic_replication_factor=1,
            topic_disable_leader=True,
            table_standby_replicas=0,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=3.0,
            broker_heartbeat_interval=0.3,
            broker_commit_interval=0.2,
            stream_wait_empty=wait_empty,
            stream_recovery_delay=0.0,
        )
        self.source = self.app.topic(topic, key_serializer="raw", value_serializer="raw")
        self.table: Any = self.app.Table("counts", default=int, key_type=bytes, value_type=int)
        self.seen: list[tuple[int, int]] = []
        self.values: list[bytes] = []

    def count(self) -> None:
        """Count each message in the table."""

        async def agent(stream: Any) -> None:
            async for event in stream.events():
                self.table[event.key] += 1
                self.seen.append((event.message.partition, event.message.offset))
                self.values.append(event.value)

        self.app.agent(self.source, name=unique("count"))(agent)

    def take(self, method: str) -> None:
        """Only collect the values, in batches: ``take`` or ``noack_take``."""

        async def agent(stream: Any) -> None:
            async for batch in getattr(stream, method)(50, within=0.05):
                # noack_take gives events, take their values.
                self.values.extend(getattr(item, "value", item) for item in batch)

        self.app.agent(self.source, name=unique(method))(agent)

    def partitions(self) -> set[int]:
        """The input partitions that this worker has."""
        topic = self.source.get_topic_name()
        return {tp.partition for tp in self.app.consumer.assignment() if tp.topic == topic}

    def settled(self) -> bool:
        """Whether this worker has every partition and its recovery is over."""
        return self.partitions() == set(range(PARTITIONS)) and not self.app.rebalancing

    def counts(self) -> dict[bytes, int]:
        """What the table holds now."""
        return dict(self.table.data.items())


@asynccontextmanager
async def running(worker: Counting) -> AsyncIterator[Counting]:
    """Start a worker, and stop it cleanly."""
    await worker.app.start()
    try:
        yield worker
    finally:
        await worker.app.stop()


@asynccontextmanager
async def source(url: str) -> AsyncIterator[tuple[Log, str]]:
    """A connection and a new input topic."""
    log = await open_log(url)
    topic = unique("in")
    await log.ensure_topics([TopicSpec(topic, PARTITIONS)])
    try:
        yield log, topic
    finally:
        await log.close()


async def send(log: Log, topic: str, numbers: range, *, keys: int = 11) -> None:
    """Send numbered messages, spread over so many keys."""
    for n in numbers:
        await log.produce(topic, b"key-%d" % (n % keys), b"%d" % n)
    await log.flush()


async def committed(log: Log, group: str, topic: str) -> None:
    """Wait until a group has committed everything in a topic."""
    partitions = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    ends = {at: end for at, end in (await log.end_offsets(partitions)).items() if end}
    async with asyncio.timeout(PATIENCE_S):
        while await log.committed(group, list(ends)) != ends:
            await asyncio.sleep(0.01)
