"""What goes wrong between a venue and its frames, one thing at a time, with real ccxt.pro.

Afterwards the frames must equal the exchange's own truth: no trade missing or doubled, the book
exact, and the fault marked in a frame's quality and in a counter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from schemas.errors import UsageError
from schemas.frame import Frame
from streams.feed.completeness import lacks
from streams.simulator.exchange.faults import (
    Channel,
    Drop,
    Fault,
    Garble,
    Lose,
    LoseReply,
    Maintenance,
    Manner,
    Refuse,
    Silence,
    SkewClock,
    Slow,
)
from tests.support.live import LiveRig, quick

RECOVERY_OF_A_DROP_S = 2.0
RECOVERY_OF_A_BAD_MESSAGE_S = 1.0
BESIDE_KEEP_ALIVE_S = 2.0


def marked(rig: LiveRig, mark: Callable[[Frame], object]) -> bool:
    """Whether a frame carries the mark."""
    return any(mark(frame) for frame in rig.frames())


async def sound_again(rig: LiveRig, since: int, within_s: float) -> float:
    """Wait for a frame behind ``since`` with a book, nothing stale, and trades that follow."""

    def sound() -> bool:
        for frame in rig.frames()[since:]:
            quality = frame.quality
            if frame.book is not None and not (quality.stale or quality.missing_ids):
                return bool(
                    quality.book_synced
                    and not rig.feed.receiver.feeds[rig.symbols[0]].framer.state.tape.holes
                )
        return False

    return await rig.until(sound, within_s)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, whatever the event loop of other tests."""
    asyncio.run(work)


def test_an_undisturbed_feed_tells_the_truth() -> None:
    async def work() -> None:
        async with LiveRig(symbols=("BTC/USDT:USDT", "ETH/USDT:USDT")) as rig:
            await rig.running()
            await rig.until(lambda: len(rig.frames()) > 20)
            await rig.until(lambda: rig.status == "ok")
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)
            assert not rig.letters
            assert rig.counts()["resyncs"] == 2  # the first snapshot of each
            whole = len(rig.frames()) - next(i for i, f in enumerate(rig.frames()) if not lacks(f))
            assert sum(lacks(frame) is None for frame in rig.frames()) >= 0.995 * whole
            counts = rig.counts()
            assert counts["complete_frames"] < counts["frames"]  # the first ones had no book
            lacked = {name for name in counts if name.startswith("incomplete.")}
            assert lacked <= {"incomplete.book", "incomplete.stale"}
            last = rig.last()
            assert last is not None
            known = last.derivatives
            assert known.mark_price is not None
            assert known.funding_rate is not None
            await rig.until(lambda: rig.last().derivatives.open_interest is not None)  # type: ignore[union-attr]
            await rig.until(lambda: rig.last().derivatives.long_short_ratio is not None)  # type: ignore[union-attr]

    run(work())


def test_dropped_connections_are_back_in_two_seconds() -> None:
    async def work() -> None:
        async with LiveRig() as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Drop())
            await rig.until(lambda: marked(rig, lambda f: "trades" in f.quality.stale))
            await sound_again(rig, before + 1, RECOVERY_OF_A_DROP_S)
            await rig.until(lambda: len(rig.frames()) > before + 20)
            rig.check_against_truth()
            assert marked(rig, lambda f: "book" in f.quality.stale and f.book is None)
            assert marked(rig, lambda f: f.quality.resyncs)
            assert rig.counts()["lost_connections"] == 5

    run(work())


@pytest.mark.parametrize("channel", [Channel.BOOK, Channel.TRADES])
def test_a_lost_message_is_noticed_and_made_good(channel: Channel) -> None:
    async def work() -> None:
        async with LiveRig() as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Lose(channel=channel))
            if channel is Channel.TRADES:
                await rig.until(lambda: marked(rig, lambda f: f.quality.missing_ids))
                await rig.until(rig.late_trades, RECOVERY_OF_A_DROP_S)
            else:
                await rig.until(lambda: marked(rig, lambda f: f.quality.resyncs))
                assert "out_of_sequence" in {letter.reason for letter in rig.letters}
            await sound_again(rig, before + 1, RECOVERY_OF_A_DROP_S)
            await rig.until(lambda: len(rig.frames()) > before + 20)
            rig.check_against_truth()
            assert rig.counts().get("lost_connections", 0) == 0

    run(work())


