"""A venue that answers what a test says, over HTTP and WebSocket on this machine alone.

Its answers follow the venues' public documentation. They are no recordings.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.venues import gateway_of
from schemas.frame import Side
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, OrderType

ID = "0123456789abcdef0123456789abcdef"
TICK_NS = 1_700_000_000_000_000_000


class Asked(NamedTuple):
    """A request as it arrived; ``body`` is parsed, ``None`` where there is none."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


LOST = object()
"""The answer that never comes: the connection is cut after the request was taken."""


class Status(NamedTuple):
    """An answer with another status than 200."""

    status: int
    body: Any


class ScriptedVenue:
    """``answer`` says what each request is told; ``stream`` is told to whoever subscribes."""

    def __init__(self, answer: Callable[[Asked], Any], stream: Callable[[Any], list[Any]]) -> None:
        self.asked: list[Asked] = []
        self.subscribed: list[Any] = []
        self.url = ""
        self._answer = answer
        self._stream = stream

    def sent(self, path: str, method: str = "POST") -> list[Asked]:
        """Requests to a path."""
        return [each for each in self.asked if (each.path, each.method) == (path, method)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedVenue]:
        """Serve, on a free port of loopback."""
        app = web.Application()
        app.router.add_get("/ws", self._socket)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        asked = Asked(
            request.method, request.path, dict(request.query), json.loads(text) if text else None,
            dict(request.headers),
        )  # fmt: skip
        self.asked.append(asked)
        told = self._answer(asked)
        if told is LOST:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if isinstance(told, Status):
            return web.json_response(told.body, status=told.status)
        return web.json_response(told)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            asked = json.loads(message.data)
            self.subscribed.append(asked)
            for told in self._stream(asked):
                await socket.send_json(told)
        return socket


@asynccontextmanager
async def gateway_to(
    venue: ScriptedVenue, settings: LiveSettings, credentials: Credentials
) -> AsyncIterator[CcxtGateway]:
    """A gateway whose requests all go there, with ccxt as it is."""
    async with aiohttp.ClientSession() as session:
        gateway = gateway_of(settings, credentials, session)
        there = gateway.exchange.urls["api"]
        for name in ("public", "private", "rest"):
            if name in there:
                there[name] = f"http://{venue.url}"
        socket = f"ws://{venue.url}/ws"
        there["ws"] = {"public": socket} if isinstance(there["ws"], dict) else socket
        try:
            yield gateway
        finally:
            await gateway.close()


def play(
    work: Callable[[CcxtGateway, ScriptedVenue], Awaitable[None]],
    credentials: Credentials,
    *,
    answer: Callable[[Asked], Any],
    stream: Callable[[Any], list[Any]],
    **live: Any,
) -> None:
    """Work with a gateway of these ``live`` settings to a venue that answers so."""

    async def course() -> None:
        settings = LiveSettings(**{"sandbox": False, "timeout_s": 2, **live})
        async with (
            ScriptedVenue(answer, stream).running() as venue,
            gateway_to(venue, settings, credentials) as gateway,
        ):
            await work(gateway, venue)

    asyncio.run(course())


def order_of(venue: str, symbol: str, **more: Any) -> Order:
    """A market buy of 0.5, unless said otherwise."""
    given: dict[str, Any] = {"side": Side.BUY, "type": OrderType.MARKET, "reduce_only": False}
    return Order(
        client_order_id=ID, version=0, account="a", venue=venue, symbol=symbol, tick_ns=TICK_NS,
        status=OrderStatus.INTENT, qty=Decimal("0.5"), filled_qty=Decimal(0),
        signal_id="s", leg="open", attempt=1, reason="", **given | more,
    )  # fmt: skip


async def first_heard(watch: Callable[[Callable[[Any], None]], Any]) -> Any:
    """The first thing that a stream tells."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(watch(heard.put_nowait))
    try:
        async with asyncio.timeout(5):
            return await heard.get()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
