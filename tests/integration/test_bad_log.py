"""What should not be in the log, or not as it is: a dead letter or a refusal, and life goes on."""

from __future__ import annotations

import asyncio
import itertools
import socket
from pathlib import Path

import pytest

from schemas.codec import SCHEMA_VERSION, encode
from schemas.errors import TopicMismatch
from schemas.health import DeadLetter
from schemas.settings import Settings
from schemas.topics import (
    ALERTS,
    CONFLUENCE_SCORES,
    CONTROL,
    DIMENSION_SCORES,
    FRAMES,
    SIGNALS,
    Topic,
)
from streams.transport.broker import forget
from streams.transport.log import TopicSpec, open_log, topic_specs
from tests.chaos.cluster import Cluster
from tests.chaos.inside import Inside
from tests.chaos.market import Market, short_market, short_settings
from tests.chaos.outputs import dead_letters, digests
from tests.support.kafka import KafkaServer, free_port
from tests.support.prism import prism

ROLES_OF_ALL_TOPICS = ("worker-orderbook", "worker-orderflow", "worker-join", "execution")
"""Between them they read every topic; a worker with all dimensions has no need of their scores."""
READERS = {FRAMES: 3, CONFLUENCE_SCORES: 1, SIGNALS: 1, CONTROL: 1, DIMENSION_SCORES: 1}
"""How many of them read a topic: each has to say what it cannot use."""

_numbers = itertools.count()


