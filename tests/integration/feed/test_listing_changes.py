"""Symbols that a venue delists, lists again, or gives another tick: told, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from schemas.frame import Frame, Instrument
from streams.simulator.exchange.faults import Delist, Drop, Retick
from tests.integration.feed.test_other_venues import SYMBOLS
from tests.support.live import LiveRig, quick

MOST_ORDERS = {"binanceusdm": 200, "binance": 200, "bybit": 500, "coinbase": None}
"""As each venue tells them, Bybit by its error 110020."""
MOST_CONDITIONALS = {"binanceusdm": 10, "binance": 5, "bybit": None, "coinbase": None}


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def _rules(rig: LiveRig) -> list[Instrument]:
    """The rules of the first symbol that were published."""
    return [m for m in rig.messages if isinstance(m, Instrument) and m.symbol == rig.symbols[0]]


@pytest.mark.parametrize("venue", SYMBOLS)
def test_a_delisted_symbol_is_told_and_the_others_outlive_a_drop(venue: str) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue], settings=quick(rules_s=0.3)) as rig:
            gone, stays = rig.symbols
            await rig.running()
            rig.inflict(Delist(symbol=gone))
            await rig.until(lambda: f"{gone}: delisted, or not traded now" in rig.status)
            await rig.until(lambda: rig.frames(gone)[-1].book is None)
            assert {"book", "trades"} <= set(rig.frames(gone)[-1].quality.stale)
            rig.inflict(Drop())
            await rig.until(lambda: "book" in rig.frames(stays)[-1].quality.stale)
            await rig.until(lambda: rig.sound(stays))
            await rig.until(lambda: f"{gone}: delisted" in rig.status)
            assert rig.frames(gone)[-1].book is None
            assert [told.trading for told in _rules(rig)] == [True, False]
            rig.check_against_truth(stays)

            rig.inflict(Delist(symbol=gone, on=False))
            await rig.until(lambda: rig.sound(gone) and rig.sound(stays))
            await rig.until(lambda: rig.status == "ok")
            assert [told.trading for told in _rules(rig)] == [True, False, True]
            rig.check_against_truth(stays)

    run(work())


@pytest.mark.parametrize("venue", ["binanceusdm", "binance", "bybit", "coinbase"])
def test_a_changed_tick_is_published_ahead_of_the_frames_that_follow_it(venue: str) -> None:
    async def work() -> None:
        async with LiveRig(venue, SYMBOLS[venue], settings=quick(rules_s=0.3)) as rig:
            await rig.running()
            rig.inflict(Retick(symbol=rig.symbols[0], tick="0.05"))
            await rig.until(lambda: len(_rules(rig)) == 2)
            assert rig.counts()["rules_changed"] == 1
            assert {told.max_orders for told in _rules(rig)} == {MOST_ORDERS[venue]}
            assert {told.max_conditionals for told in _rules(rig)} == {MOST_CONDITIONALS[venue]}
            assert [told.tick_size for told in _rules(rig)] == [Decimal("0.1"), Decimal("0.05")]
            changed = _rules(rig)[-1]
            since = rig.messages.index(changed)
            await rig.until(lambda: len(rig.messages) > since + 20)
            later = [m for m in rig.messages[since:] if isinstance(m, Frame)]
            earlier = [m for m in rig.messages[:since] if isinstance(m, Frame)]
            ahead = changed.effective_ns
            assert all(m.close_ns >= ahead for m in later if m.symbol == changed.symbol)
            assert all(m.close_ns <= ahead for m in earlier if m.symbol == changed.symbol)
            await rig.until(lambda: rig.status == "ok")
            assert rig.sound(rig.symbols[0])
            rig.check_against_truth()

    run(work())


def test_prices_off_the_known_tick_have_the_rules_looked_at_before_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.feed.listings._SOON_S", 1.0)

    async def work() -> None:
        before = [Retick(symbol="BTC/USDT:USDT", tick="1")]
        async with LiveRig(before=before) as rig:  # looks at rules every 600 s
            await rig.until(lambda: rig.counts().get("rejected.off_grid"))
            rig.inflict(Retick(symbol="BTC/USDT:USDT", tick="0.1"))
            await rig.until(lambda: rig.counts().get("rules_changed"), 25.0)
            await rig.until(lambda: rig.sound(rig.symbols[0]))
            since = len(rig.frames())
            await rig.until(lambda: len(rig.frames()) > since + 20)
            assert not any(frame.quality.rejects for frame in rig.frames()[since + 1 :])

    run(work())
