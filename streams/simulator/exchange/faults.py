"""Faults on command: what can be made to go wrong, and which of it is in force.

Each fault is a struct that says where (``venue``, ``symbol``, ``channel``, ``path``; left out:
everywhere) and how often or how long. The same structs travel as JSON to the admin endpoint, with
their name in lower case under ``fault``: ``{"fault": "drop", "venue": "bybit", "connections": 1}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TypeAlias

import msgspec

from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S
from streams.simulator.exchange.trading.rejections import Reason


class Channel(StrEnum):
    """What a message of a stream is about, whatever the venue calls it."""

    TRADES = "trades"
    BOOK = "book"
    TOUCH = "touch"
    BARS = "bars"
    MARK = "mark"
    LIQUIDATIONS = "liquidations"
    ORDERS = "orders"
    ACCOUNT = "account"
    TICKER = "ticker"
    OTHER = "other"


class _Fault(msgspec.Struct, frozen=True, kw_only=True, tag_field="fault", tag=str.lower):
    venue: str | None = None


class Drop(_Fault, frozen=True):
    """Break WebSocket connections off: the oldest so many, or all; ``close_code`` closes politely.

    ``path`` chooses those whose path begins so (``/public``). Without a code the TCP connection is
    cut, with no close frame.
    """

    connections: int | None = None
    close_code: int | None = None
    path: str | None = None


class Lose(_Fault, frozen=True):
    """The next ``count`` messages of a channel and symbol are not sent: a hole in the sequence."""

    channel: Channel
    symbol: str | None = None
    count: int = 1


class Garble(_Fault, frozen=True):
    """The next ``count`` messages of a channel and symbol arrive cut short: no JSON any more."""

    channel: Channel
    symbol: str | None = None
    count: int = 1


class Double(_Fault, frozen=True):
    """The next ``count`` messages of a channel and symbol arrive twice."""

    channel: Channel
    symbol: str | None = None
    count: int = 1


class Forget(_Fault, frozen=True):
    """Subscriptions to a channel and symbol end without a word when its next message is due; their
    connections go on. ``count`` messages do so.
    """

    channel: Channel
    symbol: str | None = None
    count: int = 1


class Silence(_Fault, frozen=True):
    """Connections that are open now hear nothing more, for ``seconds`` or until they are dropped.

    With ``pong`` their pings are answered all the same. ``path`` as for :class:`Drop`.
    """

    pong: bool = True
    seconds: float | None = None
    path: str | None = None


class Refuse(_Fault, frozen=True):
    """Answer requests whose path begins with ``path`` with this status, ``count`` times or for
    ``seconds``; without either until cleared; ``method`` chooses those of one (``POST``). WebSocket
    handshakes are requests too.
    """

    status: int
    retry_after_s: int | None = None
    path: str = "/"
    method: str | None = None
    count: int | None = None
    seconds: float | None = None


class Slow(_Fault, frozen=True):
    """Answer requests late by ``delay_s``; limits as for :class:`Refuse`."""

    delay_s: float
    path: str = "/"
    method: str | None = None
    count: int | None = None
    seconds: float | None = None


class Manner(StrEnum):
    """How an answer is lost: the connection is cut, nothing ever comes, what comes is cut short,
    the venue says that it does not know (its error for that), or a proxy answers 502.
    """

    CUT = "cut"
    HANG = "hang"
    TRUNCATE = "truncate"
    UNKNOWN = "unknown"
    BAD_GATEWAY = "bad_gateway"


class LoseReply(_Fault, frozen=True, tag="lose_reply"):
    """Carry out requests, but let the answer be lost, in a ``manner``; limits as for
    :class:`Refuse`.
    """

    manner: Manner = Manner.CUT
    path: str = "/"
    method: str | None = None
    count: int | None = None
    seconds: float | None = None


class Reject(_Fault, frozen=True):
    """Reject requests of accounts for a reason, in the venue's own words, and do nothing; limits as
    for :class:`Refuse`. Venues that take no orders do not know it.
    """

    reason: Reason
    path: str = "/"
    method: str | None = None
    count: int | None = None
    seconds: float | None = None


class ExpireSessions(_Fault, frozen=True, tag="expire_sessions"):
    """The user-data sessions of all accounts end: Binance's listen keys expire."""


