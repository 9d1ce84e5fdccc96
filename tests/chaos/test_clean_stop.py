"""A role that is told to stop ends, whatever its group or the broker does meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.running import STOP_WITHIN_S
from tests.chaos.cluster import Cluster
from tests.chaos.expected import SYMBOLS
from tests.chaos.inside import Inside
from tests.chaos.market import short_market, short_settings
from tests.support.kafka import KafkaServer

PATIENCE_S = 60.0

pytestmark = pytest.mark.needs_kafka


async def _stopped_amid_a_rebalance(url: str) -> None:
    async with Inside(short_settings(url=url, topic_prefix="leave.")) as roles:
        await roles.start("worker")
        await roles.play(short_market().frames[:30])
        await roles.publisher.settle()
        worker = roles.role("worker")
        while worker.fence.lag() or not worker.fence.taken:
            await asyncio.sleep(0.01)
        app: Any = worker.app

        async def rebalance_while_committing() -> None:
            committing = asyncio.create_task(app.consumer.commit())
            await asyncio.sleep(0)  # its request is on its way
            await app._on_partitions_revoked(app.consumer.assignment())
            await committing

        app.before_end.append(rebalance_while_committing)
        async with asyncio.timeout(PATIENCE_S):
            await roles.stop("worker")


def test_a_worker_stops_amid_a_rebalance(kafka: KafkaServer) -> None:
    """Its last commit must not ask for a coordinator over a client that the rebalance closed."""
    asyncio.run(_stopped_amid_a_rebalance(f"kafka://{kafka.bootstrap}"))


@pytest.mark.needs_market_data
def test_roles_end_though_the_broker_is_gone(
    kafka: KafkaServer, tmp_path: Path, recordings: list[Path]
) -> None:
    """What cannot be sent or committed does not hold them up for ever: the next start goes on."""
    with KafkaServer(tmp_path / "own") as broker:
        url, names = f"kafka://{broker.bootstrap}", ("worker", "execution")
        with Cluster(url, "gone.", tmp_path, SYMBOLS) as cluster:
            cluster.start(*names)
            cluster.play(recordings, speed="10x")
            cluster.wait_until(lambda counts: counts["execution.orders"] > 5)
            broker.kill()
            for name in names:
                cluster.processes[name].terminate()
            for name in names:
                assert cluster.processes[name].wait(STOP_WITHIN_S + PATIENCE_S) == 1
                assert "role.cut_short" in cluster.log_of(name)[-1]
