"""Plays the events of all sources in one order of time, by the exchange's clock."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator

from schemas.errors import UsageError
from schemas.frame import NS_PER_MS, NS_PER_S
from streams.events import Event
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing

TICK_NS = 100 * NS_PER_MS
"""Market time between calls of ``on_tick``."""

_TURN_S = 0.002
"""Shortest sleep: events are played in small batches, late by this much at most."""
_BATCH = 500
"""Events played before sockets get their turn."""
_MAX_APART_NS = 60 * NS_PER_S

OnEvent = Callable[[Listing, Event], None]


class Player:
    """Merges sources by market time; ties go by the order in which they were added."""

    def __init__(
        self, clock: MarketClock, *, on_event: OnEvent, on_tick: Callable[[int], None]
    ) -> None:
        self._clock = clock
        self._on_event = on_event
        self._on_tick = on_tick
        self._listings: list[Listing] = []
        self._due: list[tuple[int, int, Event, Iterator[tuple[int, Event]]]] = []
        self._next_tick_ns = 0

    def add(self, listing: Listing, events: Iterator[tuple[int, Event]]) -> None:
        """Another symbol, before :meth:`begin`."""
        first = next(events, None)
        if first is None:
            raise UsageError(f"{listing.symbol}: its source has no event; name another one")
        self._due.append((first[0], len(self._listings), first[1], events))
        self._listings.append(listing)

    def begin(self) -> None:
        """Play the first events, so that every symbol has a book, and start the clock there.

        Raises :class:`UsageError` where sources do not start within a minute of one another.
        """
        times = [due[0] for due in self._due]
        if not times:
            raise UsageError("nothing to play; list a symbol")
        if max(times) - min(times) > _MAX_APART_NS:
            seconds = (max(times) - min(times)) / NS_PER_S
            raise UsageError(f"sources start {seconds:.0f} s apart; give them one start time")
        heapq.heapify(self._due)
        self._next_tick_ns = (max(times) // TICK_NS + 1) * TICK_NS
        self.play_to(max(times))
        self._clock.start(max(times))

    def play_to(self, until_ns: int, *, at_most: int | None = None) -> bool:
        """Play what happens up to and at a market time; false if more of it is left."""
        played = 0
        due = self._due
        while due and due[0][0] <= until_ns:
            if played == at_most:
                return False
            at_ns, index, event, events = due[0]
            self._tick_to(at_ns - 1)  # the tick of a time comes after its events
            listing = self._listings[index]
            listing.now_ns = at_ns
            self._on_event(listing, event)
            following = next(events, None)
            if following is None:
                heapq.heappop(due)
            else:
                heapq.heapreplace(due, (following[0], index, following[1], events))
            played += 1
        self._tick_to(until_ns)
        return True

    async def run(self) -> None:
        """Play for ever, at the clock's speed."""
        while True:
            done = self.play_to(self._clock.now_ns(), at_most=_BATCH)
            next_ns = min(self._next_tick_ns, self._due[0][0] if self._due else 1 << 62)
            wait_s = self._clock.wait_s(next_ns) if done else 0.0
            await asyncio.sleep(max(wait_s, _TURN_S) if done else 0)

    def _tick_to(self, at_ns: int) -> None:
        while self._next_tick_ns <= at_ns:
            for listing in self._listings:
                listing.now_ns = max(listing.now_ns, self._next_tick_ns)
            self._on_tick(self._next_tick_ns)
            self._next_tick_ns += TICK_NS
