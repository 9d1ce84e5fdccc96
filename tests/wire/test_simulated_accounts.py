"""What the simulated Binance says of accounts has the fields and types of recorded messages."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.simulated import SYMBOLS, exchange_of, trader_of, until, wire_of

pytestmark = pytest.mark.needs_market_data


def _recorded(folder: Path, name: str) -> Any:
    return json.loads((folder / "wire" / "binance_single_messages" / name).read_text())


def differences(told: Any, recorded: Any, at: str = "") -> list[str]:
    """Fields of the recorded message that are missing, or of another type, in ours.

    ``null`` fits everything; of lists the first elements are compared.
    """
    match recorded, told:
        case dict(), dict():
            return [
                each
                for name, value in recorded.items()
                for each in (
                    differences(told[name], value, f"{at}.{name}")
                    if name in told
                    else [f"{at}.{name} is missing"]
                )
            ]
        case list(), list():
            return differences(told[0], recorded[0], f"{at}[]") if told and recorded else []
        case (None, _) | (_, None):
            return []
        case _:
            same = type(told) is type(recorded)
            return [] if same else [f"{at}: {type(told).__name__}, not {type(recorded).__name__}"]


def test_the_comparison_sees_what_is_missing_and_what_has_another_type() -> None:
    recorded = {"a": 1, "b": [{"c": "x"}], "d": None}
    assert differences({"a": 1, "b": [{"c": "y"}], "d": 5}, recorded) == []
    assert differences({"a": "1", "b": [{}], "d": 5}, recorded) == [
        ".a: str, not int",
        ".b[].c is missing",
    ]


def test_usdm_orders_positions_balances_and_events(market_data: Path) -> None:
    async def scenario() -> None:
        venue, symbol = "binanceusdm", SYMBOLS["binanceusdm"]
        async with exchange_of(venue) as exchange, trader_of(exchange, venue) as client:
            key = (await client.fapiPrivatePostListenKey())["listenKey"]
            url = f"wss://fstream.binance.com/private/ws?listenKey={key}"
            async with wire_of(exchange, url) as wire:
                await until(exchange.venues[venue].hub.topics, "the stream")
                await exchange.advance(1)
                made = await client.create_order(symbol, "market", "buy", 0.5)
                await client.create_order(
                    symbol, "market", "sell", 0.5, None, {"stopLossPrice": 55_000}
                )
                answers = {
                    "account_info_v2": await client.fapiPrivateV2GetAccount(),
                    "balance": await client.fapiPrivateV2GetBalance(),
                    "open_algo_orders": await client.fapiPrivateGetOpenAlgoOrders(),
                    "order_response": made["info"],
                    "position_risk": await client.fapiPrivateV2GetPositionRisk(),
                }
                await until(lambda: len(wire.heard) == 4, "the events")
            found = {
                name: differences(told, _recorded(market_data, f"futures/http_json/{name}.json"))
                for name, told in answers.items()
            }
            for told, name in zip(
                wire.heard,
                ("order_update_new", "order_update_trade", "account_update", "algo_update_new"),
                strict=True,
            ):
                recorded = _recorded(market_data, f"futures/user_data_json/{name}.json")
                found[name] = differences(told, recorded)
            for name, known in KNOWN.items():
                assert found.pop(name) == known, name
            assert {name: each for name, each in found.items() if each} == {}

    asyncio.run(scenario())


KNOWN = {
    # It says `type` where ccxt reads, and we say, `orderType`.
    "open_algo_orders": ["[].type is missing"],
    # These belong to trailing stops, which are not simulated.
    "order_update_new": [".o.AP is missing", ".o.cr is missing"],
    "order_update_trade": [".o.AP is missing", ".o.cr is missing"],
}
"""Differences that are meant."""


def test_spot_orders_balances_and_events(market_data: Path) -> None:
    async def scenario() -> None:
        venue, symbol = "binance", SYMBOLS["binance"]
        async with exchange_of(venue) as exchange, trader_of(exchange, venue) as client:
            watching = asyncio.create_task(client.watch_orders(symbol))
            heard: list[Any] = []
            handle = client.handle_message

            def listening(connection: Any, message: Any) -> None:
                heard.append(message)
                handle(connection, message)

            client.handle_message = listening
            await until(
                lambda: "userData:desk" in exchange.venues[venue].hub.topics(), "the stream"
            )
            await exchange.advance(1)
            made = await client.create_order(symbol, "market", "buy", 0.5)
            resting = await client.create_order(symbol, "limit", "buy", 0.1, 58_000)
            cancelled = await client.cancel_order(resting["id"], symbol)
            await watching
            asked = {"symbol": "BTCUSDT"}
            answers = {
                "account_response": await client.private_get_account(),
                "account_trades_response": await client.private_get_mytrades(asked),
                "all_orders_response": await client.private_get_allorders(asked),
                "new_order_full_response": made["info"],
                "cancel_order_response": cancelled["info"],
            }
            found = {
                name: differences(told, _recorded(market_data, f"spot/http_json/{name}.json"))
                for name, told in answers.items()
            }
            await until(lambda: "CANCELED" in [m.get("event", m).get("x") for m in heard], "it")
            for kind in ("NEW", "TRADE", "CANCELED"):
                told = next(m["event"] for m in heard if m.get("event", m).get("x") == kind)
                name = f"execution_report_{kind.lower()}"
                recorded = _recorded(market_data, f"spot/user_data_json/{name}.json")
                found[name] = differences(told, recorded)
            told = next(m for m in heard if m.get("event", m).get("e") == "outboundAccountPosition")
            recorded = _recorded(market_data, "spot/user_data_json/account_position_wrapped.json")
            found["account_position"] = differences(told, recorded)
            assert {name: each for name, each in found.items() if each} == {}

    asyncio.run(scenario())
