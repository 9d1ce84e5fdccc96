"""``prism feed --source``: what cannot be used of the files is a dead letter, and is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.feeds import FileFeed
from cli.pace import Pacer
from cli.roles import _feed
from cli.stop import Stop
from schemas.errors import UsageError
from schemas.frame import Frame
from schemas.health import DeadLetter
from schemas.settings import settings_from
from schemas.topics import DEAD_LETTERS, FRAMES
from streams.publish import LONGEST_BODY, FramePublisher
from streams.transport.between import all_records
from streams.transport.broker import forget
from streams.transport.log import Log, TopicPartition, open_log, topic_specs
from tests.support.klines import bars, csv_lines, write_csv

SETTINGS = settings_from({"broker": {"url": "embedded://feed-of-files"}})


@pytest.fixture(autouse=True)
def _broker_of_its_own() -> Iterator[None]:
    yield
    forget(SETTINGS.broker.url)


async def letters_of(log: Log) -> list[DeadLetter]:
    at = TopicPartition(SETTINGS.broker.topic_prefix + DEAD_LETTERS.name, 0)
    decode = DEAD_LETTERS.decoder().decode
    found = [decode(record.value or b"") async for record in all_records(log, at)]
    return [letter for letter in found if isinstance(letter, DeadLetter)]


def test_rows_that_cannot_be_used_become_dead_letters_and_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = csv_lines(bars(4))
    source = write_csv(
        tmp_path / "BTC_USDT_USDT-1m-futures.csv", [*lines[:2], "no row", *lines[2:], "x"]
    )

    async def feed_and_look() -> list[DeadLetter]:
        await _feed(SETTINGS, FileFeed([source], SETTINGS), Pacer(None), Stop())
        log = await open_log(SETTINGS.broker.url)
        try:
            return await letters_of(log)
        finally:
            await log.close()

    letters = asyncio.run(feed_and_look())
    assert [letter.body for letter in letters] == [b"no row", b"x"]
    told = capsys.readouterr().err
    assert told == "prism: warning: 2 inputs could not be used (malformed 2); see dead.letters\n"


async def frames_of(log: Log) -> list[Frame]:
    found = []
    for partition in range(SETTINGS.broker.partitions):
        async for record in all_records(log, TopicPartition(FRAMES.name, partition)):
            message = FRAMES.decoder().decode(record.value or b"")
            if isinstance(message, Frame):
                found.append(message)
    return found


def test_a_feed_that_is_started_again_goes_on_where_the_log_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = csv_lines(bars(6))
    half, whole = tmp_path / "half", tmp_path / "whole"
    for folder, count in ((half, 4), (whole, 6)):
        folder.mkdir()
        write_csv(folder / "BTC_USDT_USDT-1m-futures.csv", lines[:count])

    async def feed_and_look(folder: Path) -> list[Frame]:
        source = FileFeed([folder / "BTC_USDT_USDT-1m-futures.csv"], SETTINGS)
        await _feed(SETTINGS, source, Pacer(None), Stop())
        log = await open_log(SETTINGS.broker.url)
        try:
            return await frames_of(log)
        finally:
            await log.close()

    before = asyncio.run(feed_and_look(half))
    assert capsys.readouterr().err == ""
    after = asyncio.run(feed_and_look(whole))
    assert after[: len(before)] == before
    closes = [frame.close_ns for frame in after]
    assert closes == sorted(set(closes))
    assert len(after) == len(before) + 2
    assert {frame.epoch for frame in after[len(before) :]} == {2}
    told = capsys.readouterr().err
    assert "the broker holds it up to 2025-05-05 00:04:00.000 UTC; going on there" in told
    with pytest.raises(UsageError, match=r"which is all of it; set broker.topic_prefix"):
        asyncio.run(feed_and_look(whole))


def test_of_a_message_that_no_broker_would_take_the_beginning_is_kept() -> None:
    async def say_and_look() -> list[DeadLetter]:
        log = await open_log(SETTINGS.broker.url)
        try:
            await log.ensure_topics(topic_specs(SETTINGS.broker))
            publisher = FramePublisher(log, SETTINGS)
            await publisher.say(DeadLetter("coinbase", "malformed", "cut short", b"ab" * 2_000_000))
            await publisher.settle()
            return await letters_of(log)
        finally:
            await log.close()

    (letter,) = asyncio.run(say_and_look())
    assert letter.body == b"ab" * (LONGEST_BODY // 2)
    assert letter.detail == "cut short (the first 262,144 of 4,000,000 bytes are kept)"
