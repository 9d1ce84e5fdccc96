"""Checks of reading: from anywhere, at once, and waiting."""

from __future__ import annotations

import asyncio
import time

from streams.transport.conformance.bench import Bench, Violation, check, expect
from streams.transport.log import OffsetOutOfRange, TopicPartition


@check
async def reading_starts_anywhere(bench: Bench) -> None:
    """Reading starts at any offset; outside of the log it is an error that names the bounds."""
    log = await bench.log()
    name = await bench.topic(log)
    at = TopicPartition(name, 0)
    for n in range(100):
        await log.produce(name, b"k", b"%d" % n)
    await log.flush()
    for start in (0, 1, 57, 99, 3):
        records = await log.read(name, 0, start, max_records=2, wait_ms=5000)
        expect([r.offset for r in records], [start, start + 1][: 100 - start], f"from {start}")
    expect(await log.read(name, 0, 100), [], "at the end")
    for outside in (-1, 101):
        try:
            await log.read(*at, outside)
        except OffsetOutOfRange as error:
            expect((error.begin, error.end), (0, 100), "bounds")
        else:
            raise Violation(f"offset {outside} of 100 was read without an error")


@check
async def reads_do_not_mix(bench: Bench) -> None:
    """Reads of one partition at the same time each get all that they ask for."""
    log = await bench.log()
    name = await bench.topic(log)
    for n in range(300):
        await log.produce(name, b"k", b"%d" % n)
    await log.flush()

    async def from_(start: int) -> list[int]:
        offsets: list[int] = []
        while start + len(offsets) < 300:
            records = await log.read(name, 0, start + len(offsets), max_records=7, wait_ms=5000)
            expect(bool(records), True, f"records from {start + len(offsets)}")
            offsets += [record.offset for record in records]
        return offsets

    starts = (0, 299, 150, 0)
    found = await asyncio.gather(*map(from_, starts))
    expect(found, [list(range(start, 300)) for start in starts], "offsets")


@check
async def bounds_are_told(bench: Bench) -> None:
    """Begin and end offsets are those of the log."""
    log = await bench.log()
    name = await bench.topic(log, 2)
    first, second = TopicPartition(name, 0), TopicPartition(name, 1)
    for n in range(3):
        await log.produce(name, None, b"%d" % n, partition=1)
    await log.flush()
    expect(await log.begin_offsets([first, second]), {first: 0, second: 0}, "begin")
    expect(await log.end_offsets([first, second]), {first: 0, second: 3}, "end")


@check
async def acknowledged_is_readable(bench: Bench) -> None:
    """What is acknowledged can be read at once over another connection."""
    writer, reader = await bench.log(), await bench.log()
    name = await bench.topic(writer)
    at = TopicPartition(name, 0)
    for n in range(20):
        _, offset = await (await writer.produce(name, b"k", b"%d" % n))
        expect((await reader.end_offsets([at]))[at], offset + 1, "end seen by another")
        [record] = await reader.read(name, 0, offset)
        expect(record.value, b"%d" % n, "value seen by another")


@check
async def reads_wait(bench: Bench) -> None:
    """A read waits for data and returns when it comes, without polling."""
    writer, reader = await bench.log(), await bench.log()
    name = await bench.topic(writer)
    started = time.monotonic()
    expect(await reader.read(name, 0, 0, wait_ms=200), [], "an empty partition")
    expect(time.monotonic() - started >= 0.15, True, "waited as told")
    waiting = asyncio.ensure_future(reader.read(name, 0, 0, wait_ms=20_000))
    await asyncio.sleep(0.1)
    expect(waiting.done(), False, "the read has returned before there was anything")
    await (await writer.produce(name, b"k", b"v"))
    async with asyncio.timeout(5):
        [record] = await waiting
    expect(record.value, b"v", "value")
