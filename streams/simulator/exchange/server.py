"""One port for all venues: which one is meant tells the Host header. TLS, on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

from aiohttp import WSMsgType, web

from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import (
    FaultTable,
    LoseReply,
    Manner,
    Refuse,
    Reject,
    Slow,
)
from streams.simulator.exchange.limits import Window
from streams.simulator.exchange.trading.rejections import Reason
from streams.simulator.exchange.venues.base import Refusal, Reply, Request, Venue, encode

_MAX_CLIENT_MESSAGE: Final = 1 << 20
_SHUTDOWN_S: Final = 1.0
_TOO_TALKATIVE: Final = 1008
_LOOK_EVERY_S: Final = 0.02
"""How often it is looked whether a client that hears nothing has given up."""


class ExchangeServer:
    """Serves venues by host name, with their ``limits`` or without; faults of requests are met
    here, whatever the venue.
    """

    def __init__(
        self, venues: Mapping[str, Venue], faults: FaultTable, *, limits: bool = False
    ) -> None:
        self._venues = venues
        self._enforces = limits
        self._faults = faults
        self._runner: web.ServerRunner | None = None

    async def start(self, *, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listen; the port, which is chosen by the system where 0 was asked for."""
        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=context, backlog=1024)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Cut all streams and stop listening."""
        for venue in set(self._venues.values()):
            for connection in list(venue.hub.connections):
                connection.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        host = http.host.partition(":")[0]
        venue = self._venues.get(host)
        if venue is None:
            return web.Response(status=421, text=f"{host} is not simulated here\n")
        body = await http.read()
        request = Request(
            http.method,
            host,
            http.path,
            http.query,
            body,
            http.headers,
            http.rel_url.raw_query_string,
        )
        wants_stream = http.headers.get("Upgrade", "").lower() == "websocket"
        limits = venue.limits if self._enforces and not wants_stream else None
        too_many = None if limits is None else limits.take(request)
        if too_many is not None:
            return _response(too_many)
        reply, manner = await self._faulty_reply(venue, request)
        if reply is None:
            if wants_stream and manner is None:
                return await self._stream(venue, http, request)
            try:
                reply = venue.answer(request)
            except Refusal as refusal:
                reply = refusal.reply
        if limits is not None:
            reply = reply._replace(headers={**reply.headers, **limits.headers(request)})
        if manner is None:
            return _response(reply)
        return await self._lose(http, venue, reply, manner)

    async def _faulty_reply(
        self, venue: Venue, request: Request
    ) -> tuple[Reply | None, Manner | None]:
        """What faults answer instead of the venue, and how the answer is to be lost."""
        reply: Reply | None = None
        manner: Manner | None = None
        for fault in self._faults.of_request(venue.id, request.method, request.path):
            match fault:
                case Slow():
                    await asyncio.sleep(fault.delay_s)
                case Refuse():
                    headers = {}
                    if fault.retry_after_s is not None:
                        headers["Retry-After"] = str(fault.retry_after_s)
                    reply = Reply(venue.refusal(fault.status), fault.status, headers)
                case Reject():
                    reply = venue.rejection(fault.reason)
                case LoseReply():
                    manner = fault.manner
        if venue.in_maintenance:
            return venue.maintenance(), None
        return reply, manner

    @staticmethod
    async def _lose(
        http: web.BaseRequest, venue: Venue, reply: Reply, manner: Manner
    ) -> web.StreamResponse:
        """Let an answer be lost, after all that it tells of has happened."""
        transport = http.transport
        match manner:
            case Manner.UNKNOWN:
                return _response(venue.rejection(Reason.UNKNOWN_STATE) or _BAD_GATEWAY)
            case Manner.BAD_GATEWAY:
                return _response(_BAD_GATEWAY)
            case Manner.TRUNCATE:
                body = reply.value if isinstance(reply.value, bytes) else encode(reply.value)
                cut_short = web.Response(body=body[: len(body) // 2])
                cut_short.content_type = "application/json"
                return cut_short
            case Manner.HANG:
                while transport is not None and not transport.is_closing():
                    await asyncio.sleep(_LOOK_EVERY_S)
            case Manner.CUT:
                if transport is not None:
                    transport.abort()
        return _response(reply)

    async def _stream(
        self, venue: Venue, http: web.BaseRequest, request: Request
    ) -> web.StreamResponse:
        if not venue.streams(request.path):
            return web.Response(status=404, text="no stream at this path\n")
        # Pings are answered here, so that a fault may leave them unanswered.
        socket = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=_MAX_CLIENT_MESSAGE
        )
        try:
            await socket.prepare(http)
        except ConnectionResetError:
            return socket  # the client is gone already
        transport = http.transport
        if transport is None:
            return socket
        connection = Connection(transport, path=request.path, number=venue.numbered())
        venue.connect(connection, request)
        said, most = Window(1), venue.most_said if self._enforces else None
        try:
            async for message in socket:
                # Pings and pongs count, as Binance says.
                if most is not None and said.add(request.path, 1) > most:
                    connection.close(_TOO_TALKATIVE)
                    break
                if message.type is WSMsgType.PING:
                    connection.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    venue.received(connection, message.data)
        finally:
            venue.hub.remove(connection)
        return socket


def _response(reply: Reply) -> web.Response:
    raw = isinstance(reply.value, bytes)
    return web.Response(
        body=reply.value if raw else encode(reply.value),
        status=reply.status,
        headers=reply.headers,
        content_type="text/html" if raw else "application/json",
    )


_BAD_GATEWAY = Reply(b"<html><body><h1>502 Bad Gateway</h1></body></html>", 502)
