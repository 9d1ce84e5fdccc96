"""Bybit's private v5 stream: orders, executions, positions and wallet of a proven key."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

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
    LeverageChanged,
    OrderChanged,
)
from streams.simulator.exchange.venues.base import encode
from streams.simulator.exchange.venues.bybit.account_messages import (
    conditional_value,
    fill_value,
    order_value,
    position_value,
    wallet_value,
)
from streams.simulator.exchange.venues.bybit.signing import Gate
from streams.simulator.exchange.venues.bybit.streams import Command, answer

_TOPICS = ("order", "execution", "position", "wallet", "dcp")


class PrivateStream:
    """One path for all categories; a topic may name one: ``order.linear``."""

    def __init__(self, hub: Hub, clock: MarketClock, gate: Gate) -> None:
        self._hub = hub
        self._clock = clock
        self._gate = gate
        self._owners: WeakKeyDictionary[Connection, Account] = WeakKeyDictionary()
        self._decode = msgspec.json.Decoder(Command).decode

    def received(self, connection: Connection, text: str) -> None:
        """Obey a command."""
        try:
            command = self._decode(text)
        except msgspec.MsgspecError:
            connection.send(encode({"success": False, "ret_msg": "error:invalid json", "op": ""}))
            return
        match command.op:
            case "ping":
                if connection.answers_pings:
                    connection.urgent(self._pong(command))
            case "auth":
                account = self._gate.entered(command.args)
                if account is None:
                    text = "Params Error"
                    connection.send(answer(command, text, success=False))
                    return
                self._owners[connection] = account
                connection.send(answer(command, ""))
            case "subscribe" | "unsubscribe":
                self._subscribe(connection, command)
            case _:
                connection.send(answer(command, "error:op not found", success=False))

    def hear(self, event: AccountEvent) -> None:
        """Send an event to the account's listeners."""
        account, clock = event.account, self._clock
        match event:
            case OrderChanged():
                order = event.order
                before = account.conditionals.get(order.id)
                value = order_value(order, before, clock)
                self._send(account, "order", value, Channel.ORDERS, order.symbol)
                if event.execution is Execution.TRADE and event.fill is not None:
                    value = fill_value(event.fill, order, clock)
                    self._send(account, "execution", value, Channel.ORDERS, order.symbol)
            case ConditionalChanged():
                each = event.conditional
                if each.status is not Waiting.FINISHED:
                    value = conditional_value(each, clock)
                    self._send(account, "order", value, Channel.ORDERS, each.symbol)
            case BalanceChanged():
                symbol = event.listing.symbol
                if event.listing.is_contract:
                    value = position_value(account, account.position(event.listing), clock)
                    self._send(account, "position", value, Channel.ACCOUNT, symbol)
                self._send(account, "wallet", wallet_value(account), Channel.ACCOUNT, symbol)
            case LeverageChanged():
                value = position_value(account, account.position(event.listing), clock)
                self._send(account, "position", value, Channel.ACCOUNT, event.listing.symbol)

    def _subscribe(self, connection: Connection, command: Command) -> None:
        account = self._owners.get(connection)
        topics = [str(topic) for topic in command.args]
        unknown = [topic for topic in topics if topic.partition(".")[0] not in _TOPICS]
        if account is None or unknown:
            text = "Request not authorized" if account is None else f"handler not found,{unknown}"
            connection.send(answer(command, text, success=False))
            return
        change = self._hub.subscribe if command.op == "subscribe" else self._hub.unsubscribe
        for topic in topics:
            change(connection, topic_key(account, topic))
        connection.send(answer(command, ""))

    def _send(
        self, account: Account, topic: str, row: dict[str, Any], channel: Channel, symbol: str
    ) -> None:
        category = row.get("category")
        names: Sequence[str] = (topic,) if category is None else (topic, f"{topic}.{category}")
        for name in names:
            key = topic_key(account, name)
            if self._hub.wanted(key):
                value = {
                    "id": uuid.uuid4().hex,
                    "topic": name,
                    "creationTime": self._clock.now_ms(),
                    "data": [row],
                }
                self._hub.publish(key, encode(value), channel, symbol)

    def _pong(self, command: Command) -> bytes:
        value: dict[str, Any] = {"op": "pong", "args": [str(self._clock.now_ms())]}
        if command.req_id is not None:
            value["req_id"] = command.req_id
        return encode(value | {"conn_id": "simulated"})


def topic_key(account: Account, topic: str) -> str:
    """What an account's topic is called among those of all."""
    return f"private:{account.name}:{topic}"
