"""An account that was away for longer than what it has given before is kept."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from agents.runtime.ordered_stage import OrderedStage
from schemas.topics import MONITOR, ORDERS, PORTFOLIO, POSITIONS
from streams.transport.log import TopicPartition
from tests.chaos.inside import Inside
from tests.chaos.market import short_market, short_settings
from tests.support.kafka import KafkaServer

PATIENCE_S = 60.0
PREFIX = "away."


async def _expire(kafka: KafkaServer, ends: dict[TopicPartition, int]) -> None:
    """All that was written is older than the topics keep it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    before = {KafkaPartition(*at): RecordsToDelete(before_offset=end) for at, end in ends.items()}
    await admin.delete_records(before)
    await admin.close()


@pytest.mark.needs_kafka
def test_it_begins_all_the_same(kafka: KafkaServer) -> None:
    given = [TopicPartition(PREFIX + t.name, 0) for t in (ORDERS, POSITIONS, PORTFOLIO, MONITOR)]

    async def main() -> None:
        settings = short_settings(url=f"kafka://{kafka.bootstrap}", topic_prefix=PREFIX)
        async with Inside(settings) as roles, asyncio.timeout(PATIENCE_S):
            await roles.start("worker", "execution")
            await roles.play(short_market().frames)
            await roles.publisher.settle()
            while any(roles.role(name).fence.lag() for name in ("worker", "execution")):
                await asyncio.sleep(0.01)
            await roles.stop("worker")
            await roles.stop("execution")
            await _expire(kafka, dict(await roles.log.end_offsets(given)))
            await roles.start("execution")
            (stage,) = roles.role("execution").stages
            assert isinstance(stage, OrderedStage)
            while not stage._decides():
                await asyncio.sleep(0.01)

    asyncio.run(main())
