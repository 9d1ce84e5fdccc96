"""What every member of a group must know, not only the one that leads it."""

from __future__ import annotations

import asyncio

import pytest

from schemas.topics import FRAMES
from tests.chaos.inside import Inside
from tests.chaos.market import short_settings
from tests.support.kafka import KafkaServer


@pytest.mark.needs_kafka
def test_every_worker_of_a_group_knows_the_topics(kafka: KafkaServer) -> None:
    """A role ends whose topics seem to be gone."""
    settings = short_settings(url=f"kafka://{kafka.bootstrap}", topic_prefix="members.")

    async def counts() -> list[int | None]:
        async with Inside(settings) as roles:
            await roles.start("worker1", "worker2")
            return [
                role.app.consumer.topic_partitions(settings.broker.topic_prefix + FRAMES.name)
                for role in roles._running.values()
            ]

    assert asyncio.run(counts()) == [settings.broker.partitions] * 2
