"""Bybit as a venue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.listing import Listing, Update
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.funding import Funding
from streams.simulator.exchange.trading.liquidation import Liquidation
from streams.simulator.exchange.trading.position_stops import PositionStops
from streams.simulator.exchange.trading.rejections import Reason
from streams.simulator.exchange.trading.terms import BYBIT
from streams.simulator.exchange.trading.triggers import Triggers
from streams.simulator.exchange.venues.base import Refusal, Reply, Request, Venue
from streams.simulator.exchange.venues.bybit.account import AccountRest
from streams.simulator.exchange.venues.bybit.disconnect import Disconnect
from streams.simulator.exchange.venues.bybit.limits import BybitLimits
from streams.simulator.exchange.venues.bybit.messages import Category, Messages, category_of
from streams.simulator.exchange.venues.bybit.orders import Orders
from streams.simulator.exchange.venues.bybit.private_stream import PrivateStream
from streams.simulator.exchange.venues.bybit.rest import Query, Rest, envelope
from streams.simulator.exchange.venues.bybit.signing import Gate
from streams.simulator.exchange.venues.bybit.streams import Streams
from streams.simulator.exchange.venues.bybit.trading_stop import TradingStop
from streams.simulator.market.source import Rules

_PRIVATE = "/v5/private"
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
        desk = self.desk = Desk(clock, BYBIT)
        self.triggers = Triggers(desk, keep_ids=True)
        self._gate = Gate(clock, desk.accounts)
        self._private = PrivateStream(self.hub, clock, self._gate)
        desk.listeners.append(self._private.hear)
        self.limits = BybitLimits(clock)
        stops = PositionStops(desk, self.triggers)
        disconnect = Disconnect(desk, self.hub, self._by_name)
        self._routes = {
            **Orders(desk, self.triggers, clock, self._query_of).routes(),
            **AccountRest(desk, clock, self._by_name).routes(),
            **disconnect.routes(),
            **TradingStop(stops).routes(),
        }
        self.by_clock = [Funding(desk).tick, Liquidation(desk).tick, disconnect.tick, stops.tick]
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
        """Public requests, and those of accounts."""
        handler = self._public.get(request.path)
        if handler is not None:
            query = Query(self.clock, request.query, self._by_name)
            return Reply(envelope(self.clock, handler(query)))
        route = self._routes.get((request.method, request.path))
        if route is None:
            text = f"This operation is not supported: {request.path}"
            raise Refusal(Reply(envelope(self.clock, {}, code=10404, text=text), 404))
        account, values = self._gate.signed(request)
        if request.method != "GET" and not account.key.trade:
            raise self._gate.refuse(Reason.PERMISSION)
        result = route(account, self._query_of(values))
        extra = result.pop("_ext", {})
        return Reply(envelope(self.clock, result) | {"retExtInfo": extra})

    def rejection(self, reason: Reason) -> Reply:
        """With the code of the venue."""
        return self._gate.refuse(reason).reply

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
        """One path per category, and one for accounts."""
        return path in ("/v5/public/linear", "/v5/public/spot", _PRIVATE)

    def opened(self, connection: Connection, request: Request) -> None:
        """The venue says nothing until it is asked."""

    def received(self, connection: Connection, text: str) -> None:
        """Subscriptions, pings, and proofs of a key."""
        if connection.path == _PRIVATE:
            self._private.received(connection, text)
        else:
            self._streams.received(connection, text)

    def publish(self, listing: Listing, update: Update) -> None:
        """Send to those who listen."""
        self._streams.publish(listing, update)

    def tick(self, now_ns: int) -> None:
        """Bars and tickers."""
        self._streams.tick(now_ns)

    def _query_of(self, values: Mapping[str, str]) -> Query:
        return Query(self.clock, values, self._by_name)
