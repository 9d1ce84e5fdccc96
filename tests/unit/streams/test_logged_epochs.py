"""A feed begins an epoch later than any of its symbol's frames on the topic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from schemas.codec import encode
from schemas.errors import BrokerError
from schemas.frame import NS_PER_S, Frame
from schemas.series import Series, SeriesName
from streams import logged_epochs
from streams.logged_epochs import LoggedEpochs
from streams.transport.broker import forget
from streams.transport.log import (
    Log,
    OffsetOutOfRange,
    Record,
    TopicPartition,
    TopicSpec,
    open_log,
)
from tests.support.messages import VENUE, frame_at

URL = "embedded://logged-epochs"
TOPIC = "frames"
A, B = f"{VENUE}:A/USDT:USDT", f"{VENUE}:B/USDT:USDT"
MUCH = 4_500
"""More than is read back at once, twice over."""


@asynccontextmanager
async def topic() -> AsyncIterator[Log]:
    log = await open_log(URL)
    await log.ensure_topics([TopicSpec(TOPIC, 1)])
    try:
        yield log
    finally:
        await log.close()
        forget(URL)


def of(key: str, epoch: int) -> Frame:
    symbol = key.partition(":")[2]
    return msgspec.structs.replace(frame_at(NS_PER_S, symbol=symbol), epoch=epoch)


async def write(log: Log, *messages: Frame | Series, times: int = 1) -> None:
    for message in messages:
        body = encode(message)
        for _ in range(times):
            await log.produce(TOPIC, message.key.encode(), body, partition=0)
    await log.flush()


async def last(epochs: LoggedEpochs, *keys: str) -> list[int]:
    """Asked at once, as a feed asks for its symbols."""
    return await asyncio.gather(*(epochs.last(key.encode(), 0) for key in keys))


def test_the_newest_of_each_symbol_is_found_however_far_back() -> None:
    async def run() -> None:
        async with topic() as log:
            await write(log, of(A, 3))
            await write(log, of(B, 7), times=MUCH)
            epochs = LoggedEpochs(log, TOPIC)
            assert await last(epochs, A, B, f"{VENUE}:C/USDT:USDT") == [3, 7, 0]
            await write(log, of(A, 4), of(B, 8))
            assert await last(epochs, B, A) == [8, 4]

    asyncio.run(run())


def test_history_has_no_epoch_and_hides_none() -> None:
    symbol = A.partition(":")[2]
    told = Series(VENUE, symbol, SeriesName.FEAR_GREED, "file", NS_PER_S, (NS_PER_S,), (50.0,))

    async def run() -> None:
        async with topic() as log:
            await write(log, of(A, 5))
            await write(log, told, times=MUCH)
            assert await last(LoggedEpochs(log, TOPIC), A) == [5]

    asyncio.run(run())


def test_a_topic_that_gives_nothing_is_not_taken_for_an_empty_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent(*_at: object, **_how: object) -> list[Record]:
        return []

    async def run() -> None:
        async with topic() as log:
            await write(log, of(A, 5))
            monkeypatch.setattr(log, "read", silent)
            await LoggedEpochs(log, TOPIC).last(A.encode(), 0)

    with pytest.raises(BrokerError, match="ends at offset 1, but nothing came of it from 0 on"):
        asyncio.run(run())


def test_what_retention_removes_while_it_is_looked_for_hides_none_and_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        async with topic() as log:
            await write(log, of(B, 7), times=MUCH)
            read = log.read

            async def quicker(topic: str, number: int, offset: int, **how: int) -> list[Record]:
                if offset < 300:
                    raise OffsetOutOfRange(TopicPartition(topic, number), offset, begin=300, end=0)
                return await read(topic, number, offset, **how)

            monkeypatch.setattr(log, "read", quicker)
            epochs = LoggedEpochs(log, TOPIC)
            assert await last(epochs, A, B) == [0, 7]

    asyncio.run(run())


def test_a_symbol_that_retention_may_have_removed_is_at_the_present_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Readers keep their states for good: a feed that counted from 1 again would not be heard."""
    monkeypatch.setattr(logged_epochs, "now_ns", lambda: 1_700_000_000 * NS_PER_S + 5)

    async def run() -> None:
        log = await open_log(URL)
        await log.ensure_topics([TopicSpec(TOPIC, 1, retention_bytes=100_000)])
        await write(log, of(A, 7))
        assert await last(LoggedEpochs(log, TOPIC), A, B) == [7, 0]
        await write(log, of(B, 3), times=1_000)
        assert await last(LoggedEpochs(log, TOPIC), A, B) == [1_700_000_000, 3]
        await log.close()
        forget(URL)

    asyncio.run(run())


def test_a_new_symbol_does_not_have_a_whole_day_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logged_epochs, "now_ns", lambda: 1_700_000_000 * NS_PER_S + 5)
    monkeypatch.setattr(logged_epochs, "MOST_LOOKED_AT", 3_000)

    async def run() -> None:
        async with topic() as log:
            await write(log, of(A, 7))
            await write(log, of(B, 3), times=MUCH)
            read, offsets = log.read, list[int]()

            async def noted(topic: str, number: int, offset: int, **how: int) -> list[Record]:
                offsets.append(offset)
                return await read(topic, number, offset, **how)

            monkeypatch.setattr(log, "read", noted)
            assert await last(LoggedEpochs(log, TOPIC), B, A) == [3, 1_700_000_000]
            assert min(offsets) >= MUCH + 1 - 4_000

    asyncio.run(run())
