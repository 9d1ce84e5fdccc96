"""The simulated exchange: venues, what they list, their faults, and the server before them."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

from schemas.errors import UsageError
from schemas.frame import NS_PER_S
from streams.events import Event
from streams.simulator.exchange.authority import Authority
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.inflict import Faults
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.player import Player
from streams.simulator.exchange.server import ExchangeServer
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.truth import Truth
from streams.simulator.exchange.venues import VENUES
from streams.simulator.exchange.venues.base import Venue
from streams.simulator.market.source import MarketSource


class SimulatedExchange:
    """Several venues in one process.

    ``speed`` is market time per wall time; with ``None`` time stands still but for :meth:`advance`.
    With ``truth`` everything that happens is kept for :meth:`truth`; leave it off in long runs.
    With ``limits`` it refuses who asks too much, as the venues do.
    ``faults`` lets things go wrong.

    ::

        exchange = SimulatedExchange(speed=1.0)
        exchange.add("binanceusdm", source)
        async with exchange:
            connector(port=exchange.port, ca_file=exchange.ca_file)
    """

    def __init__(
        self, *, speed: float | None = 1.0, truth: bool = False, limits: bool = False
    ) -> None:
        self.clock = MarketClock(speed=speed)
        # All of them answer, also where nothing is listed: clients ask more than one for markets.
        self._table = FaultTable()
        self.venues = {name: kind(self.clock, self._table) for name, kind in VENUES.items()}
        self.port = 0
        self.ca_file = Path()
        self._keeps_truth = truth
        self._limits = limits
        self.faults = Faults(self.venues, self.clock, self._table)
        self._player = Player(self.clock, on_event=self._play, on_tick=self._tick)
        self._owner: dict[int, Venue] = {}
        self._server: ExchangeServer | None = None
        self._running: asyncio.Task[None] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def add(self, venue: str, source: MarketSource) -> Listing:
        """List a source's symbol on a venue, before the start. Raises :class:`UsageError`."""
        there = self.venues.get(venue)
        if there is None:
            raise UsageError(f"venue {venue!r} is not simulated; choose of {', '.join(VENUES)}")
        rules = source.rules
        if rules.symbol in there.listings:
            raise UsageError(f"{venue} {rules.symbol}: listed twice; list each symbol once")
        listing = Listing(
            rules,
            venue_id=there.venue_id(rules),
            seed=f"{venue}:{rules.symbol}",
            truth=Truth() if self._keeps_truth else None,
        )
        there.add(listing)
        self._owner[id(listing)] = there
        self._player.add(listing, source.events())
        return listing

    def open_accounts(self, key: ApiKey) -> None:
        """Let every venue that takes orders have an account for a key. Raises
        :class:`UsageError` for a key that is there already.
        """
        for desk in self.desks.values():
            if key.key in desk.accounts or any(a.name == key.name for a in desk.accounts.values()):
                raise UsageError(f"account {key.name}: named twice; name each key once")
            desk.open(key)

    @property
    def desks(self) -> dict[str, Desk]:
        """Where orders are taken, by venue: the truth of accounts is there."""
        return {name: v.desk for name, v in self.venues.items() if v.desk is not None}

    def account(self, venue: str, name: str) -> Account:
        """What an account really is. Raises :class:`UsageError` if there is none of this name."""
        desk = self.desks.get(venue)
        for account in () if desk is None else desk.accounts.values():
            if account.name == name:
                return account
        raise UsageError(f"{venue}: no account {name}; open one first")

    def listing(self, venue: str, symbol: str) -> Listing:
        """A symbol by its unified name. Raises :class:`UsageError`."""
        found = self.venues[venue].listings.get(symbol) if venue in self.venues else None
        if found is None:
            raise UsageError(f"{venue} {symbol}: not listed here")
        return found

    def truth(self, venue: str, symbol: str) -> Truth:
        """What really happened to a symbol. Raises :class:`UsageError` if it is not kept."""
        truth = self.listing(venue, symbol).truth
        if truth is None:
            raise UsageError("the truth is not kept; make the exchange with truth=True")
        return truth

    async def start(
        self, *, host: str = "127.0.0.1", port: int = 0, ca_file: Path | None = None
    ) -> None:
        """Listen and let the market begin; ``port`` and ``ca_file`` tell where and whom to trust.

        The authority's certificate goes into ``ca_file``, or else into a temporary one.
        """
        if ca_file is None:
            self._folder = tempfile.TemporaryDirectory(prefix="prism-simulate-")
            ca_file = Path(self._folder.name) / "ca.pem"
        authority = Authority()
        authority.write(ca_file)
        self.ca_file = ca_file
        self._player.begin()
        hosts = {host: venue for venue in self.venues.values() for host in venue.hosts}
        self._server = ExchangeServer(hosts, self._table, limits=self._limits)
        context = authority.server_context(hosts)
        self.port = await self._server.start(host=host, port=port, context=context)
        if self.clock.speed is not None:
            self._running = asyncio.create_task(self._player.run())

    async def stop(self) -> None:
        """End the market and all connections. Raises the error that ended the market before."""
        running, self._running = self._running, None
        try:
            if running is not None:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
        finally:
            if self._server is not None:
                await self._server.stop()
            if self._folder is not None:
                self._folder.cleanup()

    async def __aenter__(self) -> SimulatedExchange:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    def check(self) -> None:
        """Raise the error that ended the market, if one did: of a source, for example."""
        if self._running is not None and self._running.done():
            self._running.result()

    async def advance(self, seconds: float) -> None:
        """Let market time pass as fast as it can be played; of an exchange without a speed."""
        self.clock.advance(round(seconds * NS_PER_S))
        while not self._player.play_to(self.clock.now_ns(), at_most=200):
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _play(self, listing: Listing, event: Event) -> None:
        update = listing.apply(event)
        if update is not None and listing.active:
            owner = self._owner[id(listing)]
            owner.publish(listing, update)
            owner.trade(listing, update)

    def _tick(self, now_ns: int) -> None:
        for venue in self.venues.values():
            venue.pass_time(now_ns)
