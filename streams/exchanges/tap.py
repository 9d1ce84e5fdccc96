"""The seam between ccxt and our own parsers.

ccxt opens connections, subscribes, pings, signs and maps errors. What a connection receives goes to
a :class:`Listener` as text, before ccxt decodes it: its own message handlers see nothing, so the
futures of its ``watch_*`` methods never come true, and a message that is no JSON cannot end its
receive loop. What they are still good for: they fail when the connection is lost.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from typing import Any

import ccxt

from schemas.clock import monotonic_ns
from streams.exchanges.decode import Parser
from streams.exchanges.venue import Connection, Listener, Stream

CONNECT_TIMEOUT_MS = 5_000
STREAM: ContextVar[Stream | None] = ContextVar("stream", default=None)
"""The subscription that is being made, so that its connection can be told."""
REPLIES: ContextVar[list[str] | None] = ContextVar("replies", default=None)
"""Where the text of a reply goes, for those who want it as it came."""


class Cut(ccxt.RequestTimeout):  # type: ignore[misc]
    """A connection that we closed ourselves."""


def options(*, keep_alive_s: float, session: Any) -> dict[str, Any]:
    """What every ccxt instance of a feed is made with."""
    return {
        "session": session,
        "enableRateLimit": False,  # the feed has one budget for all that it asks
        "timeout": 10_000,
        "options": {
            "tradesLimit": 50,
            "maxRetriesOnFailure": 0,
            "ws": {
                "connectionTimeout": CONNECT_TIMEOUT_MS,
                "keepAlive": round(keep_alive_s * 1_000),
                "compress": 0,
            },
        },
    }


class Tapped:
    """Goes in front of a ccxt.pro class. Call :meth:`tap` before anything is watched."""

    id: str
    clients: dict[str, Any]
    too_many: tuple[int, ...] = (418, 429)
    """Status of a reply to one request too many."""

    def tap(self, listener: Listener, parser: Any, market_of: Any) -> None:
        """Give what is received to ``listener``, parsed by a new ``parser()`` per connection."""
        self._listener = listener
        self._new_parser: partial[Parser] = partial(parser)
        self._market_of = market_of
        self._connections: dict[Any, Connection] = {}
        self._opened = 0

    def client(self, url: str) -> Any:
        """Ccxt's own client of an address, its text handler replaced by ours."""
        client = super().client(url)  # type: ignore[misc]
        connection = self._connections.get(client)
        if connection is None:
            self._opened += 1
            connection = self._connections[client] = Connection(
                f"{url} ({self._opened})",
                market=self._market_of(url),
                parser=self._new_parser(),
                opened_ns=monotonic_ns(),
            )
            self._listener.on_open(connection)
            client.handle_text_or_binary_message = partial(self._on_data, client, connection)
        stream = STREAM.get()
        if stream is not None and stream not in connection.streams:
            connection.streams.append(stream)
            connection.waiting.append(stream)
        return client

    def _on_data(self, client: Any, connection: Connection, data: str | bytes) -> None:
        if connection.lost:
            return
        client.lastPong = client.last_message_at  # whoever speaks is alive
        text = data if isinstance(data, str) else data.decode(errors="replace")
        self._listener.on_text(connection, text)

    def on_close(self, client: Any, error: Any) -> None:
        """The other side closed the connection."""
        super().on_close(client, error)  # type: ignore[misc]
        self._lose(client, f"closed by the venue ({error})")

    def on_error(self, client: Any, error: Any) -> None:
        """The connection failed, or never came to be."""
        super().on_error(client, error)  # type: ignore[misc]
        if client.last_retry_after is not None:
            self._listener.on_limited(client.last_retry_after)
        self._lose(client, str(error))

    def connections_of(self, stream: Stream) -> list[Connection]:
        """The connections that a stream is on, whichever of its symbols are listed now."""
        return [
            held
            for held in self._connections.values()
            if any(stream.name == other.name for other in held.streams)
        ]

    def cut(self, connection: Connection, reason: str) -> None:
        """Give a connection up."""
        for client, held in list(self._connections.items()):
            if held is connection:
                client.on_error(Cut(reason))

    async def say(self, connection: Connection, message: dict[str, Any]) -> None:
        """Send a message of our own on a connection."""
        for client, held in list(self._connections.items()):
            if held is connection:
                await client.send(message)

    def on_rest_response(  # noqa: PLR0917 - ccxt's own signature
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        response_headers: dict[str, str],
        response_body: str,
        request_headers: Any,
        request_body: Any,
    ) -> str:
        """Ccxt's hook for the text of every reply."""
        box = REPLIES.get()
        if box is not None:
            box.append(response_body)
        if code in self.too_many:
            self._listener.on_limited(_seconds(response_headers))
        text: str = super().on_rest_response(  # type: ignore[misc]
            code,
            reason,
            url,
            method,
            response_headers,
            response_body,
            request_headers,
            request_body,
        )
        return text

    def handle_errors(self, code: int, *said: Any) -> Any:
        """Ccxt's hook for what a reply says; Bybit refuses too many requests with status 200."""
        try:
            return super().handle_errors(code, *said)  # type: ignore[misc]
        except ccxt.RateLimitExceeded:
            if code not in self.too_many:
                self._listener.on_limited(None)
            raise

    def is_text_response(self, headers: dict[str, str]) -> bool:
        """Ccxt asks when a reply is no JSON, and then would read its text as if it were."""
        del headers
        raise ccxt.BadResponse(f"{self.id}: the reply is no JSON, or cut short")

    def _lose(self, client: Any, reason: str) -> None:
        connection = self._connections.pop(client, None)
        if connection is not None:
            connection.lost = True
            self._listener.on_lost(connection, reason)


def _seconds(headers: dict[str, str]) -> float | None:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return float(value)
            except ValueError:
                return None
    return None
