"""What every simulated venue has: its hosts, its listings, who listens, and how it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection, Hub
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.listing import Listing, Update
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.rejections import Reason
from streams.simulator.exchange.trading.triggers import Triggers
from streams.simulator.market.source import Rules

encode = msgspec.json.Encoder().encode


class Request(NamedTuple):
    """An HTTP request as far as a venue looks at it. ``raw_query`` is what was signed."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str] = {}
    raw_query: str = ""


class Reply(NamedTuple):
    """An answer: a value that becomes JSON, or bytes that are none; and how it is sent."""

    value: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class Refusal(Exception):
    """A request that cannot be served, with the venue's own answer to it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.value))
        self.reply = reply


class Limits(Protocol):
    """What the server asks before a request is carried out, where limits are enforced."""

    def take(self, request: Request) -> Reply | None:
        """Count a request; the answer to it where it is one too many."""
        ...

    def headers(self, request: Request) -> Mapping[str, str]:
        """What answers say of how much is used."""
        ...


class Venue(ABC):
    """One venue. Subclasses turn updates into wire messages and requests into answers.

    ``id`` is ccxt's name of it, ``hosts`` the names in the addresses that its clients use.
    ``desk`` takes orders, where the venue's order side is simulated; ``by_clock`` is what happens
    to accounts by the clock, called with the time of every tick; ``limits`` are those of requests,
    where the venue's are simulated; who says more than ``most_said`` on one WebSocket connection
    within a second is cut off.
    """

    id: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    most_said: ClassVar[int | None] = None

    def __init__(self, clock: MarketClock, faults: FaultTable) -> None:
        self.clock = clock
        self.hub = Hub(self.id, faults)
        self.listings: dict[str, Listing] = {}
        self.in_maintenance = False
        self.desk: Desk | None = None
        self.by_clock: list[Callable[[int], None]] = []
        self.triggers: Triggers | None = None
        self.limits: Limits | None = None

    def add(self, listing: Listing) -> None:
        """List a symbol; before the exchange starts."""
        self.listings[listing.symbol] = listing
        if self.desk is not None:
            self.desk.add(listing)

    def active(self) -> Iterator[Listing]:
        """The symbols that are not delisted."""
        return (listing for listing in self.listings.values() if listing.active)

    @abstractmethod
    def venue_id(self, rules: Rules) -> str:
        """The venue's own name of a symbol."""

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Answer a request. May raise :class:`Refusal`."""

    @abstractmethod
    def refusal(self, status: int) -> Any:
        """The body of an answer that a fault forces: too many requests, or the server is ill;
        bytes where the venue sends no JSON then.
        """

    def rejection(self, reason: Reason) -> Reply | None:  # noqa: ARG002 - not all take orders
        """What a request is answered with that is rejected for a reason, where orders are taken."""
        return None

    def expire_sessions(self) -> int:
        """End the user-data sessions of all accounts, where the venue has such; how many."""
        return 0

    @abstractmethod
    def maintenance(self) -> Reply:
        """What every request is answered with during maintenance."""

    @abstractmethod
    def streams(self, path: str) -> bool:
        """Whether a WebSocket may be opened at this path."""

    @abstractmethod
    def opened(self, connection: Connection, request: Request) -> None:
        """A WebSocket was opened."""

    @abstractmethod
    def received(self, connection: Connection, text: str) -> None:
        """A WebSocket client said something."""

    @abstractmethod
    def publish(self, listing: Listing, update: Update) -> None:
        """Tell those who listen what happened to an active symbol."""

    def trade(self, listing: Listing, update: Update) -> None:
        """Let keyed orders meet what happened to a symbol."""
        if self.desk is not None and self.triggers is not None:
            self.desk.on_market(listing, update)
            self.triggers.on_market(listing, update)

    def pass_time(self, now_ns: int) -> None:
        """Another 100 ms of market time are over: what happens to accounts, then what is told."""
        for happens in self.by_clock:
            happens(now_ns)
        self.tick(now_ns)

    def tick(self, now_ns: int) -> None:  # noqa: B027 - not every venue has something to do
        """Another 100 ms of market time are over: publish what comes by the clock."""

    def connect(self, connection: Connection, request: Request) -> None:
        """A WebSocket was opened: count it in."""
        self.hub.add(connection)
        self.opened(connection, request)

    def numbered(self) -> Any:
        """Writes a connection's own number into each payload, where the venue counts messages."""
        return None