@pytest.fixture(scope="module")
def market() -> Market:
    return short_market()


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.needs_kafka)])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Settings that name a broker without topics of ours."""
    number = next(_numbers)
    if request.param == "embedded":
        return short_settings(url=f"embedded://bad-{number}")
    server: KafkaServer = request.getfixturevalue("kafka")
    return short_settings(url=f"kafka://{server.bootstrap}", topic_prefix=f"bad{number}.")


def from_the_future(body: bytes) -> bytes:
    """A message as the next version of the product might write it."""
    return body[:1] + bytes([SCHEMA_VERSION + 1]) + body[2:]


def test_what_cannot_be_decoded_becomes_a_dead_letter_and_the_rest_goes_on(
    settings: Settings, market: Market
) -> None:
    future = from_the_future(encode(market.frames[0]))
    bad: list[tuple[Topic, bytes, str]] = [
        (FRAMES, b"garbage", "Undecodable"),
        (FRAMES, future, "SchemaFromFuture"),
        (FRAMES, encode(market.expected["confluence.signals"][0]), "Undecodable"),
        (FRAMES, encode(market.frames[0])[:-5], "Undecodable"),
        (DIMENSION_SCORES, future, "SchemaFromFuture"),
        (CONFLUENCE_SCORES, b"\x92\x01", "Undecodable"),
        (SIGNALS, b"\x00" * 40, "Undecodable"),
        (CONTROL, b"{}", "Undecodable"),
    ]
    found, letters = asyncio.run(with_bad_records(settings, market, bad))
    wanted_digests = digests(market.expected)
    for answer in (found, wanted_digests):
        answer.pop(ALERTS.name)  # of who is behind
    assert found == wanted_digests
    prefix = settings.broker.topic_prefix
    wanted = [
        (prefix + topic.name, reason, body)
        for topic, body, reason in bad
        for _ in range(READERS[topic])
    ]
    assert sorted((x.source, x.reason, x.body) for x in letters) == sorted(wanted)
    assert all(letter.detail.startswith(f"{letter.source}[") for letter in letters)
    futures = [letter for letter in letters if letter.reason == "SchemaFromFuture"]
    told = f"schema version {SCHEMA_VERSION + 1}, this build reads up to {SCHEMA_VERSION}: upgrade"
    assert all(told in letter.detail for letter in futures)


async def with_bad_records(
    settings: Settings, market: Market, bad: list[tuple[Topic, bytes, str]]
) -> tuple[dict[str, tuple[int, str]], list[DeadLetter]]:
    """Digests and dead letters of a market among whose records there are bad ones."""
    key = market.frames[0].key.encode()
    step = len(market.frames) // (len(bad) + 1)
    async with Inside(settings) as roles:
        await roles.start(*ROLES_OF_ALL_TOPICS)
        for number, (topic, body, _) in enumerate(bad):
            await roles.play(market.frames[number * step : (number + 1) * step])
            await roles.log.produce(settings.broker.topic_prefix + topic.name, key, body)
        await roles.play(market.frames[len(bad) * step :])
        found = await roles.finish(market.expected)
        return found, await dead_letters(roles.log, prefix=settings.broker.topic_prefix)


def refusal(*arguments: str, code: int = 1) -> str:
    """The one line with which `prism` ends, without a role having run."""
    done = prism(*arguments)
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    return line.removeprefix("prism: error: ")


ROLES = (("worker",), ("execution", "--symbols", "simulated:BTC/USDT:USDT"), ("feed",))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role[0])
def test_a_wrong_address_is_one_line(role: tuple[str, ...]) -> None:
    address = f"kafka://127.0.0.1:{free_port()}"
    line = refusal(*role, "--broker", address)
    assert line.startswith(f"no broker answers at {address} (")
    assert line.endswith("; start it, or correct broker.url")
    assert "a port is a number" in refusal(*role, "--broker", "kafka://here:there", code=2)
    assert "kafka://host:port" in refusal(*role, "--broker", "redis://localhost", code=2)


def test_something_else_at_the_address_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"kafka://127.0.0.1:{mute.getsockname()[1]}"
        assert "something answers, but not as a Kafka broker" in refusal(
            "worker", "--broker", address
        )


@pytest.mark.needs_kafka
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role[0])
def test_a_topic_with_another_partition_count_is_one_line(
    kafka: KafkaServer, role: tuple[str, ...]
) -> None:
    prefix = f"count{next(_numbers)}."
    kafka.create_topics({f"{prefix}market.frames": 2})
    line = refusal(
        *role, "--broker", f"kafka://{kafka.bootstrap}", "--set", f"broker.topic_prefix={prefix}"
    )
    assert line == (
        f"topic {prefix}market.frames has 2 partitions, the settings want 8; set broker.partitions "
        "to what it has, or use another topic_prefix"
    )
    ours = [name for name in kafka.topics() if name.startswith(prefix)]
    assert ours == [f"{prefix}market.frames"]


@pytest.mark.needs_kafka
def test_a_changelog_with_another_partition_count_is_one_line(kafka: KafkaServer) -> None:
    prefix = f"log{next(_numbers)}."
    changelog = f"{prefix}prism-worker-{prefix}symbols-changelog"
    kafka.create_topics({changelog: 1})
    line = refusal(
        "worker", "--broker", f"kafka://{kafka.bootstrap}", "--set", f"broker.topic_prefix={prefix}"
    )
    assert line.startswith(f"topic {changelog} has 1 partitions, the settings want 8")


def test_the_embedded_broker_refuses_another_partition_count(tmp_path: Path) -> None:
    url = f"embedded://{tmp_path}/broker"

    async def run() -> None:
        log = await open_log(url)
        await log.ensure_topics([TopicSpec(FRAMES.name, 2)])
        with pytest.raises(TopicMismatch, match="has 2 partitions, the settings want 4"):
            await log.ensure_topics(topic_specs(short_settings(url=url).broker))

    asyncio.run(run())
    forget(url)


@pytest.mark.needs_kafka
def test_roles_whose_topic_is_deleted_say_so_and_end(kafka: KafkaServer, tmp_path: Path) -> None:
    prefix, url = f"gone{next(_numbers)}.", f"kafka://{kafka.bootstrap}"
    with Cluster(url, prefix, tmp_path, short_settings().runtime.symbols) as cluster:
        cluster.start("worker", "execution", "feed")
        cluster.wait_until(lambda counts: counts["confluence.scores"] > 10)
        asyncio.run(delete(url, prefix + FRAMES.name))
        for name in ("worker", "execution"):
            cluster.ended([name])
            text = "\n".join(cluster.log_of(name))
            assert cluster.processes.pop(name).returncode == 1
            assert f"topic {prefix}market.frames has 0 partitions, the settings want 4" in text


async def delete(url: str, topic: str) -> None:
    log = await open_log(url)
    await log.delete_topics([topic])
    await log.close()
