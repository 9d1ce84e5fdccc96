"""Faust's producer on the embedded broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from faust.transport.producer import Producer as BaseProducer
from faust.types import TP, RecordMetadata
from mode.utils.times import want_seconds

from streams.transport.broker import EmbeddedBroker, broker_at
from streams.transport.log import Headers, TopicSpec


class Producer(BaseProducer):
    """Appends to the broker's log."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._broker: EmbeddedBroker = broker_at(str(self.transport.url[0]))

    async def send(  # noqa: PLR0917  # the signature is upstream's
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,  # noqa: ARG002
    ) -> asyncio.Future[RecordMetadata]:
        """Append a record; the future gives its place when it is durable."""
        written = self._broker.produce(
            topic,
            key,
            value,
            partition=partition,
            headers=_pairs(headers),
            timestamp_ms=None if timestamp is None else round(timestamp * 1000),
        )
        sent: asyncio.Future[RecordMetadata] = written.get_loop().create_future()
        if written.done():
            sent.set_result(_metadata(topic, *written.result()))
        else:
            written.add_done_callback(lambda done: pass_on(topic, done, sent))
        return sent

    async def send_and_wait(self, *args: Any, **kwargs: Any) -> RecordMetadata:
        """Append a record and wait until it is durable."""
        return await (await self.send(*args, **kwargs))

    async def flush(self) -> None:
        """Wait until everything sent is durable."""
        await self.buffer.flush()
        self._broker.flush()

    async def create_topic(self, topic: str, partitions: int, replication: int, **how: Any) -> None:
        """Create a topic if it is missing."""
        create_topic(self._broker, topic, partitions, replication, **how)

    def key_partition(self, topic: str, key: bytes) -> TP:
        """The partition of a key."""
        return TP(topic, self._broker.partition_for(topic, key))

    def supports_headers(self) -> bool:
        """Records carry headers."""
        return True


def create_topic(
    broker: EmbeddedBroker, topic: str, partitions: int, replication: int, **how: Any
) -> None:
    """Create a topic as Faust asks for it, if it is missing."""
    del replication  # one process, one copy
    if broker.partitions_for_topic(topic) is not None:
        return
    retention = how.get("retention")
    broker.create_topics(
        [
            TopicSpec(
                topic,
                partitions,
                retention_ms=int(want_seconds(retention) * 1000) if retention else None,
                compacted=bool(how.get("compacting")),
            )
        ]
    )


def _pairs(headers: Any) -> Headers:
    if not headers:
        return ()
    return tuple(headers.items() if isinstance(headers, Mapping) else headers)


def _metadata(topic: str, partition: int, offset: int) -> RecordMetadata:
    return RecordMetadata(topic, partition, TP(topic, partition), offset)


def pass_on(
    topic: str, done: asyncio.Future[tuple[int, int]], sent: asyncio.Future[RecordMetadata]
) -> None:
    """Tell of a record's place as Faust's tables want to hear of it."""
    if sent.done():
        return
    if done.cancelled():
        sent.cancel()
        return
    error = done.exception()
    if error is None:
        sent.set_result(_metadata(topic, *done.result()))
    else:
        sent.set_exception(error)
