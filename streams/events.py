"""What a venue's messages say, in one shape for all venues.

Prices, quantities and rates stay the decimal text of the wire, so nothing is rounded before the
framer scales them. ``symbol`` is the venue's own name, ``None`` where the message does not carry
one. Times are UTC nanoseconds of the venue's clock, ``None`` where it does not stamp the message.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

import msgspec

Levels: TypeAlias = list[tuple[str, str]]
"""Price and quantity texts of one side of a book."""


AT_RECEIPT = 0
"""Time of a value that the venue does not stamp: known from its receipt on."""


class TradeEvent(msgspec.Struct, frozen=True, gc=False):
    """One trade, or one aggregate of trades at one price.

    ``first_id`` and ``last_id`` span the venue's trade ids that it covers; ``None`` where the ids
    are no sequence. ``side`` is the aggressor (``schemas.frame.Side``), ``flags`` a ``TradeFlag``.
    """

    symbol: str | None
    exchange_ns: int
    price: str
    qty: str
    side: int
    flags: int
    id: int | str
    first_id: int | None
    last_id: int | None
    aggregate: bool = False


class TouchEvent(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask after a change; quantity 0 on a side without orders."""

    symbol: str | None
    exchange_ns: int | None
    update_id: int
    bid_price: str
    bid_qty: str
    ask_price: str
    ask_qty: str


class BookDiff(msgspec.Struct, frozen=True, gc=False):
    """Changed levels, each with its new quantity (0: the level is gone).

    Covers the update ids ``first_id`` to ``last_id``; ``prev_id`` is the last id of the diff before
    it, where the venue says so. ``sequenced``: the venue numbers the messages of a connection, not
    the changes of a book; whoever reads the connection sees to it that none lacks.
    """

    symbol: str | None
    exchange_ns: int | None
    first_id: int
    last_id: int
    prev_id: int | None
    bids: Levels
    asks: Levels
    sequenced: bool = False


class SnapshotKind(Enum):
    """How a snapshot stands to the changes around it."""

    ASKED = "asked"
    """Fetched beside the stream: of use unless it is older than what the stream has told."""
    SENT = "sent"
    """Sent by the stream: from here on this is the book, whatever its id."""
    WHOLE = "whole"
    """The venue sends whole books only: each is the next state, and no resync."""


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The best levels of a whole book, best first, as of ``update_id``."""

    symbol: str | None
    exchange_ns: int | None
    update_id: int
    bids: Levels
    asks: Levels
    kind: SnapshotKind = SnapshotKind.ASKED


class LiquidationEvent(msgspec.Struct, frozen=True, gc=False):
    """A position closed by force; ``side`` is the position's (``schemas.frame.PositionSide``)."""

    symbol: str | None
    exchange_ns: int
    side: int
    price: str
    qty: str


class DerivativesEvent(msgspec.Struct, frozen=True, gc=False):
    """Derivatives state as of ``known_ns``; ``None`` is "not said here": what was known stays.

    ``known_ns`` is :data:`AT_RECEIPT` where the venue does not stamp it.
    """

    symbol: str | None
    known_ns: int
    mark_price: str | None = None
    index_price: str | None = None
    funding_rate: str | None = None
    next_funding_ns: int | None = None
    open_interest: str | None = None
    long_short_ratio: str | None = None


Event: TypeAlias = (
    TradeEvent | TouchEvent | BookDiff | BookSnapshot | LiquidationEvent | DerivativesEvent
)


class LinkEvent(msgspec.Struct, frozen=True, gc=False):
    """Said by the feed, not by the venue: channels went down, or came back.

    ``channels`` are ``book``, ``trades``, ``touch`` and ``derivatives``. A book whose channel was
    down is lost until a snapshot; the frame's quality names every channel that was down in it.
    """

    symbol: str | None
    channels: tuple[str, ...]
    up: bool


FeedEvent: TypeAlias = Event | LinkEvent
"""What a symbol's state takes."""
