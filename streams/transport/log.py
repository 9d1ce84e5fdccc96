"""The log: the few broker operations that everything outside Faust needs.

Publishers, readers, digests, watchdogs and the conformance suite speak to a :class:`Log` and do not
know which broker is behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from aiokafka.partitioner import murmur2

from schemas.errors import BrokerError, TopicMismatch, UsageError
from schemas.settings import BrokerSettings
from schemas.topics import TOPICS

Headers = tuple[tuple[str, bytes], ...]

PRODUCER_COMPRESSION = "producer"
"""The broker keeps a batch as its producer compressed it."""


class TopicPartition(NamedTuple):
    """One partition of a topic. Equal to Faust's ``TP`` of the same two values."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One record as a reader sees it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True)
class TopicSpec:
    """What a topic must be.

    ``retention_ms`` and ``retention_bytes`` (per partition) ``None``: no bound of that kind;
    ``compacted``: only the last record of each key is kept.
    """

    name: str
    partitions: int
    retention_ms: int | None = None
    retention_bytes: int | None = None
    compacted: bool = False
    compression: str = PRODUCER_COMPRESSION


class OffsetOutOfRange(BrokerError):
    """An offset that retention has removed, or that is not written yet."""

    def __init__(self, at: TopicPartition, offset: int, *, begin: int, end: int) -> None:
        super().__init__(
            f"{at.topic}[{at.partition}]: offset {offset} is not between {begin} and {end}; "
            f"read on from {begin if offset < begin else end}"
        )
        self.begin = begin
        self.end = end


class Subscription(Protocol):
    """One member of a consumer group."""

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are this member's now."""

    async def poll(self, *, max_records: int = 500, wait_ms: int = 1000) -> list[Record]:
        """The next records of the assigned partitions; empty when none came in ``wait_ms``."""

    async def commit(self) -> None:
        """Commit what was polled, for the group."""

    async def close(self) -> None:
        """Leave the group; the other members take over."""


class Log(Protocol):
    """Topics of partitions of records in a total order, and offsets committed by group."""

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create what is missing.

        Raises :class:`TopicMismatch` naming both numbers where a partition count differs; then
        nothing is created.
        """

    async def delete_topics(self, names: Sequence[str]) -> None:
        """Delete topics with all their records; missing ones are passed over."""

    async def partition_counts(self) -> dict[str, int]:
        """Every topic with its number of partitions."""

    async def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers = (),
        timestamp_ms: int | None = None,
    ) -> asyncio.Future[tuple[int, int]]:
        """Send one record; the future gives (partition, offset) when it is durable.

        Records of one producer keep the order of their calls in each partition, and a retry doubles
        none. Without ``partition`` it is :func:`partition_of` the key. Key or value must be given.
        Raises :class:`TopicMismatch` for an unknown topic.
        """

    async def flush(self) -> None:
        """Wait until everything sent is durable."""

    async def read(
        self,
        topic: str,
        partition: int,
        from_offset: int,
        *,
        max_records: int = 500,
        wait_ms: int = 0,
    ) -> list[Record]:
        """Records from an offset on; where there is none yet, wait for one up to ``wait_ms``.

        Raises :class:`OffsetOutOfRange` and :class:`TopicMismatch`.
        """

    async def begin_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The first offset of each partition that can still be read."""

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next record of each partition will get."""

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit the next offset to read, for a group without active members."""

    async def committed(
        self, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | None]:
        """What a group has committed; ``None`` where nothing."""

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """Join a consumer group; without committed offsets it starts at the beginning."""

    async def close(self) -> None:
        """Flush and let go of the broker."""


@lru_cache(maxsize=8192)
def partition_of(key: bytes, count: int) -> int:
    """The partition of a key: Kafka's murmur2, so that every broker puts a key in the same one.

    >>> partition_of(b"binance:BTC/USDT", 8)
    7
    """
    return int(murmur2(key) & 0x7FFFFFFF) % count


def topic_specs(settings: BrokerSettings) -> tuple[TopicSpec, ...]:
    """Every topic that is always there, as these settings want it."""
    return tuple(
        TopicSpec(
            settings.topic_prefix + topic.name,
            topic.partition_count(settings.partitions),
            retention_ms=topic.retention_ms,
            compression=topic.compression,
        )
        for topic in TOPICS
        if not topic.optional
    )


def changelog_specs(partitions: Mapping[str, int]) -> tuple[TopicSpec, ...]:
    """The topics that hold table values: of each key the last one, for ever."""
    return tuple(TopicSpec(name, count, compacted=True) for name, count in partitions.items())


def unknown_topic(topic: str, partition: int | None = None) -> TopicMismatch:
    """The error for a topic or partition that is not there."""
    where = topic if partition is None else f"{topic}[{partition}]"
    return TopicMismatch(f"topic {where} does not exist; create it first, or check topic_prefix")


def nothing_to_send(topic: str) -> BrokerError:
    """The error for a record that is nothing at all."""
    return BrokerError(f"a record for {topic} has neither key nor value; give one of them")


def mismatch(name: str, *, has: int, wanted: int) -> TopicMismatch:
    """The error for a topic whose partition count is not the one wanted."""
    return TopicMismatch(
        f"topic {name} has {has} partitions, the settings want {wanted}; set broker.partitions "
        "to what it has, or use another topic_prefix"
    )


async def open_log(url: str) -> Log:
    """A connection to the broker at ``embedded://[name]``, ``embedded:///path`` or ``kafka://h:p,h:p``.

    Raises :class:`BrokerUnreachable` when nobody answers within some 5 s.
    """
    scheme = url.partition(":")[0]
    if scheme == "embedded":
        from streams.transport.embedded_log import EmbeddedLog

        return EmbeddedLog(url)
    if scheme == "kafka":
        from streams.transport.kafka_log import KafkaLog

        return await KafkaLog.connect(url)
    raise UsageError(f"broker {url!r}: write embedded://, embedded:///path or kafka://host:port")
