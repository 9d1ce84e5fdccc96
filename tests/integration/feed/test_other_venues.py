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
from streams.simulator.exchange.faults import Channel, Drop, Garble, Lose, Refuse
from streams.sources import markets_from
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
                lambda: any(_sound(frame) for frame in rig.frames()[down:]), within_s=2.0
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

    run(work())


@pytest.mark.parametrize("venue", SYMBOLS)
def test_bad_json_is_survived(venue: str) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue]) as rig:
            await rig.running()
            before = len(rig.frames())
            rig.inflict(Garble(channel=Channel.BOOK, symbol=rig.symbols[0]))
            await rig.until(lambda: any(one.reason == "malformed" for one in rig.letters))
            since = len(rig.frames())
            await rig.until(
                lambda: any(_sound(frame) for frame in rig.frames()[since:]), within_s=1.5
            )
            await rig.until(lambda: len(rig.frames()) > before + 30)
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)
            assert any(frame.quality.rejects for frame in rig.frames())

    run(work())


def _sound(frame: Frame) -> bool:
    return frame.book is not None and not frame.quality.stale