class Maintenance(_Fault, frozen=True):
    """The venue is under maintenance, or ``on=False`` no more: it drops all connections and answers
    every request as the venue does then.
    """

    on: bool = True


class Delist(_Fault, frozen=True):
    """A symbol is delisted, or ``on=False`` listed again: its streams fall silent and requests for
    it are refused.
    """

    symbol: str
    on: bool = True


class Retick(_Fault, frozen=True):
    """A symbol's announced tick size becomes ``tick`` (decimal text)."""

    symbol: str
    tick: str


class SkewClock(_Fault, frozen=True, tag="skew_clock"):
    """The exchange's stamps are off by ``ms``, its answer to what time it is included; 0 mends it.

    There is one clock: ``venue`` means nothing here.
    """

    ms: int


Fault: TypeAlias = (
    Drop
    | Lose
    | Garble
    | Double
    | Forget
    | Silence
    | Refuse
    | Slow
    | LoseReply
    | Reject
    | ExpireSessions
    | Maintenance
    | Delist
    | Retick
    | SkewClock
)

MessageFault: TypeAlias = Lose | Garble | Double | Forget
RequestFault: TypeAlias = Refuse | Slow | LoseReply | Reject


class Fate(Enum):
    """What becomes of a message."""

    SENT = 1
    LOST = 2
    GARBLED = 3
    DOUBLED = 4
    FORGOTTEN = 5


_FATES: dict[type[MessageFault], Fate] = {
    Lose: Fate.LOST,
    Garble: Fate.GARBLED,
    Double: Fate.DOUBLED,
    Forget: Fate.FORGOTTEN,
}


@dataclass
class _InForce:
    """A fault and what is left of it: times, and the wall time of its end."""

    fault: MessageFault | RequestFault
    left: int | None
    end_ns: int | None

    def spend(self) -> None:
        if self.left is not None:
            self.left -= 1

    @property
    def over(self) -> bool:
        return self.left == 0 or (self.end_ns is not None and monotonic_ns() >= self.end_ns)


class FaultTable:
    """Faults of messages and requests in force, each until it is used up."""

    def __init__(self) -> None:
        self._messages: list[_InForce] = []
        self._requests: list[_InForce] = []

    def add(self, fault: MessageFault | RequestFault) -> None:
        """Put a fault in force, behind those that are."""
        if isinstance(fault, MessageFault):
            self._messages.append(_InForce(fault, fault.count, None))
            return
        end_ns = None
        if fault.seconds is not None:
            end_ns = monotonic_ns() + round(fault.seconds * NS_PER_S)
        self._requests.append(_InForce(fault, fault.count, end_ns))

    def clear(self) -> None:
        """End all of them."""
        self._messages.clear()
        self._requests.clear()

    def in_force(self) -> list[MessageFault | RequestFault]:
        """Those that are not used up."""
        return [entry.fault for entry in (*self._messages, *self._requests) if not entry.over]

    def fate(self, venue: str, channel: Channel, symbol: str) -> Fate:
        """What becomes of the next message of a channel; uses up the fault that decides it."""
        if not self._messages:
            return Fate.SENT
        self._messages = [entry for entry in self._messages if not entry.over]
        for entry in self._messages:
            fault = entry.fault
            assert isinstance(fault, MessageFault)
            fits = fault.channel is channel and fault.symbol in (None, symbol)
            if fits and fault.venue in (None, venue):
                entry.spend()
                return _FATES[type(fault)]
        return Fate.SENT

    def of_request(self, venue: str, method: str, path: str) -> list[RequestFault]:
        """Faults that meet a request, at most one of each kind; uses them up."""
        met: list[RequestFault] = []
        if not self._requests:
            return met
        self._requests = [entry for entry in self._requests if not entry.over]
        for entry in self._requests:
            fault = entry.fault
            assert isinstance(fault, RequestFault)
            fits = fault.venue in (None, venue) and path.startswith(fault.path)
            if (
                fits
                and fault.method in (None, method)
                and not any(type(other) is type(fault) for other in met)
            ):
                entry.spend()
                met.append(fault)
        return met
