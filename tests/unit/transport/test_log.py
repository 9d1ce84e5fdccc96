"""Keys to partitions, topic specs, and what is no broker's address."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from schemas.errors import BrokerUnreachable, UsageError
from schemas.settings import BrokerSettings
from schemas.topics import TOPICS
from streams.transport.log import open_log, partition_of, topic_specs


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [  # Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
@pytest.mark.parametrize("count", [1, 5, 8, 1000])
def test_a_key_goes_where_kafkas_own_clients_put_it(key: bytes, murmur2: int, count: int) -> None:
    assert partition_of(key, count) == (murmur2 & 0x7FFFFFFF) % count


def test_every_topic_of_the_table_is_specified_with_prefix_and_partitions() -> None:
    specs = topic_specs(BrokerSettings(partitions=6, topic_prefix="x."))
    always = [topic for topic in TOPICS if not topic.optional]
    assert [spec.name for spec in specs] == [f"x.{topic.name}" for topic in always]
    by_name = {spec.name: spec for spec in specs}
    assert by_name["x.market.frames"].partitions == 6
    assert by_name["x.control"].partitions == 1
    assert by_name["x.control"].retention_ms is None


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:1",
        "kafka://",
        "kafka://h:port",
        "embedded://x?sede=1",
        "embedded://x?seed=y",
        "h:9092",
    ],
)
def test_an_address_that_is_none_is_refused_with_the_forms_that_are(url: str) -> None:
    with pytest.raises(UsageError, match=r"embedded://|kafka://|whole numbers"):
        asyncio.run(open_log(url))


def test_a_dead_address_is_one_clear_error_within_seconds() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(BrokerUnreachable, match=f"no broker answers at kafka://127.0.0.1:{port}"):
        asyncio.run(open_log(f"kafka://127.0.0.1:{port}"))
    assert time.monotonic() - started < 6


def test_a_port_that_is_no_broker_is_one_clear_error_within_seconds() -> None:
    async def main() -> None:
        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(BrokerUnreachable, match="not as a Kafka broker"):
                await open_log(f"kafka://127.0.0.1:{port}")

    started = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - started < 12
