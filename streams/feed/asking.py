"""What a feed must know of a venue before it can listen, asked for until it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from schemas.clock import now_ns
from schemas.errors import ClockOff, VenueUnavailable
from schemas.frame import NS_PER_MS
from schemas.settings import FeedSettings
from streams.exchanges.venue import Contract, Transport
from streams.feed.backoff import Backoff
from streams.feed.budget import Budget
from streams.feed.counters import Counters

log = structlog.get_logger()
T = TypeVar("T")


class Asking:
    """Asks one venue; what keeps it from answering is in ``why``, by what was asked for."""

    def __init__(
        self,
        venue_id: str,
        transport: Transport,
        budget: Budget,
        counters: Counters,
        settings: FeedSettings,
        *,
        why: dict[str, str],
    ) -> None:
        self._venue_id = venue_id
        self._transport = transport
        self._budget = budget
        self._counters = counters
        self._settings = settings
        self._why = why

    async def contracts(self) -> dict[str, Contract]:
        """What the venue lists now, by symbol, once its clock and ours agree."""
        return await self.until_it_works("markets", self._look)

    async def until_it_works(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What ``ask`` gives, tried again with more and more patience while the venue is away."""
        settings = self._settings
        backoff = Backoff(first_s=settings.reconnect_s, most_s=settings.reconnect_max_s)
        while True:
            try:
                await self._budget.take(self._transport.weight(what))
                result = await ask()
            except (VenueUnavailable, ClockOff) as error:
                wait_s = backoff.next_s(at_least_s=self._budget.closed_s())
                self._why[what] = str(error)
                self._counters.add("refused_requests")
                log.warning("feed.waiting", venue=self._venue_id, reason=str(error), wait_s=wait_s)
                await asyncio.sleep(wait_s)
            else:
                self._why.pop(what, None)
                return result

    async def _look(self) -> dict[str, Contract]:
        contracts = await self._transport.load()
        await self._check_clock()
        return contracts

    async def _check_clock(self) -> None:
        before_ns = now_ns()
        server_ms = await self._transport.server_ms()
        if server_ms is None:
            return
        middle_ns = (before_ns + now_ns()) // 2
        off_ms = (middle_ns - server_ms * NS_PER_MS) / NS_PER_MS
        if abs(off_ms) > self._settings.max_clock_off_ms:
            raise ClockOff(
                f"{self._venue_id}: this clock is {off_ms / 1e3:+.1f} s from the venue's; "
                "set it (NTP); nothing is published until then"
            )
