"""One WebSocket client of the exchange, and who listens to what."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S
from streams.simulator.exchange.faults import Channel, Fate, FaultTable

MAX_UNSENT_BYTES = 64 << 20
"""A client that is behind by more than this is dropped, as venues do with slow readers."""

_TEXT = 0x81
_PONG = 0x8A


def ws_frame(payload: bytes, first_byte: int = _TEXT) -> bytes:
    """A whole, unmasked frame (RFC 6455, 5.2): framed once for all who get it.

    >>> ws_frame(b"{}")
    b'\\x81\\x02{}'
    """
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first_byte, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", first_byte, 126, size) + payload
    return struct.pack("!BBQ", first_byte, 127, size) + payload


class Outgoing:
    """One message to many: its frame is made once, or once per client where it must differ."""

    __slots__ = ("_frame", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._frame: bytes | None = None

    def frame(self, connection: Connection) -> bytes:
        """What this client gets."""
        if connection.number is not None:
            return ws_frame(connection.number(self.payload))
        if self._frame is None:
            self._frame = ws_frame(self.payload)
        return self._frame


class Connection:
    """Messages of one turn of the event loop go out in one write, in order.

    ``number`` writes a number of this connection into each payload, for venues that count them.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        path: str,
        number: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.path = path
        self.number = number
        self.topics: set[str] = set()
        self.answers_pings = True
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pending: list[bytes] = []
        self._silent_until_ns: int | None = None

    def send(self, payload: bytes) -> None:
        """A message to this client alone."""
        self.deliver(Outgoing(payload), Fate.SENT)

    def deliver(self, message: Outgoing, fate: Fate) -> None:
        """A message, or what a fault leaves of it; it takes its number in any case."""
        frame = message.frame(self)
        if fate is Fate.LOST or self.silent:
            return
        if fate is Fate.GARBLED:
            frame = ws_frame(message.payload[: len(message.payload) // 2])
        self._write(frame)
        if fate is Fate.DOUBLED:
            self._write(frame)

    def urgent(self, payload: bytes) -> None:
        """A message that goes out even where a fault keeps all others: an answer to a ping."""
        self._write(Outgoing(payload).frame(self))

    def pong(self, data: bytes) -> None:
        """Answer a ping of the protocol, unless a fault forbids it."""
        if self.answers_pings:
            self._write(ws_frame(data, _PONG))

    def hush(self, *, seconds: float | None, pong: bool) -> None:
        """Send nothing more for a while, or for ever."""
        now_ns = monotonic_ns()
        self._silent_until_ns = (
            now_ns + round(seconds * NS_PER_S) if seconds is not None else 1 << 62
        )
        self.answers_pings = pong

    @property
    def silent(self) -> bool:
        """Whether a fault keeps messages from this client."""
        if self._silent_until_ns is None:
            return False
        if monotonic_ns() < self._silent_until_ns:
            return True
        self._silent_until_ns = None
        self.answers_pings = True
        return False

    def close(self, code: int) -> None:
        """Say good-bye with a close frame, then close."""
        self._flush()
        self._transport.write(ws_frame(struct.pack("!H", code), 0x88))
        self._transport.close()

    def cut(self) -> None:
        """End the TCP connection without a word."""
        self._pending.clear()
        self._transport.abort()

    def _write(self, frame: bytes) -> None:
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(frame)

    def _flush(self) -> None:
        if self._pending and not self._transport.is_closing():
            if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
                self.cut()
                return
            self._transport.write(b"".join(self._pending))
        self._pending.clear()


class Hub:
    """Connections of one venue by topic; ``delivered`` counts messages to each of them."""

    def __init__(self, venue: str, faults: FaultTable) -> None:
        self.connections: list[Connection] = []
        self._venue = venue
        self._faults = faults
        self._topics: dict[str, list[Connection]] = {}
        self.delivered = 0

    def add(self, connection: Connection) -> None:
        """A client has come."""
        self.connections.append(connection)

    def remove(self, connection: Connection) -> None:
        """A client has gone."""
        self.connections.remove(connection)
        for topic in list(connection.topics):
            self.unsubscribe(connection, topic)

    def subscribe(self, connection: Connection, topic: str) -> None:
        """Let a client have what is published under a topic."""
        if topic not in connection.topics:
            connection.topics.add(topic)
            self._topics.setdefault(topic, []).append(connection)

    def unsubscribe(self, connection: Connection, topic: str) -> None:
        """Let it have that no more; nothing if it did not."""
        if topic in connection.topics:
            connection.topics.remove(topic)
            listeners = self._topics[topic]
            listeners.remove(connection)
            if not listeners:
                del self._topics[topic]

    def wanted(self, topic: str) -> bool:
        """Whether anybody listens."""
        return topic in self._topics

    def topics(self) -> list[str]:
        """What somebody listens to."""
        return list(self._topics)

    def publish(self, topic: str, payload: bytes, channel: Channel, symbol: str) -> None:
        """Send a message to all who listen to its topic, or do with it what a fault says."""
        listeners = self._topics.get(topic)
        if not listeners:
            return
        message = Outgoing(payload)
        fate = self._faults.fate(self._venue, channel, symbol)
        if fate is Fate.FORGOTTEN:
            for connection in listeners.copy():
                self.unsubscribe(connection, topic)
            return
        for connection in listeners:
            connection.deliver(message, fate)
        self.delivered += len(listeners)
