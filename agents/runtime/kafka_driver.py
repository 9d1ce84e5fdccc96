"""Faust's Kafka driver, made quick: what was measured is in ADR 0004, 0018 and 0026."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from faust.transport.drivers import aiokafka as driver
from mode import Service
from mode.utils.futures import maybe_async
from mode.utils.imports import symbol_by_name

from agents.runtime.patience import Patience
from schemas.clock import monotonic_ns

_FETCH_WAIT_MS = 100
"""How long the broker holds a fetch that finds nothing; a seek waits for the one under way."""
_PATIENT_WAIT_MS = 50
"""How long it holds a fetch that waits for more than one message."""


class SameLoopConsumer(driver.AIOKafkaConsumerThread):
    """Upstream's consumer without its thread: it runs in the app's own event loop.

    The thread and the agents share one interpreter. While an agent works, the thread waits for its
    turn at each of the several steps of a fetch, up to 5 ms every time (``sys.getswitchinterval``).
    A fetch that finds nothing returns soon, where upstream fixes its wait at 1.5 s.
    """

    wait_for_shutdown = False  # of a thread

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(consumer, thread_loop=loop, **{**kwargs, "loop": loop})
        app: Any = self.app
        window_s = app.patience_s
        self._patience = Patience(window_s) if window_s else None

    async def start(self) -> None:
        """Start as any service does."""
        await self._default_start()
        await self.on_thread_started()

    async def stop(self) -> None:
        """Stop as any service does."""
        await Service.stop(self)

    async def on_stop(self) -> None:
        """Close the client."""
        await self.on_thread_stop()

    _stop_children = Service._default_stop_children  # noqa: SLF001 - upstream leaves
    _stop_futures = Service._default_stop_futures  # noqa: SLF001 - these to its
    _stop_exit_stacks = Service._default_stop_exit_stacks  # noqa: SLF001 - thread

    async def call_thread(
        self, fun: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
    ) -> Any:
        """Call at once: there is no other thread."""
        return await maybe_async(fun(*args, **kwargs))

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:
        consumer: Any = super()._create_consumer(loop)
        wait_ms = _FETCH_WAIT_MS if self._patience is None else _PATIENT_WAIT_MS
        consumer._fetch_max_wait_ms = wait_ms  # noqa: SLF001 - there is no setting for it
        return consumer

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Any:
        fetched = await super()._fetch_records(consumer, *args, **kwargs)
        if self._patience is not None:
            size = sum(len(record.value or b"") for of in fetched.values() for record in of)  # ints
            wanted = self._patience.note(size, monotonic_ns())
            consumer._fetcher._fetch_min_bytes = wanted  # noqa: SLF001 - may change with each fetch
        return fetched

    def topic_partitions(self, topic: str) -> int | None:
        """How many partitions a topic has; ``None``: there is none.

        Upstream asks what the group's leader keeps, so all members but the leader know of none.
        """
        if self._consumer is None:
            return None
        found = self._consumer._client.cluster.partitions_for_topic(topic)  # noqa: SLF001
        return None if found is None else len(found)


class Consumer(driver.Consumer):
    """Upstream's, without a thread of its own."""

    def _new_consumer_thread(self) -> SameLoopConsumer:
        return SameLoopConsumer(self, beacon=self.beacon)


class Transport(driver.Transport):
    """Upstream's, with the consumer of this module and a producer of librdkafka."""

    Consumer = Consumer
    Producer: ClassVar[Any] = symbol_by_name("streams.transport.faust_kafka_producer:Producer")
