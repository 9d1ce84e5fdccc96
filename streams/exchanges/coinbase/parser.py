"""Messages of a Coinbase Advanced Trade connection to events.

``sequence_num`` counts the messages of a connection over all its channels and products. A number
that lacks may have been a change of any book, so every book of the connection is lost then. The
``side`` of a trade is the maker's. Trades that come in a snapshot happened before the subscription.
Source of the shapes: the venue's documentation, held against recorded messages (tests/wire).
"""

from __future__ import annotations

import msgspec

from schemas.errors import MalformedMessage, Refused, UnknownStream
from schemas.frame import Side, TradeFlag
from streams.events import (
    BookDiff,
    BookSnapshot,
    Event,
    FeedEvent,
    Levels,
    LinkEvent,
    SnapshotKind,
    TradeEvent,
)
from streams.exchanges.decode import Route, Shape, rfc3339_ns, text_between

_CHANNEL = b'{"channel":"'
_SNAPSHOT, _UPDATE = "snapshot", "update"


class _Level(msgspec.Struct, gc=False):
    side: str
    price: str = msgspec.field(name="price_level")
    qty: str = msgspec.field(name="new_quantity")


class _BookChange(msgspec.Struct, gc=False):
    type: str
    product_id: str
    updates: list[_Level]


class _Book(msgspec.Struct, gc=False):
    timestamp: str
    sequence: int = msgspec.field(name="sequence_num")
    events: list[_BookChange]


class _Trade(msgspec.Struct, gc=False):
    product_id: str
    trade_id: str
    price: str
    size: str
    time: str
    side: str


class _Tape(msgspec.Struct, gc=False):
    type: str
    trades: list[_Trade]


class _Trades(msgspec.Struct, gc=False):
    events: list[_Tape]


class _Sequenced(msgspec.Struct, gc=False):
    """What every message carries."""

    channel: str | None = None
    type: str | None = None
    message: str | None = None
    sequence: int | None = msgspec.field(name="sequence_num", default=None)


class _Ignored(msgspec.Struct, gc=False):
    """A channel that is read for its sequence number alone."""


class _RestTrades(msgspec.Struct, gc=False):
    trades: list[_Trade]


class _RestLevel(msgspec.Struct, gc=False):
    price: str
    size: str


class _RestBook(msgspec.Struct, gc=False):
    product_id: str
    bids: list[_RestLevel]
    asks: list[_RestLevel]
    time: str


class _RestBooks(msgspec.Struct, gc=False):
    pricebook: _RestBook


def _book(m: _Book) -> tuple[Event, ...]:
    time_ns = rfc3339_ns(m.timestamp)

    def one(change: _BookChange) -> Event:
        bids: Levels = []
        asks: Levels = []
        for level in change.updates:
            if level.side == "bid":
                bids.append((level.price, level.qty))
            elif level.side == "offer":
                asks.append((level.price, level.qty))
            else:
                raise MalformedMessage(f"a book level of side {level.side[:20]!r}")
        if change.type == _UPDATE:
            number = m.sequence
            return BookDiff(
                change.product_id, time_ns, number, number, None, bids, asks, sequenced=True
            )
        if change.type != _SNAPSHOT:
            raise MalformedMessage(f"l2_data of type {change.type[:20]!r}")
        return BookSnapshot(change.product_id, time_ns, m.sequence, bids, asks, SnapshotKind.SENT)

    return tuple(map(one, m.events))


def _trade(m: _Trade, *, late: bool) -> TradeEvent:
    if m.side not in ("BUY", "SELL"):
        raise MalformedMessage(f"a trade of side {m.side[:20]!r}")
    aggressor = Side.SELL if m.side == "BUY" else Side.BUY  # the side told is the maker's
    try:
        number = int(m.trade_id)
    except ValueError as error:
        raise MalformedMessage(f"trade id {m.trade_id[:40]!r} is no number") from error
    flags = int(TradeFlag.RECOVERED_LATE) if late else 0
    return TradeEvent(
        m.product_id,
        rfc3339_ns(m.time),
        m.price,
        m.size,
        int(aggressor),
        flags,
        number,
        number,
        number,
    )


def _trades(m: _Trades) -> tuple[Event, ...]:
    return tuple(
        _trade(trade, late=tape.type == _SNAPSHOT)
        for tape in m.events
        for trade in reversed(tape.trades)  # the newest comes first
    )


def _rest_book(m: _RestBook) -> BookSnapshot:
    bids, asks = ([(level.price, level.size) for level in side] for side in (m.bids, m.asks))
    time_ns = rfc3339_ns(m.time)  # there is no number that the stream's would go with
    return BookSnapshot(m.product_id, time_ns, time_ns, bids, asks)


def _nothing(_message: _Ignored) -> tuple[Event, ...]:
    return ()


SHAPES: dict[str, Shape] = {
    "l2_data": Shape(_Book, _book),
    "market_trades": Shape(_Trades, _trades),
    "heartbeats": Shape(_Ignored, _nothing),
    "subscriptions": Shape(_Ignored, _nothing),
}
"""By channel."""


class CoinbaseParser:
    """Reads the messages of one connection.

    ``sequenced``: every message of the connection comes here, so its numbers must not skip one.
    Where one does, a :class:`LinkEvent` for every symbol comes ahead of the message's own events.
    """

    def __init__(self, *, sequenced: bool = True) -> None:
        self._routes = {name: Route(shape) for name, shape in SHAPES.items()}
        self._sequenced = sequenced
        self._number: int | None = None
        self._head = msgspec.json.Decoder(_Sequenced).decode
        self._rest = msgspec.json.Decoder(_RestTrades).decode
        self._rest_book = msgspec.json.Decoder(_RestBooks).decode

    def parse(self, payload: bytes) -> tuple[FeedEvent, ...]:
        """Events of one message, in order; none for heartbeats and answers."""
        channel = text_between(payload, _CHANNEL)
        gap: tuple[FeedEvent, ...] = ()
        before = self._number
        if channel is None or self._sequenced:
            try:
                head = self._head(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise MalformedMessage(f"not a message of the venue: {error}") from error
            if head.type == "error":
                raise Refused((head.message or "no reason given")[:200])
            channel = head.channel
            gap = self._follow(head.sequence)
        route = self._routes.get(channel or "")
        if route is None:
            raise UnknownStream(f"channel {str(channel)[:80]}: nobody reads it")
        try:
            return gap + route.read(payload, str(channel))
        except MalformedMessage:
            self._number = before  # it lacks like one that was lost: the next number tells
            raise

    def reply(self, kind: str, payload: bytes) -> tuple[Event, ...]:
        """Events of the answer to a request for ``book`` or ``trades``, oldest first."""
        if kind not in ("book", "trades"):
            raise UnknownStream(f"a reply for {kind}: nobody reads it")
        try:
            if kind == "book":
                return (_rest_book(self._rest_book(payload).pricebook),)
            trades = self._rest(payload).trades
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise MalformedMessage(f"reply for {kind}: {error}") from error
        return tuple(_trade(trade, late=True) for trade in reversed(trades))

    def counts(self) -> dict[str, int]:
        """Messages read so far by channel."""
        return {name: route.count for name, route in sorted(self._routes.items()) if route.count}

    def _follow(self, number: int | None) -> tuple[FeedEvent, ...]:
        before, self._number = self._number, number
        if not self._sequenced or number is None or before is None or number <= before + 1:
            return ()
        return tuple(LinkEvent(None, ("book", "trades"), up) for up in (False, True))
