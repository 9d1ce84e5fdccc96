"""When a stream that was lost is opened anew: by a clock that the test holds."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from schemas.errors import VenueUnavailable
from schemas.settings import settings_from
from streams.exchanges.venue import Stream, venue_of
from streams.feed import live
from streams.feed.live import LiveFeed

SECOND = 1_000_000_000
STREAM = Stream("trades 1", ("trades",), ("BTC/USDT",))
ENOUGH = 8
"""Reconnects that are looked at."""


class Flapping:
    """A venue that takes a connection, says something, and closes it after ``lasts_s``."""

    lasts_s = 0.0
    now_ns = SECOND

    def __init__(self, _settings: Any, _session: Any, listener: Any) -> None:
        self._listener = listener

    async def hold(self, stream: Stream) -> None:
        Flapping.now_ns += SECOND
        self._listener.heard[stream.name] = Flapping.now_ns
        Flapping.now_ns += round(self.lasts_s * SECOND)
        raise VenueUnavailable("closed by the venue")


def waits(monkeypatch: pytest.MonkeyPatch, *, lasts_s: float) -> list[float]:
    """The longest that each reconnect may wait."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)
        if len(found) == ENOUGH:
            raise asyncio.CancelledError

    async def nothing(_given: Any) -> None:
        """Nobody listens."""

    monkeypatch.setattr(Flapping, "lasts_s", lasts_s)
    monkeypatch.setattr(live, "monotonic_ns", lambda: Flapping.now_ns)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(random.Random, "uniform", lambda _self, _low, high: high)
    no_session: Any = None
    feed = LiveFeed(
        replace(venue_of("binance"), transport=f"{__name__}:Flapping"),
        settings_from({}),
        session=no_session,
        publish=nothing,
        beat=nothing,
        on_dead_letter=lambda _letter: None,
    )
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(feed._hold(STREAM))
    return found


def test_a_venue_that_closes_each_connection_soon_is_come_back_to_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert waits(monkeypatch, lasts_s=1.0) == [0.5, 1, 2, 4, 8, 16, 32, 60]


def test_a_connection_that_held_is_come_back_to_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits(monkeypatch, lasts_s=3600.0) == [0.5] * ENOUGH
