"""The log interface over the embedded broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count, cycle
from typing import Any

from streams.transport.broker import EmbeddedBroker, broker_at
from streams.transport.group import Group, Member
from streams.transport.log import (
    Headers,
    Log,
    Record,
    Subscription,
    TopicPartition,
    TopicSpec,
)
from streams.transport.reader import Reader

_ids = count(1)


class EmbeddedLog:
    """A connection to an embedded broker of this process."""

    def __init__(self, url: str) -> None:
        self._broker = broker_at(url)
        self._subscriptions: list[EmbeddedSubscription] = []

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """See :class:`Log`."""
        self._broker.create_topics(topics)

    async def delete_topics(self, names: Sequence[str]) -> None:
        """See :class:`Log`."""
        self._broker.delete_topics(names)

    async def partition_counts(self) -> dict[str, int]:
        """See :class:`Log`."""
        return self._broker.partition_counts()

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
        """See :class:`Log`."""
        return self._broker.produce(
            topic, key, value, partition=partition, headers=headers, timestamp_ms=timestamp_ms
        )

    async def flush(self) -> None:
        """See :class:`Log`."""
        self._broker.flush()

    async def read(
        self,
        topic: str,
        partition: int,
        from_offset: int,
        *,
        max_records: int = 500,
        wait_ms: int = 0,
    ) -> list[Record]:
        """See :class:`Log`."""
        at = TopicPartition(topic, partition)
        found = self._broker.log_of(at).read(from_offset, max_records)
        if found or not wait_ms:
            return found
        reader = self._broker.reader()
        reader.assign({at: from_offset})
        try:
            await reader.fetch(reader.assignment, max_records=1, wait_s=wait_ms / 1000)
        finally:
            reader.close()
        # Not what the reader found: it goes on elsewhere where retention was quicker.
        return self._broker.log_of(at).read(from_offset, max_records)

    async def begin_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """See :class:`Log`."""
        return {at: self._broker.log_of(at).begin for at in partitions}

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """See :class:`Log`."""
        return {at: self._broker.log_of(at).end for at in partitions}

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """See :class:`Log`."""
        self._broker.commit(group, offsets)

    async def committed(
        self, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | None]:
        """See :class:`Log`."""
        return {at: self._broker.committed(group, at) for at in partitions}

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """See :class:`Log`."""
        subscription = EmbeddedSubscription(self._broker, group, topics)
        self._subscriptions.append(subscription)
        return subscription

    async def close(self) -> None:
        """See :class:`Log`; the broker stays, for others of this process."""
        for subscription in self._subscriptions:
            await subscription.close()
        self._broker.flush()


class EmbeddedSubscription:
    """One member of a group, with a task that keeps the membership while nobody polls."""

    def __init__(self, broker: EmbeddedBroker, group: str, topics: Sequence[str]) -> None:
        self._broker = broker
        self._group: Group = broker.group(group)
        self._member = Member(f"log-{next(_ids):06}", frozenset(topics))
        self._reader: Reader = broker.reader(self._group)
        self._membership = asyncio.ensure_future(self._keep())

    def assignment(self) -> frozenset[TopicPartition]:
        """See :class:`Subscription`."""
        return self._reader.assignment()

    async def poll(self, *, max_records: int = 500, wait_ms: int = 1000) -> list[Record]:
        """See :class:`Subscription`."""
        batches = await self._reader.fetch(
            self._reader.assignment, max_records=max_records, wait_s=wait_ms / 1000
        )
        return [record for batch in batches.values() for record in batch]

    async def commit(self) -> None:
        """See :class:`Subscription`."""
        if self._group.owns(self._member):
            mine = self._reader.assignment()
            self._broker.commit(self._group.name, {at: self._reader.position(at) for at in mine})

    async def close(self) -> None:
        """See :class:`Subscription`."""
        self._membership.cancel()
        self._group.leave(self._member)
        self._reader.close()

    async def _keep(self) -> None:
        while True:
            self._reader.assign({})
            share = await self._group.join(self._member, self._member.topics, self._assign)
            self._reader.assign({at: self._start(at) for at in share})
            await self._member.must_rejoin.wait()

    def _start(self, at: TopicPartition) -> int:
        committed = self._broker.committed(self._group.name, at)
        return self._broker.log_of(at).begin if committed is None else committed

    def _assign(self, topics_of: Mapping[str, Any]) -> dict[str, list[TopicPartition]]:
        shares: dict[str, list[TopicPartition]] = {member: [] for member in topics_of}
        for topic in sorted(frozenset().union(*topics_of.values())):
            takers = cycle([member for member in topics_of if topic in topics_of[member]])
            for partition in sorted(self._broker.partitions_for_topic(topic) or ()):
                shares[next(takers)].append(TopicPartition(topic, partition))
        return shares


_conforms: type[Log] = EmbeddedLog
