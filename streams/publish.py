"""Puts what a feed gives into the log, its frames under an epoch of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import product
from typing import Any

import msgspec

from schemas.codec import encode
from schemas.control import Absent
from schemas.errors import BrokerError, CodecError
from schemas.frame import Frame
from schemas.overview import OVERVIEW_READER
from schemas.settings import Settings
from schemas.topics import CONTROL, FRAMES
from streams.merge import FeedMessage
from streams.transport.log import Log, TopicPartition, partition_of

_LOOK_BACK = 2_000
_IN_FLIGHT = 2_000
_HEAD_START_S = 0.01
"""How long other frames of the same time stand back, so that ticks find broker and workers free."""


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
        self._topic = settings.broker.topic_prefix + FRAMES.name
        self._control = settings.broker.topic_prefix + CONTROL.name
        self._partitions = settings.broker.partitions
        self._decoder = FRAMES.decoder()
        self._epochs: dict[str, int] = {}
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

    async def publish_together(self, messages: Iterable[FeedMessage]) -> None:
        """Send what is due at one time: history and ticks ahead, for decisions wait for those.

        They leave in one request, and what is decided by them is mostly on its way before the rest
        keeps anyone busy.
        """
        ahead, rest = _parted(messages)
        for message in ahead:
            await self.publish(message)
        if ahead and rest:
            await asyncio.sleep(_HEAD_START_S)
        for message in rest:
            await self.publish(message)

    async def _in_epoch(self, frame: Frame) -> Frame:
        epoch = self._epochs.get(frame.key)
        if epoch is None:
            epoch = self._epochs[frame.key] = 1 + await self._last_epoch(frame.key)
        return frame if frame.epoch == epoch else msgspec.structs.replace(frame, epoch=epoch)

    async def settle(self) -> None:
        """Wait until everything is acknowledged; :class:`BrokerError` if one was not."""
        await self._log.flush()
        results = await asyncio.gather(*self._sends, return_exceptions=True)
        self._sends.clear()
        for result in results:
            if isinstance(result, BaseException):
                raise BrokerError(f"a message was not acknowledged: {result}; start the feed again")

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

    async def _last_epoch(self, key: str) -> int:
        """Epoch of the newest logged frame of a symbol, 0 where there is none."""
        at = TopicPartition(self._topic, partition_of(key.encode(), self._partitions))
        begin = (await self._log.begin_offsets([at]))[at]
        end = (await self._log.end_offsets([at]))[at]
        while end > begin:
            start = max(begin, end - _LOOK_BACK)
            epochs = await self._epochs_between(at, start, end, key.encode())
            if epochs:
                return max(epochs)
            end = start
        return 0

    async def _epochs_between(
        self, at: TopicPartition, start: int, end: int, key: bytes
    ) -> list[int]:
        epochs = []
        while start < end:
            records = await self._log.read(at.topic, at.partition, start, wait_ms=1_000)
            if not records:
                break
            for record in records:
                start = record.offset + 1
                if record.key == key and record.offset < end and record.value is not None:
                    epochs.append(self._epoch_of(record.value))
        return epochs

    def _epoch_of(self, value: bytes) -> int:
        try:
            message = self._decoder.decode(value)
        except CodecError:
            return 0
        return message.epoch if isinstance(message, Frame) else 0


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
