"""Binance's market streams: which there are, who subscribes, and what is sent when."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from schemas.frame import NS_PER_MS, NS_PER_S
from streams.simulator.exchange.bar_feed import BarFeed
from streams.simulator.exchange.connection import Connection, Hub
from streams.simulator.exchange.faults import Channel
from streams.simulator.exchange.listing import (
    BookChange,
    Liquidation,
    Listing,
    Marked,
    Trade,
    Update,
)
from streams.simulator.exchange.venues.base import encode
from streams.simulator.exchange.venues.binance.messages import Messages

INTERVALS_NS: Mapping[str, int] = {
    "1m": 60 * NS_PER_S,
    "3m": 180 * NS_PER_S,
    "5m": 300 * NS_PER_S,
    "15m": 900 * NS_PER_S,
    "30m": 1_800 * NS_PER_S,
    "1h": 3_600 * NS_PER_S,
    "2h": 7_200 * NS_PER_S,
    "4h": 14_400 * NS_PER_S,
    "6h": 21_600 * NS_PER_S,
    "8h": 28_800 * NS_PER_S,
    "12h": 43_200 * NS_PER_S,
    "1d": 86_400 * NS_PER_S,
}
MAX_STREAMS = 1024
"""Per connection; who wants more is dropped."""

_DEPTHS = ("depth", "depth@100ms", "depth@500ms", "depth@0ms", "rpiDepth@500ms")
_PARTIALS = tuple(
    (levels, f"depth{levels}{rate}") for levels in (5, 10, 20) for rate in ("", "@100ms", "@500ms")
)
_POLICY_VIOLATION = 1008
_COMBINED = "+"
"""Marks the topic of those who get a stream in an envelope with its name."""
_BARS_EVERY_NS = 200 * NS_PER_MS


class _Command(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: list[Any] = []


class Streams:
    """Streams of one venue. ``group_of`` says by which endpoint a stream is served, if not by all:
    what is subscribed at another one is acknowledged, and never comes.
    """

    def __init__(
        self, hub: Hub, messages: Messages, group_of: Callable[[str], tuple[str, ...] | None]
    ) -> None:
        self._hub = hub
        self._messages = messages
        self._group_of = group_of
        self._decode = msgspec.json.Decoder(_Command).decode
        self._bars = BarFeed()

    def opened(self, connection: Connection, streams: str) -> None:
        """Subscribe to the streams that the address names."""
        for name in streams.split("/"):
            if "@" in name or name.startswith("!"):
                self._subscribe(connection, name)

    def received(self, connection: Connection, text: str) -> None:
        """Obey a command."""
        try:
            command = self._decode(text)
        except msgspec.MsgspecError as error:
            _refuse(connection, 3, f"Invalid JSON: {error}", None)
            return
        names = [str(name) for name in command.params]
        result: Any = None
        match command.method:
            case "SUBSCRIBE":
                if len(connection.topics) + len(names) > MAX_STREAMS:
                    connection.close(_POLICY_VIOLATION)
                    return
                for name in names:
                    self._subscribe(connection, name)
            case "UNSUBSCRIBE":
                for name in names:
                    self._hub.unsubscribe(connection, name)
                    self._hub.unsubscribe(connection, _COMBINED + name)
            case "LIST_SUBSCRIPTIONS":
                result = sorted(topic.removeprefix(_COMBINED) for topic in connection.topics)
            case method:
                _refuse(connection, 2, f"Invalid request: unknown variant `{method}`", command.id)
                return
        connection.send(encode({"result": result, "id": command.id}))

    def publish(self, listing: Listing, update: Update) -> None:
        """Send what happened to those who listen."""
        make, symbol = self._messages, listing.venue_id.lower()
        match update:
            case Trade():
                self._send(
                    f"{symbol}@trade", lambda: make.trade(listing, update), Channel.TRADES, listing
                )
                self._send(
                    f"{symbol}@aggTrade",
                    lambda: make.aggregate(listing, update),
                    Channel.TRADES,
                    listing,
                )
            case BookChange():
                self._book(listing, update)
            case Marked():
                self._marks(listing)
            case Liquidation():
                for name in (f"{symbol}@forceOrder", "!forceOrder@arr"):
                    self._send(
                        name,
                        lambda: make.liquidation(listing, update),
                        Channel.LIQUIDATIONS,
                        listing,
                    )

    def tick(self, now_ns: int, listings: Mapping[str, Listing]) -> None:
        """Send bars that changed, and tickers; ``listings`` by lower-case name."""
        bars, tickers = now_ns % _BARS_EVERY_NS == 0, now_ns % NS_PER_S == 0
        if not bars and not tickers:
            return
        for topic in self._hub.topics():
            symbol, _, channel = topic.removeprefix(_COMBINED).partition("@")
            listing = listings.get(symbol)
            if listing is None or not listing.active:
                continue
            if bars and channel.startswith("kline_"):
                self._bar(topic, listing, channel.removeprefix("kline_"))
            elif tickers and channel in ("ticker", "miniTicker"):
                full = channel == "ticker"
                value = self._messages.ticker if full else self._messages.small_ticker
                self._send_topic(topic, encode(value(listing)), Channel.TICKER, listing)
        if tickers:
            self._all_tickers(listings)

    def _subscribe(self, connection: Connection, name: str) -> None:
        groups = self._group_of(name)
        if groups is not None and not connection.path.startswith(groups):
            return
        combined = "/stream" in connection.path
        self._hub.subscribe(connection, (_COMBINED if combined else "") + name)

    def _book(self, listing: Listing, change: BookChange) -> None:
        make, symbol = self._messages, listing.venue_id.lower()
        for channel in _DEPTHS:
            name = f"{symbol}@{channel}"
            self._send(name, lambda: make.diff(listing, change), Channel.BOOK, listing)
        for levels, channel in _PARTIALS:
            partial = functools.partial(make.partial, listing, change, levels)
            self._send(f"{symbol}@{channel}", partial, Channel.BOOK, listing)
        if change.touched:
            for name in (f"{symbol}@bookTicker", "!bookTicker"):
                self._send(name, lambda: make.touch(listing, change), Channel.TOUCH, listing)

    def _marks(self, listing: Listing) -> None:
        make, symbol = self._messages, listing.venue_id.lower()
        for rate in ("", "@1s"):
            self._send(
                f"{symbol}@markPrice{rate}", lambda: make.mark(listing), Channel.MARK, listing
            )
            name = f"!markPrice@arr{rate}"
            self._send(name, lambda: [make.mark(listing)], Channel.MARK, listing)

    def _bar(self, topic: str, listing: Listing, interval: str) -> None:
        timeframe_ns = INTERVALS_NS.get(interval)
        if timeframe_ns is None:
            return
        for bar, closed in self._bars.due(topic, listing, timeframe_ns):
            value = self._messages.bar(listing, bar, interval, timeframe_ns, closed=closed)
            self._send_topic(topic, encode(value), Channel.BARS, listing)

    def _all_tickers(self, listings: Mapping[str, Listing]) -> None:
        for name, value in (
            ("!ticker@arr", self._messages.ticker),
            ("!miniTicker@arr", self._messages.small_ticker),
        ):
            for topic in (name, _COMBINED + name):
                active = [each for each in listings.values() if each.active]
                if active and self._hub.wanted(topic):
                    payload = encode([value(each) for each in active])
                    self._send_topic(topic, payload, Channel.TICKER, active[0])

    def _send(self, name: str, make: Callable[[], Any], channel: Channel, listing: Listing) -> None:
        """Under both forms of a stream, encoded once."""
        payload = None
        for topic in (name, _COMBINED + name):
            if self._hub.wanted(topic):
                payload = payload or encode(make())
                self._send_topic(topic, payload, channel, listing)

    def _send_topic(self, topic: str, payload: bytes, channel: Channel, listing: Listing) -> None:
        if topic.startswith(_COMBINED):
            name = topic.removeprefix(_COMBINED).encode()
            payload = b'{"stream":"%b","data":%b}' % (name, payload)
        self._hub.publish(topic, payload, channel, listing.symbol)


def _refuse(connection: Connection, code: int, text: str, id_: int | str | None) -> None:
    connection.send(encode({"error": {"code": code, "msg": text}, "id": id_}))
