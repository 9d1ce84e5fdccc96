"""A reader whose place in the log is gone: it is told, and never goes on elsewhere by itself."""

from __future__ import annotations

import asyncio
import random

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from streams.transport.log import (
    Log,
    OffsetOutOfRange,
    Record,
    TopicPartition,
    TopicSpec,
    open_log,
)
from tests.support.kafka import KafkaServer

LARGE = random.Random(1).randbytes(200_000)
"""So large, compressed too, that a client can have fetched but a few ahead."""
RETAINED_BYTES = 10 * len(LARGE)


async def _read_on(log: Log, at: TopicPartition, offset: int) -> list[Record]:
    return await log.read(*at, offset, max_records=1, wait_ms=5_000)


async def _read_in_order(log: Log, at: TopicPartition, start: int, end: int) -> None:
    for offset in range(start, end):
        assert [record.offset for record in await _read_on(log, at, offset)] == [offset]


async def _remove_before(kafka: KafkaServer, at: TopicPartition, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_records({KafkaPartition(*at): RecordsToDelete(before_offset=offset)})
    await admin.close()


@pytest.mark.needs_kafka
def test_kafka_tells_a_reader_that_retention_has_overtaken(kafka: KafkaServer) -> None:
    async def main() -> None:
        log, at = await open_log(f"kafka://{kafka.bootstrap}"), TopicPartition("overtaken", 0)
        await log.ensure_topics([TopicSpec(at.topic, 1)])
        for _ in range(40):
            await log.produce(*at[:1], b"k", LARGE, partition=0)
        await log.flush()
        assert [record.offset for record in await _read_on(log, at, 0)] == [0]
        await _remove_before(kafka, at, 35)
        with pytest.raises(OffsetOutOfRange, match="read on from 35") as told:
            await _read_in_order(log, at, 1, 40)  # the first ones it may have fetched before
        assert [record.offset for record in await _read_on(log, at, told.value.begin)] == [35]
        await log.close()

    asyncio.run(main())


def test_the_embedded_broker_tells_a_waiting_reader_that_retention_has_overtaken() -> None:
    async def main() -> None:
        log, at = await open_log("embedded://overtaken"), TopicPartition("overtaken", 0)
        await log.ensure_topics([TopicSpec(at.topic, 1, retention_bytes=RETAINED_BYTES)])
        waiting = asyncio.ensure_future(_read_on(log, at, 0))
        await asyncio.sleep(0)
        for _ in range(40):  # all before the reader has its turn
            await log.produce(*at[:1], b"k", LARGE, partition=0)
        with pytest.raises(OffsetOutOfRange) as told:
            await waiting
        found = await _read_on(log, at, told.value.begin)
        assert [record.offset for record in found] == [told.value.begin]
        assert told.value.begin > 25
        await log.close()

    asyncio.run(main())


def test_a_topic_made_anew_is_not_taken_for_the_old_one(url: str) -> None:
    async def main() -> None:
        reader, other = await open_log(url), await open_log(url)
        at = TopicPartition("made-anew", 0)
        await reader.ensure_topics([TopicSpec(at.topic, 1)])
        for _ in range(5):
            await reader.produce(at.topic, b"k", b"old")
        await reader.flush()
        for offset in range(5):
            await _read_on(reader, at, offset)
        await other.delete_topics([at.topic])
        await other.ensure_topics([TopicSpec(at.topic, 1)])
        for _ in range(3):
            await other.produce(at.topic, b"k", b"new")
        await other.flush()
        with pytest.raises(OffsetOutOfRange) as told:
            await _read_on(reader, at, 5)
        assert (told.value.begin, told.value.end) == (0, 3)
        assert [record.value for record in await _read_on(reader, at, 0)] == [b"new"]
        await other.delete_topics([at.topic])
        await reader.close()
        await other.close()

    asyncio.run(main())
