"""docker-compose.yml: valid, loopback only, and its roles run with its commands and environment."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from schemas.health import Heartbeat
from schemas.settings import load_settings
from schemas.topics import CONFLUENCE_SCORES, HEALTH
from streams.transport.log import Log, TopicPartition, open_log
from tests.support.kafka import KafkaServer
from tests.support.needs import REPOSITORY
from tests.support.postgres import PostgresServer

COMPOSE = REPOSITORY / "docker-compose.yml"
PRISM = Path(sys.executable).with_name("prism")
PREFIX = "compose."
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return loaded


def roles(services: dict[str, Any]) -> dict[str, Any]:
    return {n: s for n, s in services.items() if s["image"].startswith("market-prism")}


def test_the_file_follows_the_compose_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_published_beyond_loopback(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_every_role_is_there(services: dict[str, Any]) -> None:
    assert set(roles(services)) == {"feed", "worker", "execution"}


def test_verdicts_come_before_what_the_account_does_with_them(services: dict[str, Any]) -> None:
    usual = 1_024
    assert services["worker"]["cpu_shares"] > services["execution"].get("cpu_shares", usual)


def test_the_environment_names_known_settings(services: dict[str, Any]) -> None:
    for service in roles(services).values():
        settings = load_settings(environ=service["environment"])
        assert settings.broker.url == "kafka://redpanda:9092"
        assert len(settings.runtime.symbols) == 3


def test_the_account_keeps_its_ledger_in_the_database_of_the_file(services: dict[str, Any]) -> None:
    settings = load_settings(environ=services["execution"]["environment"])
    assert settings.store.url == "postgresql://prism@postgres:5432/prism"
    assert "ports" not in services["postgres"]


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def running(
    kafka: KafkaServer, database: str, services: dict[str, Any], tmp_path: Path
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    started = {}
    for name, service in roles(services).items():
        environment = {
            **os.environ,
            **service["environment"],
            "PRISM_BROKER__URL": f"kafka://{kafka.bootstrap}",
            "PRISM_BROKER__TOPIC_PREFIX": PREFIX,
        }
        if "PRISM_STORE__URL" in environment:
            environment["PRISM_STORE__URL"] = database
        with (tmp_path / f"{name}.log").open("wb") as log:
            started[name] = subprocess.Popen(
                [str(PRISM), *service["command"]],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    yield started
    for process in started.values():
        process.kill()
        process.wait()


@pytest.mark.needs_kafka
@pytest.mark.needs_database
def test_each_role_runs_on_a_broker(
    kafka: KafkaServer,
    database: str,
    running: dict[str, subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    components = asyncio.run(_components(f"kafka://{kafka.bootstrap}"))
    assert {c.partition("@")[0] for c in components} == {"worker", "execution-paper"}
    for name, process in running.items():
        assert process.poll() is None, (tmp_path / f"{name}.log").read_text()
        process.terminate()
    codes = {name: process.wait(30) for name, process in running.items()}
    for name in running:
        assert b"\x1b" not in (tmp_path / f"{name}.log").read_bytes(), "escapes in a log file"
    assert codes == {"feed": 0, "worker": 0, "execution": 0}
    with psycopg.connect(database) as connection:
        made = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()
    assert made is not None
    assert made[0] >= 1, "the account did not open the database of the file"


async def _components(broker: str) -> list[str]:
    """Components that report health, once scores are there and both roles have reported."""
    log = await _when_topics_exist(broker)
    scores = [TopicPartition(PREFIX + CONFLUENCE_SCORES.name, n) for n in range(8)]
    health = TopicPartition(PREFIX + HEALTH.name, 0)
    decoder = HEALTH.decoder()
    found: dict[str, None] = {}
    at = 0
    deadline = time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < deadline:
            for record in await log.read(health.topic, 0, at, wait_ms=200):
                at = record.offset + 1
                beat = decoder.decode(record.value or b"")
                assert isinstance(beat, Heartbeat)
                if beat.messages:
                    found[beat.component] = None
            ends = await log.end_offsets(scores)
            if len(found) == 2 and max(ends.values()) >= 3:
                return list(found)
        raise TimeoutError(f"after {PATIENCE_S:.0f} s only {list(found)}")
    finally:
        await log.close()


async def _when_topics_exist(broker: str) -> Log:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        log = await open_log(broker)
        if PREFIX + HEALTH.name in await log.partition_counts():
            return log
        await log.close()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
