"""Bybit's public v5 streams: topics, subscriptions, and what is sent when."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from schemas.frame import NS_PER_MS
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
from streams.simulator.exchange.venues.bybit.messages import (
    INTERVALS_NS,
    Category,
    Messages,
    best,
    category_of,
)
from streams.simulator.exchange.venues.bybit.top_levels import TopLevels

DEPTHS = (1, 50, 200, 1000)
_BARS_EVERY_NS = 200 * NS_PER_MS
_MOST_SPOT_ARGS = 10
"""Topics in one request; contracts have no such limit."""
_CONNECTION_ID = "simulated"
_TOUCH = {"bid1Price", "bid1Size", "ask1Price", "ask1Size"}


class Command(msgspec.Struct):
    """What a client says."""

    op: str
    req_id: int | str | None = None
    args: list[Any] = []


class Streams:
    """Streams of all categories; a topic is known by its category, because symbols are not."""

    def __init__(
        self, hub: Hub, messages: Messages, listings: Mapping[tuple[Category, str], Listing]
    ) -> None:
        self._hub = hub
        self._messages = messages
        self._listings = listings
        self._decode = msgspec.json.Decoder(Command).decode
        self._books: dict[str, TopLevels] = {}
        self._tickers: dict[str, dict[str, str]] = {}
        self._bars = BarFeed()

    def received(self, connection: Connection, text: str) -> None:
        """Obey a command."""
        try:
            command = self._decode(text)
        except msgspec.MsgspecError:
            connection.send(encode({"success": False, "ret_msg": "error:invalid json", "op": ""}))
            return
        category = connection.path.rpartition("/")[2]
        match command.op:
            case "ping":
                # A fault that forbids pongs means these too.
                if connection.answers_pings:
                    connection.urgent(answer(command, "pong"))
            case "subscribe":
                self._subscribe(connection, category, command)
            case "unsubscribe":
                for topic in command.args:
                    self._hub.unsubscribe(connection, f"{category}:{topic}")
                connection.send(answer(command, ""))
            case _:
                connection.send(answer(command, "error:op not found", success=False))

    def publish(self, listing: Listing, update: Update) -> None:
        """Send what happened to those who listen."""
        name, make = listing.venue_id, self._messages
        match update:
            case Trade():
                topic = f"publicTrade.{name}"
                value = functools.partial(make.trade, listing, topic, update)
                self._send(topic, value, Channel.TRADES, listing)
            case BookChange():
                for depth in DEPTHS:
                    self._book(f"orderbook.{depth}.{name}", listing, depth)
            case Liquidation():
                topic = f"allLiquidation.{name}"
                value = functools.partial(make.liquidation, listing, topic, update)
                self._send(topic, value, Channel.LIQUIDATIONS, listing)
            case Marked():
                pass  # the next ticker tells it

    def tick(self, now_ns: int) -> None:
        """Send tickers and bars that changed."""
        for key in self._hub.topics():
            listing = self._listing(key)
            if listing is None or not listing.active:
                continue
            topic = key.partition(":")[2]
            if topic.startswith("tickers."):
                self._ticker(key, topic, listing)
            elif topic.startswith("kline.") and now_ns % _BARS_EVERY_NS == 0:
                interval = topic.split(".")[1]
                for bar, closed in self._bars.due(key, listing, INTERVALS_NS[interval]):
                    value = self._messages.bar(listing, topic, bar, interval, closed=closed)
                    self._hub.publish(key, encode(value), Channel.BARS, listing.symbol)

    def _subscribe(self, connection: Connection, category: str, command: Command) -> None:
        topics = [str(topic) for topic in command.args]
        if category == Category.SPOT and len(topics) > _MOST_SPOT_ARGS:
            text = f"args size >{_MOST_SPOT_ARGS}"
            connection.send(answer(command, text, success=False))
            return
        for topic in topics:
            if not self._known(f"{category}:{topic}"):
                text = f"error:handler not found,topic:{topic}"
                connection.send(answer(command, text, success=False))
                return
        told = "subscribe" if category == Category.SPOT else ""
        connection.send(answer(command, told))
        for topic in topics:
            self._first(connection, f"{category}:{topic}", topic)

    def _known(self, key: str) -> bool:
        """Whether there is such a topic; one of a symbol that is listed."""
        listing = self._listing(key)
        if listing is None:
            return False
        match key.partition(":")[2].split(".")[:-1]:
            case ["orderbook", depth]:
                return depth in map(str, DEPTHS)
            case ["kline", interval]:
                return interval in INTERVALS_NS
            case ["allLiquidation"]:
                return listing.is_contract
            case [channel]:
                return channel in ("publicTrade", "tickers")
            case _:
                return False

    def _first(self, connection: Connection, key: str, topic: str) -> None:
        """Subscribe, with the snapshot that a topic begins with."""
        listing = self._listing(key)
        assert listing is not None
        if topic.startswith("orderbook."):
            top = self._books.get(key)
            if top is None or not self._hub.wanted(key):
                depth = int(topic.split(".")[1])
                top = self._books[key] = TopLevels(listing.book, depth)
            value = self._messages.book(listing, topic, "snapshot", top.snapshot(), u=top.u)
            connection.send(encode(value))
        elif topic.startswith("tickers."):
            told = self._tickers[key] = self._messages.ticker(listing)
            connection.send(encode(self._stamped(listing, topic, "snapshot", told)))
        self._hub.subscribe(connection, key)

    def _book(self, topic: str, listing: Listing, depth: int) -> None:
        key = f"{category_of(listing)}:{topic}"
        if not self._hub.wanted(key):
            return
        top = self._books[key]
        changed = top.delta()
        if changed is not None:
            value = self._messages.book(listing, topic, "delta", changed, u=top.u)
            channel = Channel.TOUCH if depth == 1 else Channel.BOOK
            self._hub.publish(key, encode(value), channel, listing.symbol)

    def _ticker(self, key: str, topic: str, listing: Listing) -> None:
        """Contracts tell what changed, spot tells all of it."""
        before, now = self._tickers.get(key, {}), self._messages.ticker(listing)
        changed = {name: text for name, text in now.items() if before.get(name) != text}
        if not changed:
            return
        self._tickers[key] = now
        if not listing.is_contract:
            value = self._stamped(listing, topic, "snapshot", now)
        else:
            if not _TOUCH.isdisjoint(changed):
                changed |= best(listing)
            value = self._stamped(listing, topic, "delta", {"symbol": listing.venue_id} | changed)
        self._hub.publish(key, encode(value), Channel.TICKER, listing.symbol)

    def _stamped(
        self, listing: Listing, topic: str, kind: str, data: dict[str, str]
    ) -> dict[str, Any]:
        return {
            "topic": topic,
            "type": kind,
            "data": data,
            "cs": listing.book.update_id,
            "ts": self._messages.now_ms(),
        }

    def _send(
        self, topic: str, make: Callable[[], Any], channel: Channel, listing: Listing
    ) -> None:
        key = f"{category_of(listing)}:{topic}"
        if self._hub.wanted(key):
            self._hub.publish(key, encode(make()), channel, listing.symbol)

    def _listing(self, key: str) -> Listing | None:
        category, _, topic = key.partition(":")
        if category not in set(Category):
            return None
        return self._listings.get((Category(category), topic.rpartition(".")[2]))


def answer(command: Command, text: str, *, success: bool = True) -> bytes:
    """The venue's answer to a command."""
    value: dict[str, Any] = {"success": success, "ret_msg": text, "conn_id": _CONNECTION_ID}
    if command.req_id is not None:
        value["req_id"] = command.req_id
    return encode(value | {"op": command.op})
