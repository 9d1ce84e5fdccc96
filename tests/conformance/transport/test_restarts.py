"""What was acknowledged survives a kill -9 of the broker, and nothing is there twice."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from streams.transport.broker import forget
from streams.transport.conformance.bench import read_from
from streams.transport.log import TopicPartition, TopicSpec, open_log
from tests.support.kafka import KafkaServer
from tests.support.kafka_home import KafkaUnavailable
from tests.support.needs import REPOSITORY, require_or_skip

AT = TopicPartition("t", 0)


def _killed_writer(url: str, lines: int) -> tuple[int, int]:
    """Run a writer, kill it after so many lines; the last acknowledged offset and commit."""
    command = [sys.executable, "-m", "tests.conformance.transport.writer", url, "t"]
    acknowledged = committed = -1
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        for n, line in enumerate(process.stdout):
            word, _, offset = line.strip().partition(" ")
            if offset:
                committed = int(offset)
            else:
                acknowledged = int(word)
            if n >= lines:
                process.kill()
                break
    return acknowledged, committed


def test_an_embedded_broker_on_disk_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    url = f"embedded://{tmp_path / 'broker'}"
    chance = random.Random(1)
    for _ in range(4):
        acknowledged, committed = _killed_writer(url, chance.randrange(20, 200))

        async def look(acknowledged: int = acknowledged, committed: int = committed) -> None:
            log = await open_log(url)
            end = (await log.end_offsets([AT]))[AT]
            assert end > acknowledged
            records = await read_from(log, AT, 0, end)
            assert [r.offset for r in records] == list(range(end))
            assert [r.value for r in records] == [b"value %d" % n for n in range(end)]
            stored = (await log.committed("g", [AT]))[AT]
            assert stored is not None
            assert committed <= stored <= end
            await log.close()

        asyncio.run(look())
        forget(url)


@pytest.mark.needs_kafka
def test_kafka_keeps_what_it_acknowledged_and_a_producer_outlives_its_restart(
    tmp_path: Path,
) -> None:
    server = KafkaServer(tmp_path)
    try:
        server.start()
    except KafkaUnavailable as error:
        require_or_skip(False, str(error))

    async def main() -> None:
        log = await open_log(f"kafka://{server.bootstrap}")
        await log.ensure_topics([TopicSpec("t", 1)])
        sent = [await log.produce("t", b"k", b"%d" % n) for n in range(300)]
        await log.flush()
        await log.commit("g", {AT: 123})
        sent += [await log.produce("t", b"k", b"%d" % n) for n in range(300, 600)]
        await asyncio.to_thread(server.kill)
        sent += [await log.produce("t", b"k", b"%d" % n) for n in range(600, 700)]
        await asyncio.to_thread(server.start)
        # The producer goes on by itself: in order, nothing lost, nothing doubled.
        assert [(await done)[1] for done in sent] == list(range(700))
        await log.close()
        log = await open_log(f"kafka://{server.bootstrap}")
        records = await read_from(log, AT, 0, 700)
        assert [r.value for r in records] == [b"%d" % n for n in range(700)]
        assert await log.committed("g", [AT]) == {AT: 123}
        await log.close()

    try:
        asyncio.run(main())
    finally:
        server.kill()
