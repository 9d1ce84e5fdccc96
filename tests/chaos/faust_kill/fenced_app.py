"""The overrides of Faust that the fence needs: where input starts, when it flows, what commits say.

All of them are of classes that Faust lets an app replace: its transport, the transport's consumer,
and the app.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import ServiceT

FETCH_MAX_WAIT_MS = 20


class Positions(Protocol):
    """What the consumer asks of the fence."""

    def starts(self) -> dict[TP, int | None]:
        """The next offset of each partition that was loaded; ``None``: the log's first."""
        ...

    def begin_at(self, offsets: Mapping[TP, int]) -> None:
        """The first offsets in the log of partitions without a snapshot."""
        ...

    def go_live(self) -> None:
        """The recovery really was complete."""
        ...

    def low_waters(self) -> dict[TP, int]:
        """What may be committed: the oldest offset that a restart would need."""
        ...


class QuickFetchThread(driver.AIOKafkaConsumerThread):
    """A fetch that finds nothing returns soon.

    A partition whose data was just taken waits for the fetch that is under way without it, and
    upstream lets that fetch wait for 1.5 s.
    """

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> AIOKafkaConsumer:
        consumer = super()._create_consumer(loop)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        return consumer


class FencedConsumer(driver.Consumer):
    """Faust's consumer, made to start where the tables say and to commit what they hold."""

    app: "FencedApp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Upstream drops what lies below the highest offset it has ever delivered, and so undoes
        # a seek back while a fetched batch is still being handed out. The fence knows better.
        self._read_offset = _Forgetful()

    def _new_consumer_thread(self) -> "QuickFetchThread":
        return QuickFetchThread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Hand out what was fetched, without upstream's two tasks and a wait per message."""
        while not (self.should_stop or fetcher.should_stop):
            async for _, message in self.getmany(timeout=1.0):
                if not self.flow_active:
                    break
                await self.callback(message)
                await asyncio.sleep(0)  # agents take turns with the fetcher
            await asyncio.sleep(0)

    async def perform_seek(self) -> None:
        """Seek the input to what the tables need, not to the committed offsets."""
        assignment, fence = self.assignment(), self.app.fence
        unknown = [tp for tp, at in fence.starts().items() if at is None and tp in assignment]
        if unknown:
            fence.begin_at(await self.earliest_offsets(*unknown))
        starts = fence.starts().items()
        await self.seek_wait({tp: at for tp, at in starts if at is not None and tp in assignment})

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Keep the input shut while a rebalance lasts; changelogs may pass.

        Upstream opens the input first, seeks then, and empties the agents' queues last: what
        arrived in between is lost. ``release`` opens it when all that is over.
        """
        if self.app.rebalancing:
            tps = {tp for tp in tps if self._is_changelog_tp(tp)}
        super().resume_partitions(tps)

    def release(self) -> None:
        """Let the input flow."""
        self.resume_partitions({tp for tp in self.assignment() if not self._is_changelog_tp(tp)})

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the low water. Nothing reads it but lag monitors: the tables decide."""
        offsets = self.app.fence.low_waters()
        return await self._commit(offsets) if offsets else False


class _Forgetful(dict[TP, int | None]):
    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        return None


class FencedTransport(driver.Transport):
    """aiokafka's transport with the fenced consumer."""

    Consumer = FencedConsumer


class FencedApp(faust.App):
    """An app whose agents see each input once per state, whatever is killed."""

    fence: Positions

    def _new_transport(self) -> FencedTransport:
        return FencedTransport(self.conf.broker_consumer, self)

    def on_rebalance_end(self) -> None:
        """Open the input, which upstream by now would have let into queues and thrown away."""
        super().on_rebalance_end()
        self.fence.go_live()
        consumer: Any = self.consumer
        consumer.release()
