"""Killed anywhere: the digests equal those of the undisturbed run."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime.failpoints import POINTS
from schemas.frame import Message
from schemas.settings import Settings
from tests.chaos.cluster import Cluster, digests
from tests.chaos.expected import pipeline_outputs
from tests.support.kafka import KafkaServer

SYMBOLS = ("binanceusdm:BTC/USDT:USDT", "binanceusdm:ETH/USDT:USDT")
EXECUTION_POINTS = tuple(p for p in POINTS if p.startswith(("order", "fill")))
WORKER_POINTS = tuple(p for p in POINTS if p not in EXECUTION_POINTS)
prefixes = (f"k{n}." for n in itertools.count())

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_market_data]

Outputs = dict[str, list[Message]]


@pytest.fixture(scope="module")
def recordings(market_data: Path) -> list[Path]:
    folder = market_data / "recordings" / "btc-eth-20240808" / "usdm"
    return [folder / "btcusdt_20240808.gz", folder / "ethusdt_20240808.gz"]


@pytest.fixture(scope="module")
def expected(recordings: list[Path]) -> Outputs:
    return pipeline_outputs(recordings, Settings())[1]


@pytest.fixture
def cluster(kafka: KafkaServer, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(f"kafka://{kafka.bootstrap}", next(prefixes), tmp_path, SYMBOLS) as made:
        yield made


def play(cluster: Cluster, recordings: list[Path], *, speed: str) -> None:
    sources = [part for path in recordings for part in ("--source", str(path))]
    cluster.start("feed", *sources, "--speed", speed)


def test_a_worker_and_an_account_killed_in_mid_stream(
    cluster: Cluster, recordings: list[Path], expected: Outputs
) -> None:
    cluster.start("worker")
    cluster.start("execution")
    play(cluster, recordings, speed="40x")
    cluster.wait_until(lambda counts: counts["confluence.scores"] > 200)
    cluster.kill("worker")
    cluster.start("worker")
    cluster.wait_until(lambda counts: counts["execution.orders"] > 40)
    cluster.kill("execution")
    cluster.start("execution")
    assert digests(cluster.wait_for(expected)) == digests(expected)


def test_two_workers_share_the_symbols_and_one_takes_over(
    cluster: Cluster, recordings: list[Path], expected: Outputs
) -> None:
    cluster.start("worker", name="first")
    cluster.start("worker", name="second")
    cluster.start("execution", name="active")
    cluster.start("execution", name="standby")
    play(cluster, recordings, speed="40x")
    cluster.wait_until(lambda counts: counts["confluence.scores"] > 200)
    cluster.kill("first")
    cluster.kill("active")
    cluster.start("worker", name="first")
    assert digests(cluster.wait_for(expected)) == digests(expected)


@pytest.mark.chaos
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_twenty_random_kills(
    cluster: Cluster, recordings: list[Path], expected: Outputs, workers: int, seed: int
) -> None:
    rng = random.Random(seed)
    names = [f"worker{n}" for n in range(workers)]
    for name in names:
        cluster.start("worker", name=name)
    cluster.start("execution", name="execution")
    play(cluster, recordings, speed="8x")
    for _ in range(5):
        victim = rng.choice([*names, "execution"])
        goal = rng.randrange(20, 160)
        before = _scores(cluster)
        cluster.wait_until(lambda c, at=before + goal: c["confluence.scores"] > at)  # type: ignore[misc]
        cluster.kill(victim)
        cluster.start("execution" if victim == "execution" else "worker", name=victim)
    assert digests(cluster.wait_for(expected)) == digests(expected)


@pytest.mark.chaos
@pytest.mark.parametrize("point", WORKER_POINTS)
def test_a_worker_dies_at_a_failpoint(
    cluster: Cluster, recordings: list[Path], expected: Outputs, point: str
) -> None:
    cluster.start("worker", failpoint=f"{point}:3")
    cluster.start("execution")
    play(cluster, recordings, speed="40x")
    assert cluster.died("worker")
    cluster.start("worker")
    assert digests(cluster.wait_for(expected)) == digests(expected)


@pytest.mark.chaos
@pytest.mark.parametrize("point", [*EXECUTION_POINTS, "snapshot.written", "snapshot.flushed"])
def test_an_account_dies_at_a_failpoint(
    cluster: Cluster, recordings: list[Path], expected: Outputs, point: str
) -> None:
    cluster.start("worker")
    cluster.start("execution", failpoint=f"{point}:3")
    play(cluster, recordings, speed="40x")
    assert cluster.died("execution")
    cluster.start("execution")
    assert digests(cluster.wait_for(expected)) == digests(expected)


def _scores(cluster: Cluster) -> int:
    return len(cluster.outputs()["confluence.scores"])
