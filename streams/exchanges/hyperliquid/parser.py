"""Messages of a Hyperliquid connection to events.

The venue sends whole books of 20 levels a side, each with its time, so there is nothing to
continue: a lost message costs an update, not the book. Trade ids are no sequence, and the first
message after a subscription repeats trades of before. Source of the shapes: the venue's
documentation, held against recorded messages (tests/wire).
"""

from __future__ import annotations

import msgspec

from schemas.errors import MalformedMessage, Refused, UnknownStream
from schemas.frame import NS_PER_MS, Side, TradeFlag
from streams.events import (
    AT_RECEIPT,
    BookSnapshot,
    DerivativesEvent,
    Event,
    Levels,
    SnapshotKind,
    TradeEvent,
)
from streams.exchanges.decode import Route, Shape, text_between

_LATE = int(TradeFlag.RECOVERED_LATE)
_CHANNEL = b'{"channel":"'


class _Level(msgspec.Struct, gc=False):
    px: str
    sz: str


class _BookData(msgspec.Struct, gc=False):
    coin: str
    levels: tuple[list[_Level], list[_Level]]
    time: int


class _Book(msgspec.Struct, gc=False):
    data: _BookData


class _Trade(msgspec.Struct, gc=False):
    coin: str
    side: str
    px: str
    sz: str
    time: int
    tid: int


class _Trades(msgspec.Struct, gc=False):
    data: list[_Trade]


class _Context(msgspec.Struct, gc=False):
    funding: str | None = None
    interest: str | None = msgspec.field(name="openInterest", default=None)
    oracle: str | None = msgspec.field(name="oraclePx", default=None)
    mark: str | None = msgspec.field(name="markPx", default=None)


class _AssetData(msgspec.Struct, gc=False):
    coin: str
    ctx: _Context


class _Asset(msgspec.Struct, gc=False):
    data: _AssetData


class _Universe(msgspec.Struct, gc=False):
    name: str


class _Meta(msgspec.Struct, gc=False):
    universe: list[_Universe]


class _Ignored(msgspec.Struct, gc=False):
    """A channel that only answers."""


class _Error(msgspec.Struct, gc=False):
    data: str


class _Head(msgspec.Struct, gc=False):
    channel: str | None = None


def _book(m: _Book) -> tuple[Event, ...]:
    return (_snapshot(m.data, SnapshotKind.WHOLE),)


def _snapshot(data: _BookData, kind: SnapshotKind) -> BookSnapshot:
    def side(levels: list[_Level]) -> Levels:
        return [(level.px, level.sz) for level in levels]

    bids, asks = map(side, data.levels)
    return BookSnapshot(data.coin, data.time * NS_PER_MS, data.time, bids, asks, kind)


def _trade(m: _Trade, *, flags: int = 0) -> TradeEvent:
    if m.side not in ("A", "B"):
        raise MalformedMessage(f"a trade of side {m.side[:20]!r}")
    side = Side.BUY if m.side == "B" else Side.SELL  # A: the aggressor sold (asked)
    return TradeEvent(m.coin, m.time * NS_PER_MS, m.px, m.sz, int(side), flags, m.tid, None, None)


def _trades(m: _Trades) -> tuple[Event, ...]:
    return tuple(map(_trade, m.data))


def _context(coin: str, ctx: _Context) -> DerivativesEvent:
    return DerivativesEvent(
        coin,
        AT_RECEIPT,
        mark_price=ctx.mark,
        index_price=ctx.oracle,
        funding_rate=ctx.funding,
        open_interest=ctx.interest,
    )


def _asset(m: _Asset) -> tuple[Event, ...]:
    return (_context(m.data.coin, m.data.ctx),)


def _nothing(_message: _Ignored) -> tuple[Event, ...]:
    return ()


def _error(m: _Error) -> tuple[Event, ...]:
    raise Refused(m.data[:200])


SHAPES: dict[str, Shape] = {
    "l2Book": Shape(_Book, _book),
    "trades": Shape(_Trades, _trades),
    "activeAssetCtx": Shape(_Asset, _asset),
    "subscriptionResponse": Shape(_Ignored, _nothing),
    "pong": Shape(_Ignored, _nothing),
    "error": Shape(_Error, _error),
}
"""By channel."""


class HyperliquidParser:
    """Reads the messages of one connection; keeps nothing but decoders and counters."""

    def __init__(self) -> None:
        self._routes = {name: Route(shape) for name, shape in SHAPES.items()}
        self._head = msgspec.json.Decoder(_Head).decode
        self._book = msgspec.json.Decoder(_BookData).decode
        self._tape = msgspec.json.Decoder(list[_Trade]).decode
        self._contexts = msgspec.json.Decoder(tuple[_Meta, list[_Context]]).decode

    def parse(self, payload: bytes) -> tuple[Event, ...]:
        """Events of one message, in order; none for pongs and answers."""
        channel = text_between(payload, _CHANNEL)
        if channel is None:
            try:
                channel = self._head(payload).channel
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise MalformedMessage(f"not a message of the venue: {error}") from error
        route = self._routes.get(channel or "")
        if route is None:
            raise UnknownStream(f"channel {str(channel)[:80]}: nobody reads it")
        return route.read(payload, str(channel))

    def reply(self, kind: str, payload: bytes) -> tuple[Event, ...]:
        """Events of the answer to a request for ``contexts``, the state of every contract, for a
        ``book``, or for the latest ``trades``, oldest first.
        """
        if kind not in ("book", "contexts", "trades"):
            raise UnknownStream(f"a reply for {kind}: nobody reads it")
        try:
            if kind == "book":
                return (_snapshot(self._book(payload), SnapshotKind.ASKED),)
            if kind == "trades":
                told = sorted(self._tape(payload), key=lambda trade: trade.time)
                return tuple(_trade(trade, flags=_LATE) for trade in told)
            meta, contexts = self._contexts(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise MalformedMessage(f"reply for {kind}: {error}") from error
        return tuple(
            _context(coin.name, ctx) for coin, ctx in zip(meta.universe, contexts, strict=False)
        )

    def counts(self) -> dict[str, int]:
        """Messages read so far by channel."""
        return {name: route.count for name, route in sorted(self._routes.items()) if route.count}
