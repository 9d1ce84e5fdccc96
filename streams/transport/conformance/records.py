"""Checks of topics, and of records on their way into the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from schemas.errors import TopicMismatch
from streams.transport.conformance.bench import Bench, Violation, check, expect, read_from
from streams.transport.log import Log, Record, TopicPartition, TopicSpec, partition_of


@check
async def topics_are_created_once(bench: Bench) -> None:
    """A topic is created once; asking again changes nothing."""
    log, name = await bench.log(), bench.name()
    for _ in range(2):
        await log.ensure_topics([TopicSpec(name, 3)])
    expect((await log.partition_counts()).get(name), 3, "partitions")


@check
async def partition_mismatch_is_refused(bench: Bench) -> None:
    """A topic with another partition count is refused, naming both, and nothing is created."""
    log, other = await bench.log(), bench.name()
    name = await bench.topic(log, 3)
    try:
        await log.ensure_topics([TopicSpec(other, 1), TopicSpec(name, 4)])
    except TopicMismatch as error:
        expect("3" in str(error) and "4" in str(error), True, "the error names both counts")
    else:
        raise Violation("4 partitions were accepted for a topic of 3")
    expect((await log.partition_counts()).get(other), None, "the topic listed before it")


@check
async def unknown_topic_is_an_error(bench: Bench) -> None:
    """An unknown topic or partition is one clear error, at once."""
    log = await bench.log()
    known, unknown = await bench.topic(log), bench.name()
    for topic, partition in ((unknown, 0), (known, 7)):
        at = TopicPartition(topic, partition)
        tries: list[Awaitable[object]] = [
            log.produce(topic, b"k", b"v", partition=partition),
            log.read(topic, partition, 0),
            log.end_offsets([at]),
        ]
        for attempt in tries:
            try:
                await attempt
            except TopicMismatch:
                continue
            raise Violation(f"{topic}[{partition}] does not exist, and nobody said so")


@check
async def deleted_topics_are_gone(bench: Bench) -> None:
    """A deleted topic is gone with its records; made anew it is empty and as wide as told."""
    log, other = await bench.log(), await bench.log()
    name = await bench.topic(log, 2)
    await (await log.produce(name, None, b"old", partition=0))
    await log.delete_topics([name])
    expect((await other.partition_counts()).get(name), None, "partitions of what was deleted")
    await other.ensure_topics([TopicSpec(name, 2)])
    expect(await other.end_offsets([TopicPartition(name, 0)]), {(name, 0): 0}, "records made anew")
    await other.delete_topics([name, bench.name()])
    await other.ensure_topics([TopicSpec(name, 3)])
    expect((await other.partition_counts()).get(name), 3, "partitions made anew")


@check
async def keys_choose_partitions(bench: Bench) -> None:
    """A key goes to the partition that its murmur2 hash names, as with Kafka's own clients."""
    log = await bench.log()
    name = await bench.topic(log, 5)
    keys = [b"binance:BTC/USDT", b"", bytes(range(256)), *(b"key %d" % n for n in range(40))]
    for key in keys:
        partition, _ = await (await log.produce(name, key, b""))
        expect(partition, partition_of(key, 5), f"partition of {key!r}")


@check
async def order_is_kept(bench: Bench) -> None:
    """A partition keeps the order of each producer, also of several at once."""
    logs = [await bench.log() for _ in range(3)]
    name = await bench.topic(logs[0], 2)

    async def send(producer: int, log: Log) -> None:
        for number in range(300):
            await log.produce(name, None, b"%d %d" % (producer, number), partition=number % 2)
        await log.flush()

    await asyncio.gather(*(send(producer, log) for producer, log in enumerate(logs)))
    for partition in range(2):
        records = await read_from(logs[0], TopicPartition(name, partition), 0, 450)
        for producer in range(3):
            mine = [
                int(v.split()[1]) for r in records if (v := r.value or b"")[:1] == b"%d" % producer
            ]
            expect(mine, list(range(partition, 300, 2)), f"order of producer {producer}")


