"""The brokers that every test here runs on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.transport.broker import forget
from tests.support.kafka import KafkaServer
from tests.support.kafka_home import KafkaUnavailable
from tests.support.needs import require_or_skip

_numbers = itertools.count()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One Kafka broker for all tests of this run."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
    except KafkaUnavailable as error:
        require_or_skip(False, str(error))
    yield server
    server.kill()


@pytest.fixture(
    params=["memory", "disk", pytest.param("kafka", marks=pytest.mark.needs_kafka)],
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a broker: embedded in memory, embedded on disk, Apache Kafka."""
    if request.param == "kafka":
        server: KafkaServer = request.getfixturevalue("kafka")
        yield f"kafka://{server.bootstrap}"
        return
    address = (
        f"embedded://test-{next(_numbers)}"
        if request.param == "memory"
        else f"embedded://{tmp_path / 'broker'}"
    )
    yield address
    forget(address)
