"""Stretches of a partition, of which retention may remove the beginning meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.transport.between import all_records, last_records, records_between
from streams.transport.broker import forget
from streams.transport.log import (
    Log,
    OffsetOutOfRange,
    Record,
    TopicPartition,
    TopicSpec,
    open_log,
)

URL = "embedded://between"
AT = TopicPartition("t", 0)
WRITTEN, KEPT_FROM = 10, 6


async def _overtaken(monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log whose first six records are gone as soon as its bounds are told."""
    log = await open_log(URL)
    await log.ensure_topics([TopicSpec(AT.topic, 1)])
    for n in range(WRITTEN):
        await log.produce(AT.topic, b"k", b"%d" % n)
    read = log.read

    async def quicker(topic: str, partition: int, offset: int, **how: Any) -> list[Record]:
        if offset < KEPT_FROM:
            raise OffsetOutOfRange(AT, offset, begin=KEPT_FROM, end=WRITTEN)
        return await read(topic, partition, offset, **how)

    monkeypatch.setattr(log, "read", quicker)
    return log


def test_what_a_partition_holds_is_what_retention_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        log = await _overtaken(monkeypatch)
        everything = [record.offset async for record in all_records(log, AT)]
        assert everything == list(range(KEPT_FROM, WRITTEN))
        assert [record.offset for record in await last_records(log, AT, 7)] == everything
        assert [record.offset for record in await last_records(log, AT, 2)] == everything[-2:]

    asyncio.run(main())
    forget(URL)


def test_whoever_needs_a_stretch_whole_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        log = await _overtaken(monkeypatch)
        with pytest.raises(OffsetOutOfRange, match="read on from 6"):
            _ = [record async for record in records_between(log, AT, 0, WRITTEN)]

    asyncio.run(main())
    forget(URL)
