"""Reads a stretch of a partition whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

from schemas.errors import BrokerError
from streams.transport.log import Log, OffsetOutOfRange, Record, TopicPartition

_AT_ONCE = 2_000
_WITHIN_MS = 5_000


async def records_between(
    log: Log, at: TopicPartition, start: int, end: int
) -> AsyncIterator[Record]:
    """Every record from offset ``start`` to before ``end``, which the log has already.

    Raises :class:`BrokerError` where nothing comes of them: whoever took that for the end would
    go by half of what there is; as :class:`OffsetOutOfRange` where retention is quicker.
    """
    while start < end:
        records = await log.read(
            at.topic, at.partition, start, max_records=_AT_ONCE, wait_ms=_WITHIN_MS
        )
        if not records:
            raise BrokerError(
                f"{at.topic}[{at.partition}] ends at offset {end}, but nothing came of it from "
                f"{start} on; look at the broker (prism verify), then start again"
            )
        for record in records:
            start = record.offset + 1
            if record.offset < end:
                yield record


async def kept_between(log: Log, at: TopicPartition, start: int, end: int) -> AsyncIterator[Record]:
    """As :func:`records_between`, for whom what retention removes meanwhile is of no use."""
    while start < end:
        try:
            async for record in records_between(log, at, start, end):
                start = record.offset + 1
                yield record
        except OffsetOutOfRange as gone:
            if gone.begin <= start:
                raise
            start = gone.begin
        else:
            return


async def all_records(log: Log, at: TopicPartition) -> AsyncIterator[Record]:
    """Every record that a partition holds now."""
    begin, end = (await log.begin_offsets([at]))[at], (await log.end_offsets([at]))[at]
    async for record in kept_between(log, at, begin, end):
        yield record


async def last_records(log: Log, at: TopicPartition, count: int) -> list[Record]:
    """The newest ``count`` records of a partition, or all where there are fewer, in order."""
    begin, end = (await log.begin_offsets([at]))[at], (await log.end_offsets([at]))[at]
    start = max(begin, end - count)
    return [record async for record in kept_between(log, at, start, end)]
