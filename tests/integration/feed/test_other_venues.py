"""Every venue, each with its own rule of what continues what."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from schemas.frame import Frame
from streams.merge import merge
from streams.simulator.exchange.faults import (
    Channel,
    Double,
    Drop,
    Garble,
    Lose,
    Refuse,
    Silence,
    SkewClock,
)
from streams.sources import markets_from
from tests.integration.feed.test_faults import (
    BESIDE_KEEP_ALIVE_S,
    RECOVERY_OF_A_BAD_MESSAGE_S,
    RECOVERY_OF_A_DROP_S,
)
from tests.support.live import LiveRig, quick

SYMBOLS = {
    "binanceusdm": ("BTC/USDT:USDT", "ETH/USDT:USDT"),
    "binance": ("BTC/USDT", "ETH/USDT"),
    "bybit": ("BTC/USDT:USDT", "ETH/USDT"),
    "coinbase": ("BTC/USD", "ETH/USD"),
    "hyperliquid": ("BTC/USDC:USDC", "ETH/USDC:USDC"),
}
DECLARED_LACKS = {
    "binanceusdm": set(),
    "binance": {"derivatives"},
    "bybit": set(),
    "coinbase": {"derivatives"},
    "hyperliquid": set(),
}


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@pytest.mark.parametrize("venue", SYMBOLS)
def test_frames_of_every_venue_equal_the_exchanges_truth_and_replay(
    venue: str, tmp_path: Path
) -> None:
    settings = quick()
    rig = LiveRig(venue, SYMBOLS[venue], settings=settings, record=tmp_path)

    async def work() -> None:
        async with rig:
            await rig.running()
            before = len(rig.messages)
            await rig.until(lambda: len(rig.messages) > before + 40)
            await rig.until(lambda: rig.status == "ok")
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)
            assert not rig.letters
            known = rig.last().derivatives  # type: ignore[union-attr]
            assert (known.mark_price is None) == bool(DECLARED_LACKS[venue])

    run(work())
    markets = markets_from(sorted(tmp_path.rglob("*.zst")), feed=settings.feed)
    again = list(merge(*(market.messages(settings.frames) for market in markets)))
    for symbol in rig.symbols:
        assert [m for m in again if m.symbol == symbol] == [
            m for m in rig.messages if m.symbol == symbol
        ]


@pytest.mark.parametrize("venue", SYMBOLS)
def test_a_drop_loses_no_trade_and_no_book(venue: str) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Drop())
            await rig.until(lambda: any("book" in f.quality.stale for f in rig.frames()[before:]))
            down = len(rig.frames())
            await rig.until(
                lambda: any(_sound(frame) for frame in rig.frames()[down:]),
                within_s=RECOVERY_OF_A_DROP_S,
            )
            await rig.until(lambda: len(rig.frames()) > down + 20)
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)

    run(work())


@pytest.mark.parametrize("venue", SYMBOLS)
def test_trades_of_an_outage_are_had_back_and_told_late(venue: str) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Refuse(status=503))
            rig.inflict(Drop())
            missed = await rig.trades_go_by()
            rig.exchange.faults.mend()
            await rig.until(
                lambda: all(
                    Counter(missed[symbol]) <= Counter(rig.told_late(symbol))
                    for symbol in rig.symbols
                )
            )
            await rig.until(lambda: len(rig.frames()) > before + 30)
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)

    run(work())


@pytest.mark.parametrize("venue", ["binanceusdm", "binance", "bybit", "coinbase"])
def test_a_lost_change_of_the_book_is_noticed_and_made_good(venue: str) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Lose(channel=Channel.BOOK, symbol=rig.symbols[0]))
            await rig.until(lambda: any(f.quality.resyncs for f in rig.frames()[before:]))
            await rig.until(lambda: len(rig.frames()) > before + 30)
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)
            if venue != "coinbase":  # whose numbers are of the whole connection
                assert rig.counts().get("lost_connections", 0) == 0
                assert not any(f.quality.resyncs for f in rig.frames(rig.symbols[1])[before:])

    run(work())


@pytest.mark.parametrize("venue", SYMBOLS)
@pytest.mark.parametrize("channel", [Channel.BOOK, Channel.TRADES])
def test_bad_json_is_survived(venue: str, channel: Channel) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Garble(channel=channel, symbol=rig.symbols[0]))
            await rig.until(lambda: any(one.reason == "malformed" for one in rig.letters))
            since = len(rig.frames())
            await rig.until(
                lambda: any(_sound(frame) for frame in rig.frames()[since:]),
                within_s=RECOVERY_OF_A_BAD_MESSAGE_S,
            )
            await rig.until(lambda: len(rig.frames()) > before + 30)
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)
            assert any(frame.quality.rejects for frame in rig.frames())

    run(work())


@pytest.mark.parametrize("venue", SYMBOLS)
@pytest.mark.parametrize("channel", [Channel.BOOK, Channel.TRADES])
def test_what_comes_twice_counts_once(venue: str, channel: Channel) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Double(channel=channel, symbol=rig.symbols[0], count=3))
            await rig.until(lambda: len(rig.frames()) > before + 30)
            assert not rig.exchange.faults.in_force()
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)
            assert not any(frame.quality.resyncs for frame in rig.frames()[before:])
            if (venue, channel) != ("hyperliquid", Channel.BOOK):  # the same state is no news
                assert rig.counts()["rejected.out_of_sequence"] == 3

    run(work())


@pytest.mark.parametrize("venue", ["binanceusdm", "binance", "coinbase"])
def test_a_lost_trade_is_noticed_and_made_good(venue: str) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Lose(channel=Channel.TRADES, symbol=rig.symbols[0]))
            # Coinbase numbers all messages of a connection: the next one of any kind tells.
            await rig.until(
                lambda: any(
                    f.quality.missing_ids or "trades" in f.quality.stale
                    for f in rig.frames()[before:]
                )
            )
            await rig.until(lambda: rig.told_late(rig.symbols[0]))
            await rig.until(lambda: len(rig.frames()) > before + 30)
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)

    run(work())


@pytest.mark.parametrize("venue", ["bybit", "hyperliquid"])
def test_where_ids_are_no_sequence_frames_say_that_a_lost_trade_would_not_be_noticed(
    venue: str,
) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            assert not rig.last().quality.ids_verifiable  # type: ignore[union-attr]

    run(work())


def test_an_outage_longer_than_a_subscription_repeats_is_made_good_by_rest() -> None:
    async def work() -> None:
        async with LiveRig(
            "coinbase", SYMBOLS["coinbase"], settings=quick(reconnect_max_s=0.5)
        ) as rig:
            await rig.running()
            rig.inflict(Refuse(status=503))
            rig.inflict(Drop())
            missed = await rig.trades_go_by(at_least=120)
            rig.exchange.faults.mend()
            await rig.until(
                lambda: all(
                    Counter(missed[symbol]) <= Counter(rig.told_late(symbol))
                    for symbol in rig.symbols
                )
            )
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)

    run(work())


@pytest.mark.parametrize("venue", SYMBOLS)
@pytest.mark.parametrize("pong", [True, False])
def test_silence_is_ended_soon_after_the_keep_alive_time(venue: str, pong: bool) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Silence(pong=pong))
            allowed_s = rig.settings.feed.keep_alive_s + BESIDE_KEEP_ALIVE_S
            took_s = await rig.until(
                lambda: any("book" in f.quality.stale for f in rig.frames()[before:]), allowed_s
            )
            down = len(rig.frames())
            took_s += await rig.until(
                lambda: any(_sound(frame) for frame in rig.frames()[down:]), allowed_s
            )
            assert took_s < allowed_s
            await rig.until(lambda: len(rig.frames()) > down + 20)
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)
                assert rig.told_late(symbol)
            assert rig.counts()["silent_connections"]

    run(work())


@pytest.mark.parametrize("venue", SYMBOLS)
def test_a_clock_off_by_minutes_is_told_and_nothing_is_published(venue: str) -> None:
    async def work() -> None:
        settings = quick(reconnect_max_s=0.3)
        before = [SkewClock(ms=180_000)]
        async with LiveRig(venue, SYMBOLS[venue], settings=settings, before=before) as rig:
            await rig.until(lambda: "this clock is -1" in rig.status)
            assert not rig.messages
            rig.inflict(SkewClock(ms=0))
            await rig.running()

    run(work())


@pytest.mark.parametrize("venue", SYMBOLS)
def test_a_clock_that_goes_wrong_later_is_told_soon(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.feed.listings._SOON_S", 1.0)

    async def work() -> None:
        settings = quick(reconnect_max_s=0.3)  # the rules are looked at every ten minutes
        async with LiveRig(venue, SYMBOLS[venue], settings=settings) as rig:
            await rig.running()
            rig.inflict(SkewClock(ms=180_000))
            await rig.until(lambda: "this clock is -1" in rig.status, 30.0)
            assert rig.counts()["rejected.wrong_clock"]
            rig.inflict(SkewClock(ms=0))
            await rig.until(lambda: rig.status == "ok", 30.0)

    run(work())


def _sound(frame: Frame) -> bool:
    return frame.book is not None and not frame.quality.stale
