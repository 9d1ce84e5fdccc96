"""One channel of one symbol dies, and its connection goes on: noticed, told, and made good."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from streams.simulator.exchange.faults import Channel, Forget
from tests.integration.feed.test_other_venues import SYMBOLS
from tests.support.live import LiveRig, quick

QUIET_S = 1.5
"""Longer than any channel of a drifting market rests."""
DERIVATIVES = {"binanceusdm": Channel.MARK, "bybit": Channel.TICKER}
ALONE = ("bybit", "hyperliquid")
"""Venues where one symbol is subscribed anew without the others."""


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@pytest.mark.parametrize("venue", SYMBOLS)
@pytest.mark.parametrize("channel", [Channel.BOOK, Channel.TRADES])
def test_a_dead_channel_is_noticed_and_subscribed_anew(venue: str, channel: Channel) -> None:
    async def work() -> None:
        settings = quick(quiet_channel_s=QUIET_S)
        async with LiveRig(venue, SYMBOLS[venue], settings=settings) as rig:
            await rig.running()
            dead, alive = rig.symbols
            before = len(rig.frames())
            rig.inflict(Forget(channel=channel, symbol=dead))
            await rig.until(lambda: rig.counts().get("dead_channels"), QUIET_S + 3.0)
            await rig.until(
                lambda: any(channel.value in f.quality.stale for f in rig.frames(dead)[before:])
            )
            down = len(rig.frames())
            await rig.until(
                lambda: any(f.book and not f.quality.stale for f in rig.frames(dead)[down:]), 2.0
            )
            await rig.until(lambda: len(rig.frames()) > down + 20)
            for symbol in rig.symbols:
                rig.check_against_truth(symbol)
            assert rig.counts()["dead_channels"] == 1
            if channel is Channel.TRADES:
                assert rig.told_late(dead)
            if venue in ALONE:
                assert rig.counts().get("lost_connections", 0) == 0
                assert not any(f.quality.stale for f in rig.frames(alive)[before:])

    run(work())


@pytest.mark.parametrize("venue", DERIVATIVES)
def test_mark_prices_that_rest_are_dead(venue: str) -> None:
    async def work() -> None:
        settings = quick(quiet_channel_s=QUIET_S)
        async with LiveRig(venue, SYMBOLS[venue], settings=settings) as rig:
            await rig.running()
            dead = rig.symbols[0]
            await rig.until(lambda: rig.last(dead).derivatives.mark_price)  # type: ignore[union-attr]
            rig.inflict(Forget(channel=DERIVATIVES[venue], symbol=dead))
            await rig.until(lambda: rig.counts().get("dead_channels"), QUIET_S + 3.0)
            known = rig.last(dead).derivatives.mark_price  # type: ignore[union-attr]
            await rig.until(lambda: rig.last(dead).derivatives.mark_price != known)  # type: ignore[union-attr]
            assert any("derivatives" in frame.quality.stale for frame in rig.frames(dead))

    run(work())


@pytest.mark.parametrize("venue", ["binance", "binanceusdm"])
def test_best_prices_that_the_book_contradicts_are_dead(venue: str) -> None:
    async def work() -> None:
        settings = quick(quiet_channel_s=QUIET_S)
        async with LiveRig(venue, SYMBOLS[venue], settings=settings) as rig:
            await rig.running()
            dead = rig.symbols[0]
            rig.inflict(Forget(channel=Channel.TOUCH, symbol=dead))
            await rig.until(lambda: rig.counts().get("dead_channels"), QUIET_S + 3.0)
            since = len(rig.frames(dead))
            await rig.until(lambda: any(f.touch.bid_price for f in rig.frames(dead)[since:]))

    run(work())


@pytest.mark.parametrize("venue", sorted(SYMBOLS.keys() - {"binanceusdm"}))
def test_a_quiet_symbol_is_not_taken_for_dead_and_asked_for_less_and_less(venue: str) -> None:
    async def work() -> None:
        # Not where mark prices have a stream of their own: they rest in this market too.
        settings = quick(quiet_channel_s=0.4, keep_alive_s=10.0)
        quiet = SYMBOLS[venue][1]
        async with LiveRig(venue, SYMBOLS[venue], settings=settings, asleep=[quiet]) as rig:
            asked: list[tuple[str, str]] = []
            ask = rig.feed.transport.ask

            async def counted(kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
                asked.append((kind, symbol))
                return await ask(kind, symbol, from_id=from_id)

            rig.feed.transport.ask = counted  # type: ignore[method-assign]
            await rig.until(lambda: rig.sound(rig.symbols[0]) and rig.last(quiet))
            await rig.until(lambda: ("trades", quiet) in asked)
            asked.clear()
            since = len(rig.frames())
            await rig.until(lambda: len(rig.frames()) > since + 30)
            assert 1 <= asked.count(("trades", quiet)) <= 3
            assert asked.count(("book", quiet)) <= 3
            assert not rig.counts().get("dead_channels")

    run(work())
