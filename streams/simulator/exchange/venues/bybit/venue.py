"""Bybit as a venue. Its order side will be a module of its own beside ``rest``."""

from __future__ import annotations

from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.listing import Listing, Update
from streams.simulator.exchange.venues.base import Refusal, Reply, Request, Venue
from streams.simulator.exchange.venues.bybit.messages import Category, Messages, category_of
from streams.simulator.exchange.venues.bybit.rest import Query, Rest, envelope
from streams.simulator.exchange.venues.bybit.streams import Streams
from streams.simulator.market.source import Rules

_TOO_MANY = (403, 418, 429)
_NO_SERVER = b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"


class Bybit(Venue):
    """Linear perpetuals and spot, one beside the other."""

    id = "bybit"
    hosts = ("api.bybit.com", "stream.bybit.com")

    def __init__(self, clock: MarketClock, faults: FaultTable) -> None:
        super().__init__(clock, faults)
        messages = Messages(clock)
        self._by_name: dict[tuple[Category, str], Listing] = {}
        self._streams = Streams(self.hub, messages, self._by_name)
        self._public = Rest(clock, messages).handlers()

    def add(self, listing: Listing) -> None:
        """List a symbol."""
        super().add(listing)
        self._by_name[category_of(listing), listing.venue_id] = listing

    def venue_id(self, rules: Rules) -> str:
        """``BTCUSDT``; the same for spot and linear."""
        return f"{rules.base}{rules.quote}"

    def answer(self, request: Request) -> Reply:
        """Public requests; all others are the account's, which is not simulated."""
        handler = self._public.get(request.path)
        if handler is None:
            text = f"This operation is not supported: {request.path}"
            raise Refusal(Reply(envelope(self.clock, {}, code=10404, text=text), 404))
        query = Query(self.clock, request.query, self._by_name)
        return Reply(envelope(self.clock, handler(query)))

    def refusal(self, status: int) -> Any:
        """With the code of the venue."""
        if status in _TOO_MANY:
            return envelope(
                self.clock, {}, code=10006, text="Too many visits. Exceeded the API Rate Limit."
            )
        return _NO_SERVER

    def maintenance(self) -> Reply:
        """Requests do not get behind the proxy."""
        return Reply(_NO_SERVER, 503)

    def streams(self, path: str) -> bool:
        """One path per category; ``/v5/private`` and ``/v5/trade`` are the account's."""
        return path in ("/v5/public/linear", "/v5/public/spot")

    def opened(self, connection: Connection, request: Request) -> None:
        """The venue says nothing until it is asked."""

    def received(self, connection: Connection, text: str) -> None:
        """Subscriptions and pings."""
        self._streams.received(connection, text)

    def publish(self, listing: Listing, update: Update) -> None:
        """Send to those who listen."""
        self._streams.publish(listing, update)

    def tick(self, now_ns: int) -> None:
        """Bars and tickers."""
        self._streams.tick(now_ns)
