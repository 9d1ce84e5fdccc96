"""Binance's spot market as a venue."""

from __future__ import annotations

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.trading.rejections import Reason
from streams.simulator.exchange.trading.triggers import Triggers
from streams.simulator.exchange.venues.base import Reply
from streams.simulator.exchange.venues.binance.spot_account import SpotAccount
from streams.simulator.exchange.venues.binance.spot_errors import refusal_of
from streams.simulator.exchange.venues.binance.spot_orders import SpotOrders
from streams.simulator.exchange.venues.binance.spot_stream import SpotUserStream
from streams.simulator.exchange.venues.binance.venue import BinanceVenue

_API = "/ws-api/v3"


class Binance(BinanceVenue):
    """Spot. The WebSocket API is served for the user-data stream only."""

    id = "binance"
    hosts = ("api.binance.com", "stream.binance.com", "ws-api.binance.com")
    futures = False
    most_said = 5

    def __init__(self, clock: MarketClock, faults: FaultTable) -> None:
        super().__init__(clock, faults)
        self.triggers = Triggers(self.desk, keep_ids=True)
        self._user_stream = SpotUserStream(self.hub, clock, self.gate)
        self.desk.listeners.append(self._user_stream.hear)
        self.routes = {
            **SpotOrders(self.desk, self.triggers, clock).routes(),
            **SpotAccount(self.desk, clock, self._by_name).routes(),
        }

    def rejection(self, reason: Reason) -> Reply:
        """With the code of the market."""
        return refusal_of(reason).reply

    def streams(self, path: str) -> bool:
        """``/ws``, ``/ws/name/...``, ``/stream?streams=name/...``, and the WebSocket API."""
        return path == _API or path.startswith(("/ws/", "/stream")) or path == "/ws"

    def received(self, connection: Connection, text: str) -> None:
        """Subscriptions."""
        if connection.path == _API:
            self._user_stream.received(connection, text)
        else:
            super().received(connection, text)

    def expire_sessions(self) -> int:
        """End all subscriptions to user data."""
        return self._user_stream.expire()
