"""Sending to Kafka: librdkafka writes from a thread of its own, as soon as it is given a record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaException, Producer

from schemas.errors import BrokerError
from streams.transport.log import Headers

_LOG = logging.getLogger("librdkafka")
_LOG.setLevel(logging.ERROR)  # what it tries again by itself is no news

DELIVER_WITHIN_S = 120.0
"""How long a record may wait for a broker that is away (Kafka's own delivery.timeout.ms)."""
MAX_RECORD_BYTES = 4 << 20
_LOOK_EVERY_S = 0.002
"""How often it looks for acknowledgements while some are due."""
_RECONNECT_WITHIN_MS = 1_000
_MOST_WAITING = 20_000
_MOST_WAITING_KB = 256 << 10


Place = tuple[int, int]
"""Partition and offset of a record that is acknowledged."""


class KafkaSender:
    """An idempotent producer in an event loop.

    Records of one sender keep the order of their calls in each partition, and no retry doubles one.
    aiokafka's producer has one request under way to a broker, and takes several turns of the event
    loop for each; this one takes none, and up to five are under way (ADR 0026). Each request is
    for a single partition, though: what is given together for many leaves sooner with aiokafka
    (ADR 0027).
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        deliver_within_s: float = DELIVER_WITHIN_S,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(
            {
                "bootstrap.servers": ",".join(servers),
                "enable.idempotence": True,
                "linger.ms": 0,
                "delivery.timeout.ms": round(deliver_within_s * 1_000),
                "message.max.bytes": MAX_RECORD_BYTES,
                "queue.buffering.max.messages": _MOST_WAITING,
                "queue.buffering.max.kbytes": _MOST_WAITING_KB,
                "reconnect.backoff.max.ms": _RECONNECT_WITHIN_MS,
                "socket.nagle.disable": True,
            },
            logger=_LOG,
        )
        self._open: set[asyncio.Future[Place]] = set()
        self._turn = asyncio.Lock()
        self._look_due: asyncio.TimerHandle | None = None

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int,
        headers: Headers = (),
        timestamp_ms: int | None = None,
    ) -> asyncio.Future[Place]:
        """Give a record to be sent; waits while too many are not acknowledged.

        The future gives its place, or :class:`BrokerError` if it was not acknowledged in time.
        Raises :class:`BrokerError` for a record that can never be sent.
        """
        sent: asyncio.Future[Place] = self._loop.create_future()
        more: dict[str, Any] = {} if timestamp_ms is None else {"timestamp": timestamp_ms}
        if headers:
            more["headers"] = list(headers)

        def answered(error: Any, record: Any) -> None:
            self._open.discard(sent)
            if sent.cancelled():
                return
            if error is None:
                sent.set_result((record.partition(), record.offset()))
            else:
                sent.set_exception(BrokerError(f"the broker did not take it: {error.str()}"))

        async with self._turn:  # who comes later must not overtake who waits for room
            while True:
                try:
                    self._producer.produce(
                        topic, value, key, partition, on_delivery=answered, **more
                    )
                    break
                except BufferError:
                    self._producer.poll(0)
                    await asyncio.sleep(_LOOK_EVERY_S)
                except KafkaException as error:
                    reason = error.args[0].str()
                    raise BrokerError(f"{topic}[{partition}]: not sent: {reason}") from error
        self._open.add(sent)
        self._look_soon()
        return sent

    async def flush(self) -> None:
        """Return when all that was sent so far is acknowledged, or has failed."""
        if self._open:
            await asyncio.wait(set(self._open))

    async def close(self, *, within_s: float | None) -> None:
        """Flush and disconnect; :class:`TimeoutError` if it takes longer (``None``: it may)."""
        try:
            async with asyncio.timeout(within_s):
                await self.flush()
        finally:
            if self._look_due is not None:
                self._look_due.cancel()
            for sent in self._open:
                sent.cancel()
            self._open.clear()
            self._producer.purge()
            self._producer.poll(0)

    def _look_soon(self) -> None:
        if self._look_due is None:
            self._look_due = self._loop.call_later(_LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        self._look_due = None
        self._producer.poll(0)
        if self._open:
            self._look_soon()
