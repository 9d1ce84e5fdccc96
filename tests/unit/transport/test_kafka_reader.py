"""A reader that is given up while it connects."""

from __future__ import annotations

import asyncio

import pytest

from streams.transport.kafka_reader import PartitionReader
from streams.transport.log import TopicPartition


class _Connecting:
    """A consumer that never gets to its broker."""

    def __init__(self) -> None:
        self.closed = False

    async def start(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        self.closed = True


def test_who_gives_up_waiting_leaves_no_connection_behind() -> None:
    consumer = _Connecting()

    async def give_up() -> None:
        async with asyncio.timeout(0):
            await PartitionReader.open(consumer, TopicPartition("t", 0))

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert consumer.closed
