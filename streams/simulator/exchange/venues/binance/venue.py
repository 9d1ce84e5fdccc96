"""What Binance's two markets share as venues: public requests and streams, and signed routes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.listing import Listing, Update
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.rejections import Reason
from streams.simulator.exchange.trading.terms import BINANCE
from streams.simulator.exchange.venues.base import Refusal, Reply, Request, Venue
from streams.simulator.exchange.venues.binance.futures_orders import Routes
from streams.simulator.exchange.venues.binance.instruments import MOST_ORDERS, MOST_WEIGHT
from streams.simulator.exchange.venues.binance.limits import (
    BinanceLimits,
    futures_weight,
    spot_weight,
)
from streams.simulator.exchange.venues.binance.messages import Messages
from streams.simulator.exchange.venues.binance.query import Query, refuse
from streams.simulator.exchange.venues.binance.rest import Rest
from streams.simulator.exchange.venues.binance.signing import Gate
from streams.simulator.exchange.venues.binance.streams import Streams
from streams.simulator.market.source import Rules

_ERRORS = {
    403: {"code": -1003, "msg": "Request forbidden: the web application firewall refused it."},
    418: {"code": -1003, "msg": "Way too many requests; IP banned until later."},
    429: {"code": -1003, "msg": "Too many requests; current limit of IP is exceeded."},
    503: {"code": -1008, "msg": "Server is currently overloaded. Please try again later."},
}
_UNKNOWN = {"code": -1000, "msg": "An unknown error occurred while processing the request."}


class BinanceVenue(Venue):
    """One of the markets; ``routes`` of its accounts are by method and path."""

    futures: ClassVar[bool]
    desk: Desk

    def __init__(self, clock: MarketClock, faults: FaultTable) -> None:
        super().__init__(clock, faults)
        self._by_name: dict[str, Listing] = {}
        self._streams = Streams(self.hub, Messages(clock, futures=self.futures), self.groups)
        self._public = Rest(clock, self._by_name, futures=self.futures).handlers()
        self.desk = Desk(clock, BINANCE)
        self.gate = Gate(clock, self.desk.accounts)
        self.routes: Routes = {}
        weigh = futures_weight if self.futures else spot_weight
        self.limits = BinanceLimits(
            weigh, most_weight=MOST_WEIGHT[self.futures], most_orders=MOST_ORDERS[self.futures]
        )

    def add(self, listing: Listing) -> None:
        """List a symbol."""
        super().add(listing)
        self._by_name[listing.venue_id.lower()] = listing

    def venue_id(self, rules: Rules) -> str:
        """``BTCUSDT``."""
        return f"{rules.base}{rules.quote}"

    def answer(self, request: Request) -> Reply:
        """Public requests, and those of accounts."""
        route = self.routes.get((request.method, request.path))
        if route is not None:
            account, values = self.gate.signed(request)
            if request.method != "GET" and not account.key.trade:
                raise Refusal(self.rejection(Reason.PERMISSION))
            return Reply(route(account, Query(values, self._by_name)))
        handler = self._public.get(request.path)
        if handler is None:
            raise refuse(-1020, f"This operation is not supported: {request.path}")
        return Reply(handler(Query(request.query, self._by_name)))

    @abstractmethod
    def rejection(self, reason: Reason) -> Reply:
        """With the code of the market."""

    def refusal(self, status: int) -> Any:
        """With the code of the venue."""
        return _ERRORS.get(status, _UNKNOWN)

    def maintenance(self) -> Reply:
        """Requests fail with 503."""
        return Reply({"code": 1, "msg": "System is under maintenance."}, 503)

    @staticmethod
    def groups(_stream: str) -> tuple[str, ...] | None:
        """Every stream is served at every path."""
        return None

    def opened(self, connection: Connection, request: Request) -> None:
        """Subscribe to what the address names."""
        named = request.path.partition("/ws/")[2] or request.query.get("streams", "")
        self._streams.opened(connection, named)

    def received(self, connection: Connection, text: str) -> None:
        """Subscriptions."""
        self._streams.received(connection, text)

    def publish(self, listing: Listing, update: Update) -> None:
        """Send to those who listen."""
        self._streams.publish(listing, update)

    def tick(self, now_ns: int) -> None:
        """Bars and tickers."""
        self._streams.tick(now_ns, self._by_name)
