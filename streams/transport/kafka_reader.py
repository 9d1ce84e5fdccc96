"""Reading from Kafka: one partition from anywhere, or a share of a group's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Self

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from schemas.errors import BrokerError
from streams.transport.log import OffsetOutOfRange, Record, TopicPartition

DATA_WITHIN_MS = 20_000
_NOT_OURS_NOW = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Kafka's errors as ours."""
    try:
        yield
    except (KafkaError, OSError) as error:
        raise BrokerError(f"the broker refused or failed: {error!r}") from error


class PartitionReader:
    """One consumer on one partition; sequential reads use what it has fetched ahead.

    The consumer must have ``auto_offset_reset="none"``: any other goes on elsewhere, without a
    word, where retention has overtaken the position or the topic was made anew.
    """

    def __init__(self, consumer: Any, at: TopicPartition) -> None:
        self._consumer = consumer
        self._at = KafkaPartition(*at)
        self._next = -1

    @classmethod
    async def open(cls, consumer: Any, at: TopicPartition) -> Self:
        try:
            await consumer.start()
        except BaseException:  # who no longer wants to wait leaves no connection behind
            await consumer.stop()
            raise
        reader = cls(consumer, at)
        consumer.assign([reader._at])
        return reader

    async def read(self, offset: int, *, max_records: int, wait_ms: int) -> list[Record]:
        end = (await self._consumer.end_offsets([self._at]))[self._at]
        if offset != self._next or offset > end:
            begin = (await self._consumer.beginning_offsets([self._at]))[self._at]
            if not begin <= offset <= end:
                raise OffsetOutOfRange(TopicPartition(*self._at), offset, begin=begin, end=end)
            self._consumer.seek(self._at, offset)
        self._next = offset
        # What is there is given even without waiting; it only has to travel.
        wait_ms = max(wait_ms, DATA_WITHIN_MS) if offset < end else wait_ms
        try:
            found = await self._consumer.getmany(
                self._at, timeout_ms=wait_ms, max_records=max_records
            )
        except OffsetOutOfRangeError as error:
            self._next = -1
            begin = (await self._consumer.beginning_offsets([self._at]))[self._at]
            end = (await self._consumer.end_offsets([self._at]))[self._at]
            at = TopicPartition(*self._at)
            raise OffsetOutOfRange(at, offset, begin=begin, end=end) from error
        records = [record_of(record) for record in found.get(self._at, ())]
        if records:
            self._next = records[-1].offset + 1
        return records

    async def close(self) -> None:
        await self._consumer.stop()


class KafkaSubscription:
    """One member of a consumer group."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def assignment(self) -> frozenset[TopicPartition]:
        """See :class:`Subscription`."""
        return frozenset(TopicPartition(*at) for at in self._consumer.assignment())

    async def poll(self, *, max_records: int = 500, wait_ms: int = 1000) -> list[Record]:
        """See :class:`Subscription`."""
        with told():
            found = await self._consumer.getmany(timeout_ms=wait_ms, max_records=max_records)
        return [record_of(record) for batch in found.values() for record in batch]

    async def commit(self) -> None:
        """See :class:`Subscription`."""
        # What another member has taken over by now is delivered to that one again.
        with told(), contextlib.suppress(*_NOT_OURS_NOW):
            await self._consumer.commit()

    async def close(self) -> None:
        """See :class:`Subscription`."""
        await self._consumer.stop()


def record_of(record: Any) -> Record:
    """Kafka's record as ours."""
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )
