"""Checks of consumer groups and of the offsets that they commit."""

from __future__ import annotations

import asyncio

from streams.transport.conformance.bench import Bench, check, expect
from streams.transport.log import Record, Subscription, TopicPartition

PATIENCE_S = 15.0


@check
async def commits_are_kept(bench: Bench) -> None:
    """Committed offsets are kept by group and partition, over connections."""
    log, other = await bench.log(), await bench.log()
    name = await bench.topic(log, 2)
    group, stranger = bench.name(), bench.name()
    first, second = TopicPartition(name, 0), TopicPartition(name, 1)
    await log.commit(group, {first: 5})
    await log.commit(group, {first: 7})
    expect(await other.committed(group, [first, second]), {first: 7, second: None}, "committed")
    await log.commit(group, {first: 6})
    expect(await other.committed(group, [first]), {first: 6}, "committed, back again")
    await log.commit(group, {first: 7})
    await log.commit(group, {second: 0})
    expect(await other.committed(group, [first, second]), {first: 7, second: 0}, "zero is a number")
    expect(await other.committed(stranger, [first]), {first: None}, "of another group")


async def _share(topic: str, count: int, *members: Subscription) -> None:
    """Wait until the members hold every partition, each exactly one of them."""
    every = {TopicPartition(topic, n) for n in range(count)}
    held: list[TopicPartition] = []
    async with asyncio.timeout(PATIENCE_S):
        while True:
            held = [at for member in members for at in member.assignment()]
            shared = all(member.assignment() for member in members)
            if shared and len(held) == count and set(held) == every:
                return
            await asyncio.gather(*(member.poll(wait_ms=50) for member in members))


@check
async def groups_share_partitions(bench: Bench) -> None:
    """Each partition belongs to exactly one member of a group; who leaves is taken over from."""
    log = await bench.log()
    name, group = await bench.topic(log, 4), bench.name()
    stays, leaves = await log.subscribe(group, [name]), await log.subscribe(group, [name])
    await _share(name, 4, stays, leaves)
    await leaves.close()
    await _share(name, 4, stays)
    comes = await log.subscribe(group, [name])
    await _share(name, 4, stays, comes)
    await comes.close()
    await stays.close()


@check
async def groups_go_on_where_they_committed(bench: Bench) -> None:
    """A group goes on where it has committed, no further, and groups do not disturb each other."""
    log = await bench.log()
    name, group, other = await bench.topic(log), bench.name(), bench.name()
    for n in range(20):
        await log.produce(name, b"k", b"%d" % n)
    await log.flush()
    for round_ in range(2):
        member = await log.subscribe(group, [name])
        records = await _polled(member, 10)
        expect([r.offset for r in records], [round_ * 10 + n for n in range(10)], "offsets")
        await member.commit()
        await member.close()
    member = await log.subscribe(group, [name])
    await log.produce(name, b"k", b"20")
    expect([r.offset for r in await _polled(member, 1)], [20], "what was not committed")
    await member.close()
    member = await log.subscribe(group, [name])
    expect([r.offset for r in await _polled(member, 1)], [20], "what was not committed, again")
    await member.close()
    stranger = await log.subscribe(other, [name])
    expect([r.offset for r in await _polled(stranger, 10)], list(range(10)), "another group's")
    await stranger.close()


async def _polled(member: Subscription, count: int) -> list[Record]:
    found: list[Record] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            found += await member.poll(max_records=count - len(found), wait_ms=500)
    return found
