"""The broker restarts, dies, or is away; a role stands still: the digests stay the same.

Each test has a broker of its own, and every role has to ride the fault out: none is started again.
The watchdog keeps its default patience, so it must not take an absent broker for an absent feed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.settings import RuntimeSettings
from tests.chaos.cluster import Cluster
from tests.chaos.expected import SYMBOLS
from tests.chaos.outputs import Outputs, digests
from tests.support.kafka import KafkaServer

AWAY_S = 30.0
STILL_S = 10.0

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_market_data]


@pytest.fixture
def broker(kafka: KafkaServer, tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker that this test may break; ``kafka`` has seen to it that there can be one."""
    with KafkaServer(tmp_path / "own") as server:
        yield server


@pytest.fixture
def cluster(broker: KafkaServer, tmp_path: Path, recordings: list[Path]) -> Iterator[Cluster]:
    """Roles in mid-stream."""
    patience = f"runtime.absent_after_s={RuntimeSettings().absent_after_s}"
    url = f"kafka://{broker.bootstrap}"
    with Cluster(url, "fault.", tmp_path, SYMBOLS, overrides=[patience]) as made:
        made.start("worker", "execution")
        made.play(recordings, speed="10x")
        made.wait_until(lambda counts: counts["confluence.scores"] > 150)
        yield made


@pytest.mark.chaos
def test_the_broker_is_killed_and_started_again(
    broker: KafkaServer, cluster: Cluster, expected: Outputs
) -> None:
    broker.kill()
    broker.start()
    assert cluster.finish(expected) == digests(expected)


def test_the_broker_is_restarted(broker: KafkaServer, cluster: Cluster, expected: Outputs) -> None:
    broker.restart()
    assert cluster.finish(expected) == digests(expected)


@pytest.mark.chaos
def test_the_broker_is_down_for_half_a_minute(
    broker: KafkaServer, cluster: Cluster, expected: Outputs
) -> None:
    broker.kill()
    time.sleep(AWAY_S)  # the fault itself
    broker.start()
    assert cluster.finish(expected) == digests(expected)


@pytest.mark.chaos
def test_the_broker_hangs_for_half_a_minute(
    broker: KafkaServer, cluster: Cluster, expected: Outputs
) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    time.sleep(AWAY_S)  # the fault itself
    os.kill(broker.pid, signal.SIGCONT)
    assert cluster.finish(expected) == digests(expected)


@pytest.mark.chaos
@pytest.mark.parametrize("role", ["worker", "execution"])
def test_a_role_stands_still_while_frames_flow(
    cluster: Cluster, expected: Outputs, role: str
) -> None:
    cluster.suspend(role)
    time.sleep(STILL_S)  # the fault itself
    cluster.resume(role)
    assert cluster.finish(expected) == digests(expected)
