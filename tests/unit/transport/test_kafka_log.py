"""What the Kafka log makes of a cluster's answers."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.protocol.metadata import MetadataResponse_v1

from streams.transport.kafka_log import KafkaLog
from streams.transport.log import TopicPartition, TopicSpec
from tests.support.kafka import KafkaServer


class _SlowToForget:
    """A cluster that tells of a deleted topic for so many answers more."""

    def __init__(self, answers: int) -> None:
        self._left = answers
        self._deleted = False

    async def describe_topics(self) -> list[dict[str, Any]]:
        if self._deleted:
            self._left -= 1
        return [] if self._left < 0 else [{"topic": "t", "partitions": [{}]}]

    async def delete_topics(self, names: list[str]) -> Any:
        self._deleted = True
        return SimpleNamespace(topic_error_codes=[(name, 0) for name in names])


def test_a_topic_is_deleted_when_the_cluster_tells_of_it_no_more() -> None:
    """Who creates it at once would find it there, and wait for ever to write to it."""

    async def main() -> dict[str, int]:
        log = KafkaLog.__new__(KafkaLog)
        made: Any = log
        made._readers, made._admin = {}, _SlowToForget(answers=2)
        await log.delete_topics(["t"])
        return await log.partition_counts()

    assert asyncio.run(main()) == {}


@pytest.mark.parametrize(("there", "asks_again_at_once"), [(True, True), (False, False)])
def test_a_reader_of_a_deleted_topic_waits_before_it_asks_for_it_again(
    *, there: bool, asks_again_at_once: bool
) -> None:
    """Its client would ask as fast as the broker answers."""

    async def main() -> bool:
        log: Any = KafkaLog.__new__(KafkaLog)
        log._servers = ["127.0.0.1:1"]
        consumer: AIOKafkaConsumer = log._consumer()
        client: Any = consumer._client
        client.set_topics(["t"])
        if there:
            client.cluster.update_metadata(
                MetadataResponse_v1([(1, "127.0.0.1", 1, None)], 1, [(0, "t", False, [])])
            )
        answered = client.force_metadata_update()
        client._md_update_fut.set_result(True)
        for _ in range(5):  # turns of the loop
            await asyncio.sleep(0)
        asked_again = bool(answered.done())
        await consumer.stop()
        return asked_again

    assert asyncio.run(main()) == asks_again_at_once


@pytest.mark.needs_kafka
def test_who_ask_at_once_share_a_consumer(kafka: KafkaServer) -> None:
    """Each of them started one; all but the last stayed connected when the log was closed."""
    at, unclosed = TopicPartition("asked-at-once", 0), list[str]()

    def told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        unclosed.append(context["message"])

    async def main() -> list[dict[TopicPartition, int]]:
        asyncio.get_running_loop().set_exception_handler(told)
        log = await KafkaLog.connect(f"kafka://{kafka.bootstrap}")
        await log.ensure_topics([TopicSpec(at.topic, 1)])
        offsets = await asyncio.gather(log.begin_offsets([at]), log.end_offsets([at]))
        await log.close()
        return [*offsets]

    assert asyncio.run(main()) == [{at: 0}, {at: 0}]
    gc.collect()
    assert unclosed == []
