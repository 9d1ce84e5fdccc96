"""Roles and feeds that were away for longer than the topics keep what they need."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from agents.runtime.ordered_stage import OrderedStage
from schemas.frame import Frame
from schemas.topics import DIMENSION_SCORES, FRAMES, MONITOR, ORDERS, PORTFOLIO, POSITIONS
from streams.publish import FramePublisher
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
def test_an_account_begins_all_the_same(kafka: KafkaServer) -> None:
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


@pytest.mark.needs_kafka
def test_a_feed_that_was_away_for_longer_than_its_frames_are_kept_is_heard(
    kafka: KafkaServer,
) -> None:
    """The workers remember its last epoch, and pass over what comes with an older one."""
    frames = short_market().frames

    async def main() -> None:
        settings = short_settings(url=f"kafka://{kafka.bootstrap}", topic_prefix="feed-away.")
        count, prefix = settings.broker.partitions, settings.broker.topic_prefix
        published = [TopicPartition(prefix + FRAMES.name, n) for n in range(count)]
        scored = [TopicPartition(prefix + DIMENSION_SCORES.name, n) for n in range(count)]
        async with Inside(settings) as roles, asyncio.timeout(PATIENCE_S):

            async def scores() -> int:
                return sum((await roles.log.end_offsets(scored)).values())

            async def market(part: list[Frame]) -> None:
                """A feed begins, publishes, and ends."""
                before, roles.publisher = await scores(), FramePublisher(roles.log, settings)
                await roles.play(part)
                await roles.publisher.settle()
                while await scores() == before or roles.role("worker").fence.lag():
                    await asyncio.sleep(0.01)

            await roles.start("worker")
            await market(frames[:120])
            await market(frames[120:240])
            await _expire(kafka, dict(await roles.log.end_offsets(published)))
            await market(frames[240:])

    asyncio.run(main())
