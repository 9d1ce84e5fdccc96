"""Coinbase's public streams: channels, subscriptions, and what is sent when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from schemas.frame import NS_PER_S
from streams.simulator.exchange.bar_feed import BarFeed
from streams.simulator.exchange.connection import Connection, Hub
from streams.simulator.exchange.faults import Channel
from streams.simulator.exchange.listing import BookChange, Listing, Trade, Update
from streams.simulator.exchange.times import iso
from streams.simulator.exchange.venues.base import encode
from streams.simulator.exchange.venues.coinbase.messages import Messages

CHANNELS = ("level2", "market_trades", "ticker", "ticker_batch", "candles", "heartbeats")
BARS_NS = 300 * NS_PER_S
"""Bars are streamed in this timeframe alone."""

_TRADES_IN_SNAPSHOT = 50
_BARS_IN_SNAPSHOT = 100
_BATCH_EVERY_NS = 5 * NS_PER_S
_HEARTBEAT = "heartbeats:"


class _Command(msgspec.Struct):
    type: str
    channel: str = ""
    product_ids: list[str] = []


class Streams:
    """Topics are ``channel:product``; heartbeats are of no product."""

    def __init__(self, hub: Hub, messages: Messages, listings: Mapping[str, Listing]) -> None:
        self._hub = hub
        self._messages = messages
        self._listings = listings
        self._decode = msgspec.json.Decoder(_Command).decode
        self._tickers: dict[str, dict[str, str]] = {}
        self._bars = BarFeed()
        self._beats = 0

    def received(self, connection: Connection, text: str) -> None:
        """Obey a command."""
        try:
            command = self._decode(text)
        except msgspec.MsgspecError:
            _refuse(connection, "failure to parse message")
            return
        if command.channel == "user":
            _refuse(connection, "authentication failure")
            return
        if command.channel not in CHANNELS:
            _refuse(connection, f"channel {command.channel} is not supported")
            return
        unknown = [name for name in command.product_ids if name not in self._listings]
        if unknown:
            _refuse(connection, f"{unknown[0]} is not a valid product")
            return
        match command.type:
            case "subscribe":
                self._subscribe(connection, command)
            case "unsubscribe":
                for name in command.product_ids or self._listings:
                    self._hub.unsubscribe(connection, f"{command.channel}:{name}")
                if command.channel == "heartbeats":
                    self._hub.unsubscribe(connection, _HEARTBEAT)
            case _:
                _refuse(connection, f"type {command.type} is not supported")
                return
        self._send_subscriptions(connection)

    def publish(self, listing: Listing, update: Update) -> None:
        """Send what happened to those who listen."""
        name, make = listing.venue_id, self._messages
        match update:
            case Trade():
                self._send(
                    f"market_trades:{name}",
                    lambda: make.trades(listing, [update], "update"),
                    Channel.TRADES,
                    listing,
                )
            case BookChange():
                self._send(
                    f"level2:{name}",
                    lambda: make.book(
                        listing, update.bids, update.asks, kind="update", at_ns=update.time_ns
                    ),
                    Channel.BOOK,
                    listing,
                )
            case _:
                pass  # there are no derivatives here

    def tick(self, now_ns: int) -> None:
        """Send tickers, bars and heartbeats."""
        for topic in self._hub.topics():
            channel, _, name = topic.partition(":")
            listing = self._listings.get(name)
            if listing is None or not listing.active:
                continue
            if channel == "ticker" or (channel == "ticker_batch" and now_ns % _BATCH_EVERY_NS == 0):
                self._ticker(topic, listing)
            elif channel == "candles" and now_ns % NS_PER_S == 0:
                for bar, _over in self._bars.due(topic, listing, BARS_NS):
                    row = self._messages.bar(listing, bar) | {"product_id": name}
                    self._publish(
                        topic, {"type": "update", "candles": [row]}, Channel.BARS, listing
                    )
        if now_ns % NS_PER_S == 0 and self._hub.wanted(_HEARTBEAT):
            self._beats += 1
            beat = {"current_time": iso(now_ns), "heartbeat_counter": self._beats}
            payload = encode(self._messages.envelope("heartbeats", [beat]))
            self._hub.publish(_HEARTBEAT, payload, Channel.OTHER, "")

    def _subscribe(self, connection: Connection, command: _Command) -> None:
        if command.channel == "heartbeats":
            self._hub.subscribe(connection, _HEARTBEAT)
            return
        for name in command.product_ids or self._listings:
            listing = self._listings[name]
            # A market without any trade is not to be found there, and ccxt cannot read one.
            if command.channel != "market_trades" or listing.trades:
                event = self._snapshot(command.channel, listing)
                channel = _wire_channel(command.channel)
                connection.send(encode(self._messages.envelope(channel, [event])))
            self._hub.subscribe(connection, f"{command.channel}:{name}")

    def _snapshot(self, channel: str, listing: Listing) -> dict[str, Any]:
        """The event that a channel begins with."""
        make, book, now_ns = self._messages, listing.book, listing.now_ns
        match channel:
            case "level2":
                bids, asks = book.bids.top(), book.asks.top()
                return make.book(listing, bids, asks, kind="snapshot", at_ns=now_ns)
            case "market_trades":
                trades = list(listing.trades)[-_TRADES_IN_SNAPSHOT:]
                return make.trades(listing, trades, "snapshot")
            case "candles":
                listing.bars.settle(now_ns)
                first_ns = (now_ns // BARS_NS - _BARS_IN_SNAPSHOT) * BARS_NS
                bars = listing.bars.bars(BARS_NS, first_ns=first_ns, last_ns=now_ns)
                rows = [make.bar(listing, bar) | {"product_id": listing.venue_id} for bar in bars]
                return {"type": "snapshot", "candles": rows}
            case _:
                return {"type": "snapshot", "tickers": [make.ticker(listing)]}

    def _send_subscriptions(self, connection: Connection) -> None:
        told: dict[str, list[str]] = {}
        for topic in sorted(connection.topics):
            channel, _, name = topic.partition(":")
            told.setdefault(channel, []).append(name or "heartbeats")
        connection.send(encode(self._messages.envelope("subscriptions", [{"subscriptions": told}])))

    def _ticker(self, topic: str, listing: Listing) -> None:
        now = self._messages.ticker(listing)
        if self._tickers.get(topic) != now:
            self._tickers[topic] = now
            event = {"type": "update", "tickers": [now]}
            self._publish(topic, event, Channel.TICKER, listing)

    def _send(
        self, topic: str, make: Callable[[], Any], channel: Channel, listing: Listing
    ) -> None:
        if self._hub.wanted(topic):
            self._publish(topic, make(), channel, listing)

    def _publish(self, topic: str, event: Any, channel: Channel, listing: Listing) -> None:
        name = _wire_channel(topic.partition(":")[0])
        payload = encode(self._messages.envelope(name, [event]))
        self._hub.publish(topic, payload, channel, listing.symbol)


def _wire_channel(channel: str) -> str:
    """The book's messages bear another name than its subscription."""
    return "l2_data" if channel == "level2" else channel


def _refuse(connection: Connection, text: str) -> None:
    connection.send(encode({"type": "error", "message": text}))
