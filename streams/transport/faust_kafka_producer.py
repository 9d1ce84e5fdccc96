"""Faust's producer on Kafka, without aiokafka's turns of the event loop for each request."""

from __future__ import annotations

import asyncio
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import RecordMetadata

from streams.transport.faust_producer import pass_on
from streams.transport.kafka_sender import KafkaSender


class Producer(driver.Producer):
    """Upstream's for topics and their partitions; records leave by way of librdkafka."""

    _sender: KafkaSender | None = None

    async def on_start(self) -> None:
        """Connect."""
        await super().on_start()
        transport: Any = self.transport
        servers = driver.server_list(transport.url, transport.default_port)
        within_s = float(self.request_timeout)
        self._sender = KafkaSender(servers, deliver_within_s=within_s)

    async def send(  # noqa: PLR0917 - the signature is upstream's
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
        """Send a record; gives the future of its acknowledgement."""
        assert self._sender is not None, "started"
        if partition is None:
            partition = self.key_partition(topic, key or b"").partition
        done = await self._sender.send(
            topic,
            key,
            value,
            partition=partition,
            headers=headers or (),
            timestamp_ms=None if timestamp is None else int(timestamp * 1_000.0),
        )
        sent: asyncio.Future[RecordMetadata] = done.get_loop().create_future()
        done.add_done_callback(lambda done: pass_on(topic, done, sent))
        return sent

    async def flush(self) -> None:
        """Wait for what was sent so far."""
        await self.buffer.flush()
        if self._sender is not None:
            await self._sender.flush()

    async def on_stop(self) -> None:
        """Disconnect when the last records are acknowledged."""
        if self._sender is not None:
            await self._sender.close(within_s=None)
        await super().on_stop()