@pytest.mark.parametrize("channel", [Channel.BOOK, Channel.TRADES, Channel.TOUCH])
def test_bad_json_is_a_dead_letter_and_the_connection_goes_on(channel: Channel) -> None:
    async def work() -> None:
        async with LiveRig() as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Garble(channel=channel))
            await rig.until(lambda: any(letter.reason == "malformed" for letter in rig.letters))
            since = len(rig.frames())
            took_s = await sound_again(rig, since, RECOVERY_OF_A_BAD_MESSAGE_S)
            assert took_s < RECOVERY_OF_A_BAD_MESSAGE_S
            await rig.until(lambda: len(rig.frames()) > before + 20)
            rig.check_against_truth()
            assert marked(rig, lambda f: f.quality.rejects)
            assert rig.counts()["rejected.malformed"] == 1
            assert rig.counts().get("lost_connections", 0) == 0

    run(work())


@pytest.mark.parametrize("pong", [True, False])
def test_silence_is_ended_soon_after_the_keep_alive_time(pong: bool) -> None:
    async def work() -> None:
        async with LiveRig() as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Silence(pong=pong))
            allowed_s = rig.settings.feed.keep_alive_s + BESIDE_KEEP_ALIVE_S
            took_s = await rig.until(
                lambda: marked(rig, lambda f: "book" in f.quality.stale), allowed_s
            )
            since = len(rig.frames())
            took_s += await sound_again(rig, since, allowed_s)
            assert took_s < allowed_s
            await rig.until(lambda: len(rig.frames()) > before + 40)
            rig.check_against_truth()
            assert rig.late_trades()
            assert rig.counts()["silent_connections"] >= 3

    run(work())


@pytest.mark.parametrize("status", [429, 418])
def test_too_many_requests_are_not_repeated_before_the_venue_allows(status: int) -> None:
    async def work() -> None:
        async with LiveRig() as rig:
            await rig.running()
            rig.inflict(Refuse(status=status, retry_after_s=1, path="/fapi/v1/depth", count=1))
            rig.inflict(Lose(channel=Channel.BOOK))
            await rig.until(lambda: rig.counts().get("limited"))
            took_s = await rig.until(lambda: (f := rig.last()) and f.book is None)
            took_s += await rig.until(lambda: (f := rig.last()) and f.book is not None, 4.0)
            assert took_s > 0.9
            rig.check_against_truth()
            assert rig.counts()["limited"] == 1

    run(work())


def test_an_ill_server_is_asked_again_until_it_answers() -> None:
    async def work() -> None:
        async with LiveRig() as rig:
            await rig.running()
            rig.inflict(Refuse(status=503, path="/fapi/v1/depth", count=2))
            rig.inflict(Lose(channel=Channel.BOOK))
            await rig.until(lambda: rig.counts().get("refused_requests", 0) >= 2)
            await rig.until(lambda: (f := rig.last()) and f.book is not None)
            rig.check_against_truth()

    run(work())


@pytest.mark.parametrize(
    "fault",
    [
        Slow(delay_s=1.0, path="/fapi/v1/depth", count=1),
        LoseReply(manner=Manner.TRUNCATE, path="/fapi/v1/depth", count=1),
        LoseReply(manner=Manner.BAD_GATEWAY, path="/fapi/v1/depth", count=1),
    ],
    ids=["slow", "truncated", "bad gateway"],
)
def test_a_snapshot_that_is_late_or_spoilt_costs_time_and_nothing_else(fault: Fault) -> None:
    async def work() -> None:
        async with LiveRig() as rig:
            await rig.running()
            rig.inflict(fault)
            rig.inflict(Lose(channel=Channel.BOOK))
            await rig.until(lambda: (f := rig.last()) and f.book is None)
            await rig.until(lambda: (f := rig.last()) and f.book is not None)
            before = len(rig.frames())
            await rig.until(lambda: len(rig.frames()) > before + 10)
            rig.check_against_truth()
            if isinstance(fault, LoseReply):
                assert rig.counts()["refused_requests"] == 1

    run(work())


def test_maintenance_is_told_and_ends_by_itself() -> None:
    async def work() -> None:
        async with LiveRig(settings=quick(reconnect_max_s=0.5)) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Maintenance())
            await rig.until(lambda: "book 1:" in rig.status)
            rig.inflict(Maintenance(on=False))
            await sound_again(rig, before + 5, 5.0)
            await rig.until(lambda: rig.status == "ok")
            rig.check_against_truth()

    run(work())


def test_a_clock_off_by_minutes_is_told_and_nothing_is_published() -> None:
    async def work() -> None:
        before = [SkewClock(ms=180_000)]
        async with LiveRig(settings=quick(reconnect_max_s=0.3), before=before) as rig:
            await rig.until(lambda: "this clock is -180" in rig.status)
            assert not rig.messages
            rig.inflict(SkewClock(ms=0))
            await rig.running()

    run(work())


def test_unknown_symbol_is_refused_with_the_nearest_one() -> None:
    async def work() -> None:
        async with LiveRig(ask="BTC/USDT") as rig:
            await rig.until(lambda: False)

    with pytest.raises(UsageError, match="unknown symbol BTC/USDT; the nearest known one is BTC/"):
        run(work())
