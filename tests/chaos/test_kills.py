"""Killed anywhere: the digests equal those of the undisturbed run."""

from __future__ import annotations

import random
import signal
from collections import deque
from pathlib import Path

import pytest

from agents.runtime.failpoints import POINTS
from tests.chaos.cluster import Cluster
from tests.chaos.outputs import Outputs, digests

EXECUTION_POINTS = tuple(p for p in POINTS if not p.startswith(("score", "signal")))
WORKER_POINTS = tuple(p for p in POINTS if not p.startswith(("order", "fill")))

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_market_data]


def workers_named(count: int) -> list[str]:
    """Names of so many workers."""
    return [f"worker{number}" for number in range(count)]


@pytest.mark.parametrize("cluster", [3], indirect=True)
def test_a_worker_and_an_account_killed_in_mid_stream(
    cluster: Cluster, recordings: list[Path], expected: Outputs
) -> None:
    cluster.start("worker", "execution")
    cluster.play(recordings, speed="40x")
    cluster.wait_until(lambda counts: counts["confluence.scores"] > 200)
    cluster.kill("worker")
    cluster.start("worker")
    cluster.wait_until(lambda counts: counts["execution.orders"] > 40)
    cluster.kill("execution")
    cluster.start("execution")
    assert cluster.finish(expected) == digests(expected)


def test_two_workers_share_the_symbols_and_one_takes_over(
    cluster: Cluster, recordings: list[Path], expected: Outputs
) -> None:
    cluster.start("worker1", "worker2", "execution1", "execution2")
    cluster.play(recordings, speed="40x")
    cluster.wait_until(lambda counts: counts["confluence.scores"] > 200)
    cluster.kill("worker1")
    cluster.kill("execution1")
    cluster.start("worker1")
    assert cluster.finish(expected) == digests(expected)


def test_both_roles_die_between_an_output_and_its_acknowledgement(
    cluster: Cluster, recordings: list[Path], expected: Outputs
) -> None:
    cluster.start("worker", failpoint="signal.sent:3")
    cluster.start("execution", failpoint="fill.sent:3")
    cluster.play(recordings, speed="40x")
    for _ in range(2):
        cluster.start(killed(cluster, ["worker", "execution"]))
    assert cluster.finish(expected) == digests(expected)


@pytest.mark.chaos
@pytest.mark.parametrize(("workers", "cluster"), [(1, 3), (2, 4)], indirect=["cluster"])
@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_random_kills(
    cluster: Cluster, recordings: list[Path], expected: Outputs, workers: int, seed: int
) -> None:
    rng = random.Random(seed)
    names = [*workers_named(workers), "execution"]
    cluster.start(*names)
    cluster.play(recordings, speed="5x")
    killed, all_scores = 0, len(expected["confluence.scores"])
    while killed < 20:
        victims = rng.sample(names, 2 if rng.random() < 0.2 else 1)
        # A busy machine may be through with the recordings before all are dead.
        goal = min(cluster.scores() + rng.randrange(1, 30), all_scores - 1)
        cluster.wait_until(lambda counts, goal=goal: counts["confluence.scores"] > goal)  # type: ignore[misc]
        for victim in victims:
            cluster.kill(victim)
        cluster.start(*victims)
        killed += len(victims)
    assert cluster.finish(expected) == digests(expected)


@pytest.mark.chaos
@pytest.mark.parametrize(("workers", "cluster"), [(1, 3), (2, 4)], indirect=["cluster"])
def test_a_worker_dies_at_each_failpoint(
    cluster: Cluster, recordings: list[Path], expected: Outputs, workers: int
) -> None:
    cluster.start("execution")
    die_at_each(cluster, recordings, workers_named(workers), WORKER_POINTS)
    assert cluster.finish(expected) == digests(expected)


@pytest.mark.chaos
@pytest.mark.parametrize("standbys", [0, 1])
def test_an_account_dies_at_each_failpoint(
    cluster: Cluster, recordings: list[Path], expected: Outputs, standbys: int
) -> None:
    cluster.start("worker")
    names = [f"execution{number}" for number in range(1 + standbys)]
    die_at_each(cluster, recordings, names, EXECUTION_POINTS)
    assert cluster.finish(expected) == digests(expected)


def die_at_each(
    cluster: Cluster, recordings: list[Path], names: list[str], points: tuple[str, ...]
) -> None:
    """Play the recordings while whoever dies at a failpoint is started again with the next one.

    With two of a kind the first death hands the partitions to the other, which dies at its point in
    turn; points follow in random order, so that each comes at another time of the market.
    """
    order = deque(random.Random(len(names)).sample(points, len(points)))
    waiting = {name: order.popleft() for name in names}
    for name, point in waiting.items():
        cluster.start(name, failpoint=f"{point}:{1 + len(order) % 3}")
    cluster.play(recordings, speed="3x")
    while waiting:
        dead = killed(cluster, list(waiting))
        del waiting[dead]
        if order:
            waiting[dead] = order.popleft()
            cluster.start(dead, failpoint=f"{waiting[dead]}:{1 + len(order) % 3}")
    # Not before: an armed one that has no partitions would never come to its point.
    cluster.start(*names)


def killed(cluster: Cluster, names: list[str]) -> str:
    """The first of these to die at its failpoint."""
    name = cluster.ended(names)
    process = cluster.processes.pop(name)
    assert process.returncode == -signal.SIGKILL, cluster.log_of(name)[-25:]
    return name
