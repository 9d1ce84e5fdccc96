"""The exchange's own endpoint, beside the venues': what runs, and faults on command.

Plain HTTP on loopback. ``GET /`` tells what runs; ``POST /faults`` takes a fault
(``streams.simulator.exchange.faults``) as JSON, ``GET /faults`` tells those in force,
``DELETE /faults`` ends them.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from schemas.errors import UsageError
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import Fault
from streams.simulator.exchange.times import iso
from streams.simulator.exchange.trading.told import accounts_of

_SHUTDOWN_S: Final = 1.0


class AdminServer:
    """Serves one exchange. There is no password: listen on loopback only."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._decode = msgspec.json.Decoder(Fault).decode
        self._runner: web.AppRunner | None = None

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; the port."""
        app = web.Application()
        app.router.add_get("/", self._status)
        app.router.add_get("/faults", self._in_force)
        app.router.add_post("/faults", self._inflict)
        app.router.add_delete("/faults", self._mend)
        app.router.add_get("/accounts", self._accounts)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _status(self, _request: web.Request) -> web.Response:
        exchange = self._exchange
        return _json(
            {
                "market_time": iso(exchange.clock.now_ns()),
                "speed": exchange.clock.speed,
                "clock_skew_ms": exchange.clock.skew_ms,
                "port": exchange.port,
                "ca_file": str(exchange.ca_file),
                "venues": {
                    venue.id: {
                        "hosts": venue.hosts,
                        "symbols": {symbol: x.active for symbol, x in venue.listings.items()},
                        "connections": [connection.path for connection in venue.hub.connections],
                        "topics": len(venue.hub.topics()),
                        "in_maintenance": venue.in_maintenance,
                    }
                    for venue in exchange.venues.values()
                    if venue.listings
                },
                "faults": exchange.faults.in_force(),
            }
        )

    async def _accounts(self, request: web.Request) -> web.Response:
        desks = self._exchange.desks
        asked = request.query.get("venue")
        if asked is not None and asked not in desks:
            return _json({"error": f"{asked} takes no orders here"}, status=400)
        told = {name: desk for name, desk in desks.items() if asked in (None, name)}
        return _json({name: accounts_of(desk) for name, desk in told.items()})

    async def _in_force(self, _request: web.Request) -> web.Response:
        return _json(self._exchange.faults.in_force())

    async def _inflict(self, request: web.Request) -> web.Response:
        try:
            fault = self._decode(await request.read())
            return _json({"met": self._exchange.faults.inflict(fault)})
        except (msgspec.MsgspecError, UsageError) as error:
            return _json({"error": str(error)}, status=400)

    async def _mend(self, _request: web.Request) -> web.Response:
        self._exchange.faults.mend()
        return _json({"met": 0})


def _json(value: Any, *, status: int = 200) -> web.Response:
    body = msgspec.json.format(msgspec.json.encode(value)) + b"\n"
    return web.Response(body=body, status=status, content_type="application/json")
