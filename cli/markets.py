"""What ``prism up`` can be about: files at a pace, a venue, or the simulated exchange."""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop

from cli.feeds import Feed
from cli.live import Course
from cli.live_feed import publish_live
from cli.pace import Pacer
from cli.resume import Resume
from cli.run import Run
from schemas.clock import monotonic_ns, now_ns
from schemas.errors import UsageError
from schemas.settings import Settings
from streams.exchanges.venue import Venue, venue_of
from streams.feed.symbols import TOP, named, names_at
from streams.merge import event_ns
from streams.publish import FramePublisher
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.offer import generated_markets

SIMULATED_VENUE = "binanceusdm"
"""Whose protocol the simulated exchange speaks in ``prism up``."""

_LOOK_UP_S = 0.05
_LOOK_EVERY = 500


class PlayedMarket:
    """Files, or the bundled generated market: no faster than their pace and than the roles."""

    ordered = True

    def __init__(self, feed: Feed, pacer: Pacer) -> None:
        self._feed = feed
        self._pacer = pacer

    @property
    def title(self) -> str:
        """A few words for people."""
        return self._feed.title

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""
        return self._feed.keys()

    def sources(self) -> list[dict[str, Any]]:
        """What the feed says of its sources."""
        return self._feed.sources()

    async def play(self, publisher: FramePublisher, course: Course, run: Run) -> None:
        """Publish each message when it is due."""
        resume = Resume(publisher, self.title)
        for published, message in enumerate(self._feed.messages(run.dead_letter), 1):
            is_new = await resume.is_new(message)
            while not course.over():
                if not is_new:
                    break
                wait_s = self._pacer.wait_s(event_ns(message), now_ns=monotonic_ns())
                if wait_s <= 0:
                    break
                await asyncio.sleep(min(wait_s, _LOOK_UP_S))
            else:
                return
            if is_new:
                await publisher.publish(message)
            if published % _LOOK_EVERY == 0:
                await course.keep_together()
        resume.check()


class VenueMarket:
    """A venue's public data, now. Needs no keys.

    ``symbols`` are unified names, comma-separated, or ``top:N``; for the latter the venue is asked
    at once. Raises :class:`UsageError` for none, :class:`VenueUnavailable` without an answer.
    """

    ordered = False

    def __init__(self, venue: Venue, symbols: str, settings: Settings) -> None:
        self._venue = venue
        self._settings = settings
        if symbols.startswith(TOP):
            self._symbols = uvloop.run(names_at(venue, symbols, settings.feed))
        else:
            self._symbols = named(symbols)

    @property
    def title(self) -> str:
        """A few words for people."""
        return f"{self._venue.id} live"

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""
        return [f"{self._venue.id}:{symbol}" for symbol in self._symbols]

    def sources(self) -> list[dict[str, Any]]:
        """One entry per symbol."""
        return [{"venue": self._venue.id, "symbol": symbol} for symbol in self._symbols]

    async def play(self, publisher: FramePublisher, course: Course, run: Run) -> None:
        """Publish what the live feed gives; what it cannot use it says in the log itself."""
        del run
        await publish_live(
            self._venue,
            ",".join(self._symbols),
            self._settings,
            publisher=publisher,
            over=course.over,
        )


class SimulatedMarket:
    """A simulated exchange with a generated market, and a live feed that takes it for the real one.

    ``symbols`` choose of what it lists, as for a venue; ``None`` is all. With ``truth`` the
    exchange keeps what really happened.
    """

    ordered = False

    def __init__(
        self, symbols: str | None, settings: Settings, *, seed: int, truth: bool = False
    ) -> None:
        if symbols is not None and symbols.startswith(TOP):
            raise UsageError(f"--symbols {symbols} ranks a venue's symbols; give --venue, or names")
        self.exchange = SimulatedExchange(truth=truth)
        self._seed = seed
        self._settings = settings
        markets = generated_markets(SIMULATED_VENUE, coins=None, seed=seed, start_ns=now_ns())
        listed = [market.rules.symbol for market in markets]
        self._symbols = listed if symbols is None else named(symbols)
        for market in markets:
            self.exchange.add(SIMULATED_VENUE, market)

    @property
    def title(self) -> str:
        """A few words for people."""
        return f"simulated {SIMULATED_VENUE}, seed {self._seed}"

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""
        return [f"{SIMULATED_VENUE}:{symbol}" for symbol in self._symbols]

    def sources(self) -> list[dict[str, Any]]:
        """One entry per symbol."""
        return [
            {"venue": SIMULATED_VENUE, "symbol": symbol, "simulated_seed": self._seed}
            for symbol in self._symbols
        ]

    async def play(self, publisher: FramePublisher, course: Course, run: Run) -> None:
        """Run the exchange, and publish what the feed hears of it."""
        del run

        def over() -> bool:
            self.exchange.check()
            return course.over()

        async with self.exchange:
            there = {
                "connect_to": f"127.0.0.1:{self.exchange.port}",
                "ca_file": str(self.exchange.ca_file),
            }
            feed = self._settings.feed.model_copy(update=there)
            await publish_live(
                venue_of(SIMULATED_VENUE),
                ",".join(self._symbols),
                self._settings.model_copy(update={"feed": feed}),
                publisher=publisher,
                over=over,
            )
