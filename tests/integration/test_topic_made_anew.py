"""A topic that was deleted and made anew under a role that remembers the old one."""

from __future__ import annotations

import asyncio
import re

import pytest

from schemas.errors import BrokerError
from schemas.topics import FRAMES
from streams.transport.log import topic_specs
from tests.chaos.inside import Inside
from tests.chaos.market import short_market, short_settings
from tests.support.kafka import KafkaServer

PATIENCE_S = 60.0


def test_a_role_ends_and_says_why_instead_of_passing_over_what_is_new() -> None:
    assert_it_says_why(asyncio.run(made_anew("embedded://anew")))


@pytest.mark.needs_kafka
def test_a_role_ends_on_kafka_too(kafka: KafkaServer) -> None:
    assert_it_says_why(asyncio.run(made_anew(f"kafka://{kafka.bootstrap}")))


def assert_it_says_why(reason: BaseException | None) -> None:
    assert isinstance(reason, BrokerError)
    assert re.match(r"anew\.market\.frames\[\d\] ends at offset 0, but", str(reason))


async def made_anew(url: str) -> BaseException | None:
    """For what reason the worker has ended."""
    settings = short_settings(url=url, topic_prefix="anew.")
    async with Inside(settings) as roles:
        await roles.start("worker")
        await roles.play(short_market().frames[:200])
        await roles.publisher.settle()
        first = roles.role("worker").fence
        while not any(first.low_waters().values()):  # until a snapshot is acknowledged
            await asyncio.sleep(0.01)
        await roles.stop("worker")
        await roles.log.delete_topics(["anew." + FRAMES.name])
        await roles.log.ensure_topics(topic_specs(settings.broker))
        await roles.start("worker")
        again = roles.role("worker").app
        async with asyncio.timeout(PATIENCE_S):
            await again.failed.wait()
        return again.crash_reason
