"""The user-data stream of Binance's USD-M."""

from __future__ import annotations

from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection, Hub
from streams.simulator.exchange.faults import Channel
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.events import (
    AccountEvent,
    BalanceChanged,
    ConditionalChanged,
    LeverageChanged,
    OrderChanged,
)
from streams.simulator.exchange.venues.base import Request, encode
from streams.simulator.exchange.venues.binance.futures_messages import (
    account_event,
    conditional_event,
    order_event,
)
from streams.simulator.exchange.venues.binance.listen_keys import ListenKeys


class FuturesUserStream:
    """Tells who listens with an account's key what happens to it."""

    def __init__(self, hub: Hub, clock: MarketClock) -> None:
        self.keys = ListenKeys(clock)
        self._hub = hub
        self._clock = clock

    def opened(self, connection: Connection, request: Request) -> None:
        """Subscribe to the key that the address names; nothing comes of one that is unknown."""
        named = request.path.partition("/ws/")[2] or request.query.get("listenKey", "")
        if named:
            self._hub.subscribe(connection, _topic(named))

    def hear(self, event: AccountEvent) -> None:
        """Send an event to the account's listeners."""
        clock = self._clock
        match event:
            case OrderChanged():
                value = order_event(event.order, event.execution, event.fill, clock)
                self._send(event.account, value, Channel.ORDERS, event.order.symbol)
            case ConditionalChanged():
                value = conditional_event(event.conditional, clock)
                self._send(event.account, value, Channel.ORDERS, event.conditional.symbol)
            case BalanceChanged():
                position = event.account.position(event.listing)
                value = account_event(event.account, position, event.cause, clock)
                self._send(event.account, value, Channel.ACCOUNT, event.listing.symbol)
            case LeverageChanged():
                now_ms = clock.now_ms()
                setting = {"s": event.listing.venue_id, "l": event.leverage}
                value = {"e": "ACCOUNT_CONFIG_UPDATE", "E": now_ms, "T": now_ms, "ac": setting}
                self._send(event.account, value, Channel.ACCOUNT, event.listing.symbol)

    def expire(self, now_ns: int, *, all_of_them: bool = False) -> int:
        """End keys that are over, and say so; how many."""
        gone = self.keys.expired(now_ns, all_of_them=all_of_them)
        for key in gone:
            value = {"e": "listenKeyExpired", "E": self._clock.now_ms(), "listenKey": key}
            self._hub.publish(_topic(key), encode(value), Channel.OTHER, "")
        return len(gone)

    def _send(self, account: Account, value: dict[str, Any], channel: Channel, symbol: str) -> None:
        key = self.keys.of(account)
        if key is not None and self._hub.wanted(_topic(key)):
            self._hub.publish(_topic(key), encode(value), channel, symbol)


def _topic(key: str) -> str:
    return f"listenKey:{key}"
