"""Messages of a Binance connection, enveloped or bare, to events."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from schemas.errors import MalformedMessage, Refused, UnknownStream
from streams.events import Event
from streams.exchanges.binance.messages import REPLIES, SHAPES
from streams.exchanges.decode import Shape

# Channels by the stream name behind the symbol. "depth5@100ms" is a partial book, no diff.
_CHANNELS = {
    "trade": "trade",
    "aggTrade": "aggTrade",
    "bookTicker": "bookTicker",
    "!bookTicker": "bookTicker",
    "markPrice": "markPriceUpdate",
    "!markPrice": "markPriceUpdates",
    "depth": "depthUpdate",
    "forceOrder": "forceOrder",
    "!forceOrder": "forceOrder",
}
_ENVELOPE = b'{"stream":"'

T = TypeVar("T")


class _Envelope(msgspec.Struct, Generic[T], gc=False):
    data: T


_ABSENT = msgspec.Raw()


class _Peek(msgspec.Struct, gc=False):
    """Enough of any message to know what it is."""

    stream: str | None = None
    e: str | None = None
    bids: msgspec.Raw = _ABSENT
    best_bid_qty: msgspec.Raw = msgspec.field(name="B", default=_ABSENT)
    result: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


class _Route:
    """How the messages of one stream are read, and how many there were."""

    __slots__ = ("count", "decode", "events")

    def __init__(self, shape: Shape, *, enveloped: bool) -> None:
        envelope: Any = _Envelope  # a type argument that is known only here is beyond static types
        wire = envelope[shape.wire] if enveloped else shape.wire
        self.decode = msgspec.json.Decoder(wire).decode
        self.events = shape.events
        self.count = 0


class BinanceParser:
    """Reads the messages of one connection; keeps nothing but decoders and counters.

    >>> parser = BinanceParser()
    >>> trade, = parser.parse(b'{"e":"trade","s":"BTCUSDT","t":7,"p":"5","q":"1","T":1,"m":true}')
    >>> trade.side, trade.id
    (-1, 7)
    """

    def __init__(self) -> None:
        self._streams: dict[bytes, _Route] = {}
        self._bare: dict[str, _Route] = {}
        self._peek = msgspec.json.Decoder(_Peek).decode
        self._list = msgspec.json.Decoder(list[msgspec.Raw]).decode

    def parse(self, payload: bytes) -> tuple[Event, ...]:
        """Events of one message, in order; none for the answer to a subscription.

        Raises :class:`MalformedMessage` and :class:`UnknownStream`.
        """
        if payload.startswith(_ENVELOPE):
            # The stream name picks the decoder, so that a message is read in one typed pass.
            name = payload[len(_ENVELOPE) : payload.find(b'"', len(_ENVELOPE))]
            route = self._streams.get(name)
            if route is None:
                route = self._enveloped(name)
            try:
                message = route.decode(payload).data
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise MalformedMessage(f"{name.decode(errors='replace')}: {error}") from error
            route.count += 1
            return route.events(message)
        return self._parse_other(payload)

    def reply(self, kind: str, payload: bytes) -> tuple[Event, ...]:
        """Events of the answer to a request: ``book``, ``trades``, ``open_interest``, ``ratio``.

        Raises :class:`MalformedMessage` and :class:`UnknownStream`.
        """
        shape = REPLIES.get(kind)
        if shape is None:
            raise UnknownStream(f"a reply for {kind}: nobody reads it")
        try:
            return shape.events(msgspec.json.decode(payload, type=shape.wire))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise MalformedMessage(f"reply for {kind}: {error}") from error

    def counts(self) -> dict[str, int]:
        """Messages read so far by stream kind, the symbol left out: ``{"depth@100ms": 6495}``."""
        totals = {kind: route.count for kind, route in self._bare.items()}
        for name, route in self._streams.items():
            kind = _channel(name.decode())
            totals[kind] = totals.get(kind, 0) + route.count
        return {kind: totals[kind] for kind in sorted(totals)}

    def _enveloped(self, name: bytes) -> _Route:
        channel = _channel(name.decode(errors="replace"))
        shape = _CHANNELS.get(channel.partition("@")[0])
        if shape is None:
            raise UnknownStream(f"stream {name[:80].decode(errors='replace')}: nobody reads it")
        route = self._streams[name] = _Route(SHAPES[shape], enveloped=True)
        return route

    def _parse_other(self, payload: bytes) -> tuple[Event, ...]:
        try:
            if payload.lstrip().startswith(b"["):
                messages = self._list(payload)
                return tuple(event for raw in messages for event in self._parse_other(bytes(raw)))
            peek = self._peek(payload)
            if peek.stream is not None:
                route = self._streams.get(peek.stream.encode())
                route = route or self._enveloped(peek.stream.encode())
                message = route.decode(payload).data
            elif (kind := _kind(peek)) is None:
                return ()
            else:
                route = self._bare.get(kind)
                if route is None:
                    route = self._bare[kind] = _Route(SHAPES[kind], enveloped=False)
                message = route.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise MalformedMessage(f"not a message of the venue: {error}") from error
        route.count += 1
        return route.events(message)


def _channel(stream: str) -> str:
    return stream if stream.startswith("!") else stream.partition("@")[2]


def _kind(peek: _Peek) -> str | None:
    if peek.e in SHAPES:
        return peek.e
    if peek.e is not None:
        raise UnknownStream(f"event {peek.e[:80]}: nobody reads it")
    if peek.bids is not _ABSENT:
        return "snapshot"
    if peek.best_bid_qty is not _ABSENT:  # spot stamps its best bid and ask with no event name
        return "bookTicker"
    if peek.result is not _ABSENT:
        return None
    if peek.error is not _ABSENT:
        raise Refused(bytes(peek.error)[:200].decode(errors="replace"))
    raise UnknownStream("a message with neither stream nor event name")
