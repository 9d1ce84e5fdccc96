"""Binance's USD-M futures as a venue."""

from __future__ import annotations

from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.trading.dead_man import DeadMan
from streams.simulator.exchange.trading.funding import Funding
from streams.simulator.exchange.trading.liquidation import Liquidation
from streams.simulator.exchange.trading.rejections import Reason
from streams.simulator.exchange.trading.triggers import Triggers
from streams.simulator.exchange.venues.base import Reply, Request
from streams.simulator.exchange.venues.binance.countdown import Countdown
from streams.simulator.exchange.venues.binance.futures_account import FuturesAccount
from streams.simulator.exchange.venues.binance.futures_algo import FuturesAlgo
from streams.simulator.exchange.venues.binance.futures_errors import refusal_of
from streams.simulator.exchange.venues.binance.futures_orders import FuturesOrders
from streams.simulator.exchange.venues.binance.futures_settings import FuturesSettings
from streams.simulator.exchange.venues.binance.futures_stream import FuturesUserStream
from streams.simulator.exchange.venues.binance.venue import BinanceVenue

_STREAMS = (
    *("/public/ws", "/public/stream", "/market/ws", "/market/stream"),
    *("/private/ws", "/private/stream"),
)
_LISTEN_KEY = "/fapi/v1/listenKey"


class BinanceUsdm(BinanceVenue):
    """USD-M futures. Since April 2026 book and best prices are served at ``/public``, the rest of
    the market's streams at ``/market``, and the old paths no more. Single trades, which the venue
    does not document, are served at both: ccxt asks for them at ``/public``.
    """

    id = "binanceusdm"
    hosts = ("fapi.binance.com", "fstream.binance.com", "dapi.binance.com")
    futures = True
    most_said = 10

    def __init__(self, clock: MarketClock, faults: FaultTable) -> None:
        super().__init__(clock, faults)
        desk = self.desk
        self.triggers = Triggers(desk, keep_ids=False)
        self._user_stream = FuturesUserStream(self.hub, clock)
        desk.listeners.append(self._user_stream.hear)
        dead_man = DeadMan(desk)
        self.by_clock = [Funding(desk).tick, Liquidation(desk).tick, dead_man.tick]
        self.routes = {
            **FuturesOrders(desk, clock, self._by_name).routes(),
            **FuturesAlgo(self.triggers, clock).routes(),
            **FuturesAccount(desk, clock, self._by_name).routes(),
            **FuturesSettings(desk, clock, self._by_name).routes(),
            **Countdown(dead_man).routes(),
        }

    def answer(self, request: Request) -> Reply:
        """Also listen keys, which need no signature."""
        if request.path == _LISTEN_KEY:
            return Reply(self._listen_key(request))
        return super().answer(request)

    def rejection(self, reason: Reason) -> Reply:
        """With the code of the venue."""
        return refusal_of(reason).reply

    def streams(self, path: str) -> bool:
        """``/public/ws``, ``/market/stream`` and so on; ``/private/ws`` is the account's."""
        return path.startswith(_STREAMS)

    def opened(self, connection: Connection, request: Request) -> None:
        """Subscribe to what the address names."""
        if request.path.startswith("/private"):
            self._user_stream.opened(connection, request)
        else:
            super().opened(connection, request)

    def tick(self, now_ns: int) -> None:
        """Bars, tickers, and listen keys that are over."""
        super().tick(now_ns)
        self._user_stream.expire(now_ns)

    def expire_sessions(self) -> int:
        """End all listen keys."""
        return self._user_stream.expire(0, all_of_them=True)

    def _listen_key(self, request: Request) -> Any:
        account, keys = self.gate.owner(request), self._user_stream.keys
        match request.method:
            case "POST":
                return {"listenKey": keys.ask(account)}
            case "PUT":
                return {"listenKey": keys.keep(account)}
            case _:
                keys.close(account)
                return {}

    @staticmethod
    def groups(stream: str) -> tuple[str, ...] | None:
        """Where a stream is served."""
        channel = stream.partition("@")[2] or stream
        if channel == "trade":
            return None
        public = channel.startswith(("depth", "rpiDepth", "bookTicker", "!bookTicker"))
        return ("/public",) if public else ("/market",)
