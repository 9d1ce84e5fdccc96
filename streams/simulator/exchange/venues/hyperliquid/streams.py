"""Hyperliquid's public streams: subscriptions, and what is sent when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from schemas.frame import NS_PER_MS
from streams.simulator.exchange.bar_feed import BarFeed
from streams.simulator.exchange.connection import Connection, Hub
from streams.simulator.exchange.faults import Channel
from streams.simulator.exchange.listing import BookChange, Listing, Trade, Update
from streams.simulator.exchange.venues.base import encode
from streams.simulator.exchange.venues.hyperliquid.messages import INTERVALS_NS, Messages

_BOOK_EVERY_NS = 500 * NS_PER_MS
_CONTEXT_EVERY_NS = 1_000 * NS_PER_MS
_TRADES_AT_FIRST = 10
_OF_COINS = ("l2Book", "trades", "bbo", "candle", "activeAssetCtx")


class _Command(msgspec.Struct):
    method: str
    subscription: dict[str, Any] = {}


class Streams:
    """Topics are ``type:coin`` and ``candle:coin:interval``; ``allMids`` is of all coins."""

    def __init__(self, hub: Hub, messages: Messages, listings: Mapping[str, Listing]) -> None:
        self._hub = hub
        self._messages = messages
        self._listings = listings
        self._decode = msgspec.json.Decoder(_Command).decode
        self._told: dict[str, int] = {}
        self._bars = BarFeed()

    def received(self, connection: Connection, text: str) -> None:
        """Obey a command."""
        try:
            command = self._decode(text)
        except msgspec.MsgspecError:
            _refuse(connection, f"Error parsing JSON into valid websocket request: {text[:200]}")
            return
        match command.method:
            case "ping":
                if connection.answers_pings:
                    connection.urgent(b'{"channel":"pong"}')
            case "subscribe" | "unsubscribe" as method:
                self._change(connection, method, command.subscription)
            case _:
                _refuse(connection, f"Invalid method {command.method}")

    def publish(self, listing: Listing, update: Update) -> None:
        """Send what happened to those who listen."""
        coin, make = listing.venue_id, self._messages
        match update:
            case Trade():
                self._send(
                    "trades",
                    f"trades:{coin}",
                    lambda: [make.trade(listing, update)],
                    Channel.TRADES,
                    listing,
                )
            case BookChange(touched=True):
                self._send(
                    "bbo", f"bbo:{coin}", lambda: make.touch(listing), Channel.TOUCH, listing
                )
            case _:
                pass  # the rest comes by the clock

    def tick(self, now_ns: int) -> None:
        """Send books that changed, contexts, middles and bars."""
        books = now_ns % _BOOK_EVERY_NS == 0
        contexts = now_ns % _CONTEXT_EVERY_NS == 0
        if not books:
            return
        for topic in self._hub.topics():
            kind, coin, interval = (*topic.split(":"), "", "")[:3]
            listing = self._listings.get(coin)
            if kind == "allMids" and contexts:
                self._hub.publish(topic, self._mids(), Channel.TICKER, "")
            elif listing is None or not listing.active:
                continue
            elif kind == "l2Book" and self._told.get(topic) != listing.book.update_id:
                self._told[topic] = listing.book.update_id
                value = self._messages.book(listing)
                self._publish(kind, topic, value, Channel.BOOK, listing)
            elif kind == "activeAssetCtx" and contexts:
                value = {"coin": coin, "ctx": self._messages.context(listing)}
                self._publish(kind, topic, value, Channel.MARK, listing)
            elif kind == "candle":
                for bar, _over in self._bars.due(topic, listing, INTERVALS_NS[interval]):
                    value = self._messages.bar(listing, bar, interval)
                    self._publish(kind, topic, value, Channel.BARS, listing)

    def _change(self, connection: Connection, method: str, subscription: dict[str, Any]) -> None:
        topic = self._topic(subscription)
        if topic is None:
            _refuse(connection, f"Invalid subscription {subscription}")
            return
        if method == "subscribe" and topic in connection.topics:
            _refuse(connection, f"Already subscribed: {subscription}")
            return
        answer = {"method": method, "subscription": subscription}
        connection.send(encode({"channel": "subscriptionResponse", "data": answer}))
        if method == "unsubscribe":
            self._hub.unsubscribe(connection, topic)
            return
        self._first(connection, topic)
        self._hub.subscribe(connection, topic)

    def _topic(self, subscription: dict[str, Any]) -> str | None:
        """The topic of a subscription; ``None`` if there is no such thing."""
        kind, coin = subscription.get("type"), subscription.get("coin")
        if kind == "allMids":
            return "allMids"
        if kind not in _OF_COINS or coin not in self._listings:
            return None
        if kind != "candle":
            return f"{kind}:{coin}"
        interval = subscription.get("interval")
        return f"candle:{coin}:{interval}" if interval in INTERVALS_NS else None

    def _first(self, connection: Connection, topic: str) -> None:
        """What a subscription begins with."""
        kind, coin = (*topic.split(":"), "")[:2]
        listing = self._listings.get(coin)
        if listing is None:
            connection.send(self._mids())
        elif kind == "l2Book":
            connection.send(encode({"channel": kind, "data": self._messages.book(listing)}))
        elif kind == "trades" and listing.trades:
            trades = list(listing.trades)[-_TRADES_AT_FIRST:]
            rows = [self._messages.trade(listing, trade) for trade in trades]
            connection.send(encode({"channel": kind, "data": rows}))

    def _mids(self) -> bytes:
        mids = {
            coin: listing.price(listing.book.mid() or listing.last_price())
            for coin, listing in self._listings.items()
            if listing.active
        }
        return encode({"channel": "allMids", "data": {"mids": mids}})

    def _send(
        self, kind: str, topic: str, make: Callable[[], Any], channel: Channel, listing: Listing
    ) -> None:
        if self._hub.wanted(topic):
            self._publish(kind, topic, make(), channel, listing)

    def _publish(
        self, kind: str, topic: str, value: Any, channel: Channel, listing: Listing
    ) -> None:
        payload = encode({"channel": kind, "data": value})
        self._hub.publish(topic, payload, channel, listing.symbol)


def _refuse(connection: Connection, text: str) -> None:
    connection.send(encode({"channel": "error", "data": text}))
