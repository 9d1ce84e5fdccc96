"""Which epoch the newest frames on the topic carry, by symbol."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from schemas.clock import now_ns
from schemas.errors import CodecError
from schemas.frame import NS_PER_S, Frame
from schemas.topics import FRAMES
from streams.transport.between import kept_between
from streams.transport.log import Log, TopicPartition

_LOOK_BACK = 2_000
MOST_LOOKED_AT = 200_000
"""Records of a partition: some 5 s. A day of 25 symbols in it would be ten minutes."""


@dataclass
class _Seen:
    """What was read of a partition: offsets from ``start`` to before ``end``."""

    start: int
    end: int
    epochs: dict[bytes, int] = field(default_factory=dict)
    closes: dict[bytes, int] = field(default_factory=dict)


class LoggedEpochs:
    """Reads partitions of the frames' topic from their end back, each record once for all symbols.

    What cannot be read is an error: a feed that took it for an empty topic would begin with an
    epoch that readers are past, and nobody would hear it. For the same reason a symbol whose frames
    retention may have removed, or that stand too far back, is at an epoch above all counted ones.
    """

    def __init__(self, log: Log, topic: str) -> None:
        self._log = log
        self._topic = topic
        self._decoder = FRAMES.decoder()
        self._seen: dict[int, _Seen] = {}
        self._turn = asyncio.Lock()

    async def last(self, key: bytes, partition: int) -> int:
        """Epoch of the newest frame of a symbol; where none is found it is 0 if the whole partition
        was there and looked at, else the present second.

        Raises :class:`BrokerError` where the topic cannot be read.
        """
        at = TopicPartition(self._topic, partition)
        async with self._turn:
            begin = (await self._log.begin_offsets([at]))[at]
            end = (await self._log.end_offsets([at]))[at]
            seen = self._seen.setdefault(partition, _Seen(end, end))
            await self._read(at, max(begin, seen.end), end, seen)
            seen.end = end
            while key not in seen.epochs and seen.start > max(begin, seen.end - MOST_LOOKED_AT):
                start = max(begin, seen.start - _LOOK_BACK)
                await self._read(at, start, seen.start, seen)
                seen.start = start
            unknown = now_ns() // NS_PER_S if seen.start > 0 else 0
            return seen.epochs.get(key, unknown)

    def close_ns(self, key: bytes, partition: int) -> int:
        """When the newest of a symbol's frames closed that :meth:`last` has read; -1: none."""
        seen = self._seen.get(partition)
        return -1 if seen is None else seen.closes.get(key, -1)

    async def _read(self, at: TopicPartition, start: int, end: int, seen: _Seen) -> None:
        async for record in kept_between(self._log, at, start, end):
            frame = self._frame_in(record.value)
            if record.key is not None and frame is not None:
                key = record.key
                seen.epochs[key] = max(frame.epoch, seen.epochs.get(key, 0))
                seen.closes[key] = max(frame.close_ns, seen.closes.get(key, -1))

    def _frame_in(self, value: bytes | None) -> Frame | None:
        try:
            message = self._decoder.decode(value or b"")
        except CodecError:
            return None
        return message if isinstance(message, Frame) else None
