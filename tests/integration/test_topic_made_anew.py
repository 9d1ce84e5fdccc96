"""A topic that was made anew, or has lost its end, under a role that remembers the old one."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.runtime.roles import Role
from agents.runtime.symbols import Snapshot
from schemas.errors import BrokerError
from schemas.topics import FRAMES
from streams.publish import FramePublisher
from streams.transport.log import changelog_specs, open_log, topic_specs
from tests.chaos.inside import Inside
from tests.chaos.market import short_market, short_settings
from tests.support.kafka import KafkaServer

PATIENCE_S = 60.0


def test_a_role_ends_and_says_why_instead_of_passing_over_what_is_new() -> None:
    assert_it_says_why(asyncio.run(made_anew("embedded://anew")))


@pytest.mark.needs_kafka
def test_a_role_ends_on_kafka_too(kafka: KafkaServer) -> None:
    assert_it_says_why(asyncio.run(made_anew(f"kafka://{kafka.bootstrap}")))


@pytest.mark.needs_kafka
def test_a_role_ends_under_which_the_log_has_lost_its_end(tmp_path: Path) -> None:
    """A power cut takes what one broker alone had not written through, and roles go on reading."""
    with KafkaServer(tmp_path) as kafka:
        reason = asyncio.run(lost_its_end(kafka))
    assert isinstance(reason, BrokerError)
    assert re.match(r"market\.frames\[\d\] ends at offset \d+, but .* seen it up to", str(reason))


async def lost_its_end(kafka: KafkaServer) -> BaseException | None:
    """For what reason the worker has ended."""
    settings, frames = short_settings(url=f"kafka://{kafka.bootstrap}"), short_market().frames
    async with Inside(settings) as roles, asyncio.timeout(PATIENCE_S):
        changelog = {"prism-worker-symbols-changelog": settings.broker.partitions}
        await roles.log.ensure_topics(changelog_specs(changelog))
        await roles.start("worker")
        await roles.play(frames[:200])
        await roles.publisher.settle()
        while roles.role("worker").fence.taken < 200:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(kafka.kill)
        for log in (kafka.folder / "data").glob(f"{FRAMES.name}-*/*.log"):
            os.truncate(log, log.stat().st_size // 2)
        await asyncio.to_thread(kafka.start)
        feed = await open_log(settings.broker.url)
        roles.publisher = FramePublisher(feed, settings)
        await roles.play(frames[200:])
        await roles.publisher.settle()
        await feed.close()
        app = roles.role("worker").app
        await app.failed.wait()
        return app.crash_reason


def assert_it_says_why(reason: BaseException | None) -> None:
    assert isinstance(reason, BrokerError)
    assert re.match(r"anew\.market\.frames\[\d\] ends at offset 0, but", str(reason))


async def made_anew(url: str) -> BaseException | None:
    """For what reason the worker has ended."""
    settings = short_settings(url=url, topic_prefix="anew.")
    async with Inside(settings) as roles, asyncio.timeout(PATIENCE_S):
        await roles.start("worker")
        worker = roles.role("worker")
        for number, frame in enumerate(short_market().frames, 1):
            await roles.play([frame])
            if number >= 200:
                await roles.publisher.settle()
                while worker.fence.taken < number:
                    await asyncio.sleep(0.01)
                if remembers(worker):
                    break
        await roles.stop("worker")
        await roles.log.delete_topics(["anew." + FRAMES.name])
        await roles.log.ensure_topics(topic_specs(settings.broker))
        await roles.start("worker")
        again = roles.role("worker").app
        await again.failed.wait()
        return again.crash_reason


def remembers(worker: Role) -> bool:
    """Whether a state is stored that need not be read again from the log's beginning."""
    tables: Any = worker.app.tables
    values = [value for table in tables.values() for value in table.data.values()]
    return any(msgspec.msgpack.decode(value, type=Snapshot).low_water > 0 for value in values)
