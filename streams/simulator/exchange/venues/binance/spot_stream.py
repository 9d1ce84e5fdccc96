"""The user-data stream of Binance spot: subscribed to with a signature over the WebSocket API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection, Hub
from streams.simulator.exchange.faults import Channel
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.conditional import Waiting
from streams.simulator.exchange.trading.events import (
    AccountEvent,
    BalanceChanged,
    ConditionalChanged,
    Execution,
    OrderChanged,
)
from streams.simulator.exchange.venues.base import Refusal, encode
from streams.simulator.exchange.venues.binance.signing import Gate
from streams.simulator.exchange.venues.binance.spot_messages import balances, money, report

_WAITED = {
    Waiting.NEW: Execution.NEW,
    Waiting.CANCELLED: Execution.CANCELLED,
    Waiting.REJECTED: Execution.EXPIRED,
    Waiting.EXPIRED: Execution.EXPIRED,
}
"""What is told of a conditional order; once it has triggered, its order is told of."""
_SUBSCRIBE = "userDataStream.subscribe.signature"
_SUBSCRIPTION = 0


class _Command(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: dict[str, Any] = {}


class SpotUserStream:
    """A connection may subscribe to one account; no session outlives it."""

    def __init__(self, hub: Hub, clock: MarketClock, gate: Gate) -> None:
        self._hub = hub
        self._clock = clock
        self._gate = gate
        self._decode = msgspec.json.Decoder(_Command).decode

    def received(self, connection: Connection, text: str) -> None:
        """Obey a command."""
        try:
            command = self._decode(text)
        except msgspec.MsgspecError:
            _refuse(connection, None, 400, {"code": -1135, "msg": "Invalid JSON Request"})
            return
        if command.method == "ping":
            connection.send(encode({"id": command.id, "status": 200, "result": {}}))
            return
        if command.method != _SUBSCRIBE:
            text = "This operation is not supported."
            _refuse(connection, command.id, 400, {"code": -1020, "msg": text})
            return
        values = {name: str(value) for name, value in command.params.items()}
        # Signed is what the parameters are in the order of their names.
        named = sorted((name, value) for name, value in values.items() if name != "signature")
        payload = "&".join(f"{name}={quote(value)}" for name, value in named)
        try:
            account = self._gate.of_key(values.get("apiKey"))
            self._gate.check(account, f"{payload}&signature={values.get('signature', '')}", values)
        except Refusal as refusal:
            _refuse(connection, command.id, refusal.reply.status, refusal.reply.value)
            return
        self._hub.subscribe(connection, _topic(account))
        result = {"subscriptionId": _SUBSCRIPTION}
        connection.send(encode({"id": command.id, "status": 200, "result": result}))

    def hear(self, event: AccountEvent) -> None:
        """Send an event to the account's listeners."""
        account, clock = event.account, self._clock
        match event:
            case OrderChanged():
                value = report(event.order, account, event.execution, event.fill, clock)
                self._send(account, value, Channel.ORDERS, event.order.symbol)
                if event.fill is None:
                    # What an order locks and frees is told too.
                    self._tell_balances(account, event.order.listing.symbol, event.order)
            case ConditionalChanged():
                each = event.conditional
                if each.status in _WAITED:
                    value = report(each, account, _WAITED[each.status], None, clock)
                    self._send(account, value, Channel.ORDERS, each.symbol)
            case BalanceChanged():
                self._tell_balances(account, event.listing.symbol, event)
            case _:
                pass

    def expire(self) -> int:
        """End all subscriptions, and say so; how many."""
        ended = [topic for topic in self._hub.topics() if topic.startswith(_topic(None))]
        for topic in ended:
            value = _wrapped({"e": "eventStreamTerminated", "E": self._clock.now_ms()})
            self._hub.publish(topic, value, Channel.OTHER, "")
            for connection in self._hub.connections:
                self._hub.unsubscribe(connection, topic)
        return len(ended)

    def _tell_balances(self, account: Account, symbol: str, of: Any) -> None:
        rules = of.listing.rules
        now_ms = self._clock.now_ms()
        value = {
            "e": "outboundAccountPosition",
            "E": now_ms,
            "u": now_ms,
            "B": [
                {"a": asset, "f": money(free), "l": money(locked)}
                for asset, free, locked in balances(account, [rules.base, rules.quote])
            ],
        }
        self._send(account, value, Channel.ACCOUNT, symbol)

    def _send(self, account: Account, value: dict[str, Any], channel: Channel, symbol: str) -> None:
        topic = _topic(account)
        if self._hub.wanted(topic):
            self._hub.publish(topic, _wrapped(value), channel, symbol)


def _wrapped(value: dict[str, Any]) -> bytes:
    return encode({"subscriptionId": _SUBSCRIPTION, "event": value})


def _topic(account: Account | None) -> str:
    """Of one account, or how that of any begins."""
    return f"userData:{'' if account is None else account.name}"


def _refuse(
    connection: Connection, id_: int | str | None, status: int, error: dict[str, Any]
) -> None:
    connection.send(encode({"id": id_, "status": status, "error": error}))
