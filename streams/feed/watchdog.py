"""Closes connections that say nothing, though they may still answer pings."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import structlog

from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S
from streams.exchanges.venue import Connection, Transport
from streams.feed.receiver import Receiver

log = structlog.get_logger()

_LOOK_S = 0.2
_MOST_PATIENCE = 32
_UNHEARD = 2
"""Keep-alive times within which even a quiet connection must have answered its subscription."""


class Watchdog:
    """A connection silent for longer than ``keep_alive_s`` is opened anew.

    Where the new one is silent too, the market is quiet rather than the connection dead: patience
    doubles each time, until something is heard again. Quiet streams are left to pings.
    """

    def __init__(self, receiver: Receiver, transport: Transport, keep_alive_s: float) -> None:
        self._receiver = receiver
        self._transport = transport
        self._keep_alive_ns = keep_alive_s * NS_PER_S
        self._patience: defaultdict[str, int] = defaultdict(lambda: 1)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for connection in list(self._receiver.connections.values()):
                self._look(connection, monotonic_ns())
            await asyncio.sleep(_LOOK_S)

    def _look(self, connection: Connection, now_ns: int) -> None:
        if not connection.streams:
            return
        name = connection.streams[0].name
        if connection.heard_ns is None:
            if now_ns - connection.opened_ns > _UNHEARD * self._keep_alive_ns:
                self._close(connection, "said nothing since it was opened")
            return
        if all(stream.quiet for stream in connection.streams):
            return
        silent_ns = now_ns - connection.heard_ns
        if connection.messages > len(connection.streams):
            self._patience[name] = 1  # more than answers to subscriptions
        if silent_ns > self._keep_alive_ns * self._patience[name]:
            if connection.messages <= len(connection.streams):
                self._patience[name] = min(2 * self._patience[name], _MOST_PATIENCE)
            self._receiver.counters.add("silent_connections")
            self._close(connection, f"silent for {silent_ns / NS_PER_S:.1f} s")

    def _close(self, connection: Connection, reason: str) -> None:
        log.warning("feed.silent", connection=connection.id, reason=reason)
        self._transport.drop(connection, reason)
