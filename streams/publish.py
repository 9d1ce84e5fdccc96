"""Puts what a feed gives into the log, its frames under an epoch of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import groupby, product
from typing import Any

import msgspec

from schemas.codec import encode
from schemas.control import Absent
from schemas.errors import BrokerError
from schemas.frame import Frame
from schemas.health import DeadLetter, Heartbeat
from schemas.overview import OVERVIEW_READER
from schemas.settings import Settings
from schemas.topics import CONTROL, FRAMES, topic_of
from streams.logged_epochs import LoggedEpochs
from streams.merge import FeedMessage, event_ns
from streams.transport.log import Log, partition_of

_IN_FLIGHT = 2_000
LONGEST_BODY = 256 << 10
"""Bytes of what could not be used that are kept: venues send up to 10 MB, brokers take 1 MB."""


class FramePublisher:
    """Publishes in order per symbol, frames with epoch = last logged epoch + 1.

    A lower epoch is ignored downstream, so that an old feed process cannot interleave with a new
    one. History and series have no epoch: what is not newer than what came is none.
    """

    def __init__(self, log: Log, settings: Settings) -> None:
        self._log = log
        self._readers = [settings.account.id]
        if settings.overview.enabled:
            self._readers.append(OVERVIEW_READER)
        self._prefix = settings.broker.topic_prefix
        self._topic = settings.broker.topic_prefix + FRAMES.name
        self._control = settings.broker.topic_prefix + CONTROL.name
        self._partitions = settings.broker.partitions
        self._head_start_s = settings.feed.head_start_ms / 1_000
        self._logged = LoggedEpochs(log, self._topic)
        self._epochs: dict[str, int] = {}
        self._held_until: dict[str, int] = {}
        self._last: dict[str, Frame] = {}
        self._sends: list[asyncio.Future[tuple[int, int]]] = []

    async def publish(self, message: FeedMessage) -> asyncio.Future[tuple[int, int]]:
        """Send one message; waits while too many sends are not acknowledged.

        Gives the future of its acknowledgement (partition and offset).
        """
        if isinstance(message, Frame):
            message = await self._in_epoch(message)
            self._last[message.key] = message
        key = message.key.encode()
        partition = partition_of(key, self._partitions)
        sent = await self._log.produce(self._topic, key, encode(message), partition=partition)
        self._sends.append(sent)
        if len(self._sends) >= _IN_FLIGHT:
            await self.settle()
        return sent

    async def epoch_of(self, key: str) -> int:
        """The epoch that this publisher gives a symbol's frames."""
        epoch = self._epochs.get(key)
        if epoch is None:
            partition = partition_of(key.encode(), self._partitions)
            epoch = self._epochs[key] = 1 + await self._logged.last(key.encode(), partition)
            self._held_until[key] = self._logged.close_ns(key.encode(), partition)
        return epoch

    async def is_new(self, message: FeedMessage) -> bool:
        """Whether a message that is played goes beyond what the log held when its feed began.

        Readers pass over frames that do not: for them time does not run twice. They would hear
        nothing until the source is beyond it.
        """
        if not isinstance(message, Frame):
            return True
        if message.key not in self._held_until:
            await self.epoch_of(message.key)
        return message.close_ns > self._held_until[message.key]

    def held_until(self) -> int:
        """When the newest frame closed that the log held of the symbols asked for; -1: none."""
        return max(self._held_until.values(), default=-1)

    async def publish_batch(self, messages: Iterable[FeedMessage]) -> None:
        """Send what a live feed gave at once, each symbol's messages in their order."""
        for _, due in groupby(sorted(messages, key=event_ns), key=event_ns):
            await self.publish_together(due)

    async def say(self, message: DeadLetter | Heartbeat) -> None:
        """Send what is said of the feed itself."""
        if isinstance(message, DeadLetter) and len(message.body) > LONGEST_BODY:
            message = _shortened(message)
        topic = self._prefix + topic_of(message).name
        self._sends.append(
            await self._log.produce(topic, message.key.encode(), encode(message), partition=0)
        )

    async def publish_together(self, messages: Iterable[FeedMessage]) -> None:
        """Send what is due at one time: history and ticks ahead, for decisions wait for those.

        They leave in one request; with a head start (``feed.head_start_ms``) what they decide is on
        its way before the rest keeps anyone busy.
        """
        ahead, rest = _parted(messages)
        for message in ahead:
            await self.publish(message)
        if ahead and rest:
            await asyncio.sleep(self._head_start_s)
        for message in rest:
            await self.publish(message)

    async def _in_epoch(self, frame: Frame) -> Frame:
        epoch = self._epochs.get(frame.key) or await self.epoch_of(frame.key)
        return frame if frame.epoch == epoch else msgspec.structs.replace(frame, epoch=epoch)

    async def settle(self) -> None:
        """Wait until everything is acknowledged; :class:`BrokerError` if one was not."""
        await self._log.flush()
        results = await asyncio.gather(*self._sends, return_exceptions=True)
        self._sends.clear()
        for result in results:
            if isinstance(result, BaseException):
                raise BrokerError(f"a message was not acknowledged: {result}; start the feed again")

    def look(self) -> None:
        """Forget what is acknowledged; :class:`BrokerError` if something was not."""
        done = [sent for sent in self._sends if sent.done()]
        self._sends = [sent for sent in self._sends if not sent.done()]
        for sent in done:
            if (error := sent.exception()) is not None:
                raise BrokerError(f"a message was not acknowledged: {error}; start the feed again")

    async def finish(self) -> None:
        """Say that no frames follow, so that nobody waits for these symbols."""
        await self.settle()
        for key, reader in product(sorted(self._last), self._readers):
            last = self._last[key]
            absent = Absent(reader, last.venue, last.symbol, last.close_ns)
            sent: Any = await self._log.produce(
                self._control, absent.key.encode(), encode(absent), partition=0
            )
            self._sends.append(sent)
        await self.settle()


def _parted(messages: Iterable[FeedMessage]) -> tuple[list[FeedMessage], list[Frame]]:
    """Ticks, and before them all that they may use; and frames that decide nothing yet."""
    before: list[FeedMessage] = []
    ticks, rest = [], []
    for message in messages:
        if not isinstance(message, Frame):
            before.append(message)
        elif message.is_tick:
            ticks.append(message)
        else:
            rest.append(message)
    return [*before, *ticks], rest


def _shortened(letter: DeadLetter) -> DeadLetter:
    kept = f"{letter.detail} (the first {LONGEST_BODY:,} of {len(letter.body):,} bytes are kept)"
    return msgspec.structs.replace(letter, detail=kept, body=letter.body[:LONGEST_BODY])
