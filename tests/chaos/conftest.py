"""Scenarios on Kafka, and what they must give."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.chaos.cluster import Cluster
from tests.chaos.expected import SYMBOLS, pipeline_outputs
from tests.chaos.outputs import Outputs
from tests.support.kafka import KafkaServer

_numbers = itertools.count()


@pytest.fixture(scope="session")
def recordings(market_data: Path) -> list[Path]:
    """Six minutes of BTC and ETH, USD-M."""
    folder = market_data / "recordings" / "btc-eth-20240808" / "usdm"
    return [folder / "btcusdt_20240808.gz", folder / "ethusdt_20240808.gz"]


@pytest.fixture(scope="session")
def expected(recordings: list[Path]) -> Outputs:
    """What the recordings give undisturbed."""
    return pipeline_outputs(recordings, Settings())


@pytest.fixture
def cluster(
    request: pytest.FixtureRequest, kafka: KafkaServer, tmp_path: Path
) -> Iterator[Cluster]:
    """A scenario with topics of its own on the shared broker.

    With 4 partitions, or as many as the parameter says, each symbol has one of its own; with 3 both
    share one, so that the younger snapshot must not decide where reading starts again.
    """
    prefix, partitions = f"chaos{next(_numbers)}.", getattr(request, "param", 4)
    url = f"kafka://{kafka.bootstrap}"
    with Cluster(url, prefix, tmp_path, SYMBOLS, partitions=partitions) as made:
        yield made
