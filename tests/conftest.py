"""Fixtures and rules for every test."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.support.kafka import KafkaServer
from tests.support.kafka_home import KafkaUnavailable, kafka_home
from tests.support.needs import in_ci, market_data_dir, require_or_skip, skip_that_must_fail
from tests.support.postgres import PostgresServer, PostgresUnavailable, postgres_bin

# The two cores are shared, so an example's time says nothing. In CI every run tries the same
# examples: what fails there fails again on a laptop with CI=true.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if in_ci() else "dev")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip of a test that CI has to provide for into a failure."""
    report = yield
    if skip_that_must_fail(item, report):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: must not be skipped in CI: {reason}"
    return report


@pytest.fixture(autouse=True)
def _logs_as_by_default() -> None:
    """A role that ran in this process has said where its lines go; the next test has not."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of recorded market data; the test also carries ``needs_market_data``."""
    folder = market_data_dir()
    require_or_skip(
        (folder / "recordings").is_dir(),
        f"no market data in {folder}; name the folder that holds recordings/ in PRISM_MARKET_DATA",
    )
    return folder


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this run of the tests; see ``tests.support.once``."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A real Apache Kafka on loopback; the test also carries ``needs_kafka``."""
    try:
        kafka_home()
    except KafkaUnavailable as error:
        require_or_skip(False, str(error))
    with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL on loopback; the test also carries ``needs_database``."""
    try:
        postgres_bin()
    except PostgresUnavailable as error:
        require_or_skip(False, str(error))
    with PostgresServer() as server:
        yield server