@check
async def offsets_are_contiguous(bench: Bench) -> None:
    """Offsets count 0, 1, 2 ..., and the acknowledgement tells each record's own."""
    log = await bench.log()
    name = await bench.topic(log)
    sent = [await log.produce(name, b"k", b"%d" % n) for n in range(500)]
    expect([(await done)[1] for done in sent], list(range(500)), "acknowledged offsets")
    records = await read_from(log, TopicPartition(name, 0), 0, 500)
    expect([r.offset for r in records], list(range(500)), "offsets read")
    expect([r.value for r in records], [b"%d" % n for n in range(500)], "values read")


@check
async def records_are_kept_whole(bench: Bench) -> None:
    """Keys, values, headers and timestamps come back as sent: binary, empty, absent."""
    log = await bench.log()
    name = await bench.topic(log)
    every = bytes(range(256))
    # Timestamps of today: a broker may refuse or expire others.
    now_ms = time.time_ns() // 1_000_000
    sent = [
        Record(name, 0, 0, now_ms, every, every, (("a", every), ("a", b""), ("ü", b"1"))),
        Record(name, 0, 1, now_ms - 5000, b"", b"", ()),
        Record(name, 0, 2, now_ms + 1, b"tombstone", None, ()),
        Record(name, 0, 3, now_ms, None, b"keyless", ()),
    ]
    for r in sent:
        await log.produce(
            name, r.key, r.value, partition=0, headers=r.headers, timestamp_ms=r.timestamp_ms
        )
    await log.flush()
    for given, wanted in zip(
        await read_from(log, TopicPartition(name, 0), 0, 4), sent, strict=True
    ):
        expect(given, wanted, "record")


@check
async def timestamps_are_filled_in(bench: Bench) -> None:
    """A record without a timestamp gets the time of sending."""
    log = await bench.log()
    name = await bench.topic(log)
    before = time.time_ns() // 1_000_000
    await (await log.produce(name, b"k", b"v"))
    [record] = await read_from(log, TopicPartition(name, 0), 0, 1)
    expect(abs(record.timestamp_ms - before) < 60_000, True, "within a minute of now")


@check
async def large_records_pass(bench: Bench) -> None:
    """A record of 1 MB goes through."""
    log = await bench.log()
    name = await bench.topic(log)
    value = bytes(range(250)) * 4000
    await (await log.produce(name, b"large", value))
    [record] = await read_from(log, TopicPartition(name, 0), 0, 1)
    expect(record.value == value, True, "the same million bytes")


@check
async def the_last_of_each_key_is_kept(bench: Bench) -> None:
    """A compacted topic keeps the last record of every key, in order, under its own offset."""
    log, name = await bench.log(), bench.name()
    await log.ensure_topics([TopicSpec(name, 1, compacted=True)])
    keys, rounds = [b"a", b"b", b"c", b"d"], 12
    for round_ in range(rounds):
        value = b"%d " % round_ + bytes(100_000)
        for key in keys[: None if round_ < rounds - 1 else 2]:
            await log.produce(name, key, value)
    await log.flush()
    at = TopicPartition(name, 0)
    last: dict[bytes | None, tuple[bytes, int]] = {}
    offset, end = (await log.begin_offsets([at]))[at], (await log.end_offsets([at]))[at]
    expect(end, len(keys) * rounds - 2, "the end")
    while offset < end:
        records = await log.read(*at, offset, wait_ms=5_000)
        expect(bool(records), True, f"records from {offset}")
        for record in records:
            expect(record.offset >= offset, True, f"the order at {offset}")
            offset = record.offset + 1
            last[record.key] = (record.value or b"")[:2], record.offset
    expect(
        last,
        {b"a": (b"11", 44), b"b": (b"11", 45), b"c": (b"10", 42), b"d": (b"10", 43)},
        "the last of each key",
    )
