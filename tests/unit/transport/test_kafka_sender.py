"""Records that leave for Kafka by way of librdkafka: their order, their fate, and the end."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from schemas.errors import BrokerError
from streams.transport import kafka_sender
from streams.transport.kafka_log import KafkaLog
from streams.transport.kafka_sender import MAX_RECORD_BYTES, KafkaSender
from streams.transport.log import TopicSpec
from tests.support.kafka import KafkaServer, free_port

_names = (f"sender-{number}" for number in itertools.count())


@pytest.mark.needs_kafka
def test_who_waits_for_room_is_not_overtaken(
    kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for few records most calls wait; each partition keeps the order of all calls."""
    monkeypatch.setattr(kafka_sender, "_MOST_WAITING", 5)
    topic, called = next(_names), []

    async def main() -> tuple[list[bytes], list[int]]:
        log = await KafkaLog.connect(f"kafka://{kafka.bootstrap}")
        await log.ensure_topics([TopicSpec(topic, 1)])
        sender = KafkaSender([kafka.bootstrap])

        async def send(number: int) -> asyncio.Future[kafka_sender.Place]:
            called.append(b"%d" % number)
            return await sender.send(topic, None, b"%d" % number, partition=0)

        sent = await asyncio.gather(*(send(number) for number in range(200)))
        await sender.flush()
        offsets = [future.result()[1] for future in sent]
        read = await log.read(topic, 0, 0, max_records=1_000)
        await sender.close(within_s=10.0)
        await log.close()
        return [record.value or b"" for record in read], offsets

    read, offsets = asyncio.run(main())
    assert read == called
    assert offsets == list(range(200))


@pytest.mark.needs_kafka
def test_a_record_that_is_too_large_is_refused_and_the_next_one_goes(kafka: KafkaServer) -> None:
    topic = next(_names)

    async def main() -> int:
        log = await KafkaLog.connect(f"kafka://{kafka.bootstrap}")
        await log.ensure_topics([TopicSpec(topic, 1)])
        sender = KafkaSender([kafka.bootstrap])
        with pytest.raises(BrokerError, match=rf"{topic}\[0\]: not sent: .*too large"):
            await sender.send(topic, b"k", bytes(MAX_RECORD_BYTES + 1), partition=0)
        _, offset = await (await sender.send(topic, b"k", b"v", partition=0))
        await sender.close(within_s=10.0)
        await log.close()
        return offset

    assert asyncio.run(main()) == 0


def test_what_no_broker_takes_in_time_fails_and_says_so() -> None:
    async def main() -> None:
        sender = KafkaSender([f"127.0.0.1:{free_port()}"], deliver_within_s=0.2)
        sent = await sender.send("t", b"k", b"v", partition=0)
        await sender.flush()
        with pytest.raises(BrokerError, match=r"the broker did not take it: .*timed out"):
            sent.result()
        await sender.close(within_s=1.0)

    asyncio.run(main())


def test_the_end_is_not_held_up_by_a_broker_that_is_away() -> None:
    async def main() -> None:
        sender = KafkaSender([f"127.0.0.1:{free_port()}"])
        sent = await sender.send("t", b"k", b"v", partition=0)
        with pytest.raises(TimeoutError):
            await sender.close(within_s=0.05)
        assert sent.cancelled()

    asyncio.run(main())
