"""What a feed records replays to the messages that the live run saw, faults included."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from schemas.frame import Backfill, Frame, Instrument
from schemas.settings import Settings
from streams.merge import FeedMessage, merge
from streams.recordings.files import chunks
from streams.simulator.exchange.faults import Channel, Drop, Garble, Lose
from streams.sources import markets_from
from tests.integration.feed.test_other_venues import SYMBOLS
from tests.support.live import LiveRig, quick


def replayed(folder: Path, settings: Settings) -> list[FeedMessage]:
    """Messages of the recordings in a folder."""
    paths = sorted(folder.rglob("*.jsonl.zst"))
    markets = markets_from(paths, feed=settings.feed)
    return list(merge(*(market.messages(settings.frames) for market in markets)))


def by_symbol(messages: list[FeedMessage], symbol: str) -> list[FeedMessage]:
    return [message for message in messages if message.symbol == symbol]


@pytest.mark.parametrize("venue", SYMBOLS)
def test_a_recording_replays_to_what_the_live_run_saw(venue: str, tmp_path: Path) -> None:
    settings = quick(history_bars=5)

    async def live() -> LiveRig:
        rig = LiveRig(venue, SYMBOLS[venue], settings=settings, record=tmp_path)
        async with rig:
            await rig.running()
            for fault in (Lose(channel=Channel.BOOK), Garble(channel=Channel.TRADES), Drop()):
                before = len(rig.messages)
                rig.inflict(fault)
                await rig.until(lambda: len(rig.messages) > before + 30)  # noqa: B023
            await rig.until(lambda: rig.status == "ok")
        return rig

    rig = asyncio.run(live())
    again = replayed(tmp_path, settings)
    for symbol in rig.symbols:
        lived = by_symbol(rig.messages, symbol)
        assert by_symbol(again, symbol) == lived
        assert sum(isinstance(message, Frame) for message in lived) > 40
        assert isinstance(lived[0], Instrument)
        assert isinstance(lived[1], Backfill)
    frames = [message for message in rig.messages if isinstance(message, Frame)]
    for mark in ("rejects", "stale") if venue == "hyperliquid" else ("resyncs", "rejects", "stale"):
        assert any(getattr(frame.quality, mark) for frame in frames), mark


def test_files_begin_with_what_they_are_and_the_next_can_be_read_alone(tmp_path: Path) -> None:
    settings = quick()

    async def live() -> LiveRig:
        rig = LiveRig(settings=settings, record=tmp_path, rotate_s=1)
        async with rig:
            await rig.running()
            before = len(rig.messages)
            await rig.until(lambda: len(rig.messages) > before + 30)
        return rig

    rig = asyncio.run(live())
    paths = sorted(tmp_path.rglob("*.jsonl.zst"))
    assert len(paths) >= 3
    (market,) = markets_from(paths, feed=settings.feed)
    assert list(market.messages(settings.frames)) == rig.messages
    (market,) = markets_from(paths[-1:], feed=settings.feed)
    alone = [m for m in market.messages(settings.frames) if isinstance(m, Frame)]
    assert alone
    lived = {frame.close_ns: frame for frame in rig.frames()}
    for frame in alone[1:]:
        assert frame.book is not None
        told = lived[frame.close_ns].book
        assert told is not None
        assert (frame.book.bid_price, frame.book.ask_qty) == (told.bid_price, told.ask_qty)


def test_what_is_known_first_has_one_time_so_that_no_frame_closes_in_between(
    tmp_path: Path,
) -> None:
    settings = quick(history_bars=5)

    async def live() -> None:
        async with LiveRig(settings=settings, record=tmp_path) as rig:
            await rig.running()

    asyncio.run(live())
    (path,) = tmp_path.rglob("*.jsonl.zst")
    lines = b"".join(chunks(path, lambda _count: None)).splitlines()
    told = [line.split(b" ", 1) for line in lines if b'"prism":"told"' in line]
    assert len(told) > 5  # rules, bars of four timeframes, series
    assert len({stamp for stamp, _ in told}) == 1
