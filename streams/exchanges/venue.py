"""What a venue is to the rest of the product, and which venues there are."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from schemas.errors import UsageError
from schemas.frame import Instrument
from streams.exchanges.decode import Parser

if TYPE_CHECKING:
    import aiohttp

    from schemas.settings import FeedSettings


class Stream(NamedTuple):
    """One subscription: channels (as in ``LinkEvent``) of some symbols on one connection."""

    name: str
    channels: tuple[str, ...]
    symbols: tuple[str, ...]
    quiet: bool = False
    """Whether it may say nothing for long, as liquidations do: then only pings tell."""


class Connection:
    """One WebSocket of a venue, from its opening until it is lost."""

    __slots__ = (
        "heard_ns",
        "id",
        "lost",
        "market",
        "messages",
        "opened_ns",
        "parser",
        "streams",
        "waiting",
    )

    def __init__(self, id_: str, *, market: str, parser: Parser, opened_ns: int) -> None:
        self.id = id_
        self.market = market
        """Which of the venue's markets its raw symbols belong to."""
        self.parser = parser
        self.streams: list[Stream] = []
        self.waiting: list[Stream] = []
        """Subscriptions of it behind which nothing was heard yet."""
        self.opened_ns = opened_ns
        self.heard_ns: int | None = None
        """Monotonic time of its last message; ``None`` before the first."""
        self.messages = 0
        self.lost = False


class Listener(Protocol):
    """Who takes what comes in."""

    def on_open(self, connection: Connection) -> None:
        """A connection is being opened."""

    def on_text(self, connection: Connection, text: str) -> None:
        """A message came; never raises."""

    def on_lost(self, connection: Connection, reason: str) -> None:
        """The connection is gone."""

    def on_anew(self, stream: Stream, symbol: str) -> None:
        """One symbol of a stream is subscribed anew, on the connection that there is."""

    def on_limited(self, retry_after_s: float | None) -> None:
        """The venue refused a request because there were too many."""


class Contract(NamedTuple):
    """One symbol as the venue lists it."""

    market: str
    raw: str
    active: bool
    rules: Instrument


class Candle(NamedTuple):
    """A bar that is over; ``None`` where the venue does not tell."""

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int | None = None
    taker_buy_volume: float | None = None


class Transport(ABC):
    """The way to a venue: subscriptions, requests and rules.

    Every method that talks to the venue raises :class:`VenueUnavailable` when it cannot, with what
    the venue said.
    """

    @abstractmethod
    async def load(self) -> dict[str, Contract]:
        """The symbols that the venue lists now, by unified name."""

    @abstractmethod
    async def top(self, count: int) -> list[str]:
        """The symbols with the largest turnover of 24 hours, largest first."""

    @abstractmethod
    async def server_ms(self) -> int | None:
        """The venue's clock; ``None`` where it does not tell."""

    @abstractmethod
    def streams(self, symbols: Sequence[str]) -> list[Stream]:
        """The subscriptions that these symbols need."""

    @abstractmethod
    async def hold(self, stream: Stream) -> None:
        """Subscribe, and stay until the connection is lost: then :class:`VenueUnavailable`."""

    @abstractmethod
    async def ask(self, kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
        """A reply as received, for :meth:`Parser.reply`."""

    @abstractmethod
    def weight(self, kind: str) -> float:
        """What a request of this kind takes of the venue's limit."""

    @abstractmethod
    def market(self, symbol: str) -> str:
        """Which of the venue's markets a symbol belongs to."""

    def tells(self, kind: str, symbol: str) -> bool:
        """Whether the venue answers such a request for the symbol now."""
        del kind, symbol
        return True

    @abstractmethod
    async def resubscribe(self, stream: Stream, symbol: str) -> None:
        """Have the symbol begin anew, where need be with all that is on its connection."""

    @abstractmethod
    def reopen(self, stream: Stream) -> None:
        """Open the stream's connection anew, with all that is on it."""

    @abstractmethod
    async def candles(self, symbol: str, timeframe: str, count: int) -> list[Candle]:
        """The last bars that are over, oldest first."""

    @abstractmethod
    async def past(self, symbol: str) -> dict[str, list[tuple[int, float]]]:
        """History of derivatives by the name of their series: time and value, oldest first."""

    @abstractmethod
    def drop(self, connection: Connection, reason: str) -> None:
        """Close a connection that does not work; who holds its streams learns the reason."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything."""


MakeTransport = Callable[["FeedSettings", "aiohttp.ClientSession", Listener], Transport]


@dataclass(frozen=True)
class Venue:
    """One venue; ``id`` is its name in frames and on the command line."""

    id: str
    parser: Callable[[], Parser]
    """For a connection of which every message is read."""
    recorded_parser: Callable[[], Parser]
    """For a recording, which holds one symbol of a connection."""
    transport: str
    """``module:Class``, imported when it is needed: ccxt takes its time."""
    limits: tuple[int, ...] = ()
    """Depths that books are cut at."""
    best_levels: int | None = None
    """Levels a side that the book's stream tells: one that drops out of them is told as empty."""
    has_touch: bool = False
    """Best prices have a stream of their own."""
    repeats_tape: bool = False
    """A subscription begins with trades of before."""
    asks_books: bool = False
    """A book is resynchronised from a reply; otherwise its stream is subscribed anew."""
    asks_trades: bool = False
    """Missing trades can be asked for; otherwise the stream is subscribed anew."""
    polls: dict[str, bool] = field(default_factory=dict)
    """What is asked for regularly, and whether one reply tells it of all symbols."""
    budget: float = 1200.0
    """The venue's published limit of requests, in weight per minute."""
    lacks: tuple[str, ...] = ()
    """What the venue does not tell at all."""

    def open(
        self, settings: FeedSettings, session: aiohttp.ClientSession, listener: Listener
    ) -> Transport:
        """A transport to the venue."""
        module, _, name = self.transport.partition(":")
        make: MakeTransport = getattr(importlib.import_module(module), name)
        return make(settings, session, listener)


def venues() -> dict[str, Venue]:
    """Every venue, by id: what the packages of this folder name in ``VENUES``."""
    import streams.exchanges

    found: dict[str, Venue] = {}
    for module in pkgutil.iter_modules(streams.exchanges.__path__, "streams.exchanges."):
        for venue in getattr(importlib.import_module(module.name), "VENUES", ()):
            found[venue.id] = venue
    return {name: found[name] for name in sorted(found)}


def venue_of(name: str) -> Venue:
    """The venue of this id. Raises :class:`UsageError` that names the nearest known one."""
    import difflib

    known = venues()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise UsageError(
            f"unknown venue {name}; the nearest known one is {near[0]} "
            f"(there are {', '.join(known)})"
        )
    return known[name]
