"""The simulated exchange refuses who asks too much, as the venues do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
import ccxt
import pytest

from schemas.frame import NS_PER_S
from streams.simulator.exchange.exchange import SimulatedExchange
from tests.support.simulated import (
    SYMBOLS,
    SmallMarket,
    ccxt_of,
    session_of,
    trader_of,
    until,
    wire_of,
)

HEAVY = "https://fapi.binance.com/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1"
PING = "https://fapi.binance.com/fapi/v1/ping"


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Wall time of limits, which stands still unless a test moves it."""
    now = [3_600 * NS_PER_S]
    for module in ("limits", "venues.binance.limits"):
        name = f"streams.simulator.exchange.{module}.monotonic_ns"
        monkeypatch.setattr(name, lambda: now[0])
    return now


def _limited(venue: str) -> SimulatedExchange:
    exchange = SimulatedExchange(speed=None, limits=True)
    exchange.add(venue, SmallMarket(SYMBOLS[venue]))
    return exchange


def test_too_much_weight_is_429_then_418_then_forgiven(wall: list[int]) -> None:
    async def asked(session: aiohttp.ClientSession, url: str) -> tuple[int, Mapping[str, str]]:
        async with session.get(url) as answer:
            await answer.read()
            return answer.status, answer.headers

    async def scenario() -> None:
        async with _limited("binanceusdm") as exchange, session_of(exchange) as session:
            for count in range(1, 121):
                status, headers = await asked(session, HEAVY)
                assert (status, headers["X-MBX-USED-WEIGHT-1M"]) == (200, str(20 * count))
            status, headers = await asked(session, PING)
            assert (status, headers["Retry-After"]) == (429, "61")
            wall[0] += 60 * NS_PER_S
            assert (await asked(session, PING))[0] == 200
            for _ in range(120):
                status, _ = await asked(session, HEAVY)
            assert status == 429
            statuses = [(await asked(session, PING))[0] for _ in range(25)]
            assert set(statuses[:19]) == {429}
            assert statuses[-1] == 418
            wall[0] += 60 * NS_PER_S
            status, headers = await asked(session, PING)
            assert (status, headers["Retry-After"]) == (418, "61")
            wall[0] += 61 * NS_PER_S
            assert (await asked(session, PING))[0] == 200

    asyncio.run(scenario())


def test_too_many_orders_are_refused_until_the_window_ends(wall: list[int]) -> None:
    async def scenario() -> None:
        async with (
            _limited("binanceusdm") as exchange,
            trader_of(exchange, "binanceusdm") as client,
        ):
            symbol = SYMBOLS["binanceusdm"]
            for _ in range(300):
                order = await client.create_order(symbol, "limit", "buy", 0.001, 58_000)
                await client.cancel_order(order["id"], symbol)
            with pytest.raises(ccxt.DDoSProtection, match="-1015"):
                await client.create_order(symbol, "limit", "buy", 0.001, 58_000)
            assert len(exchange.account("binanceusdm", "desk").orders) == 300
            wall[0] += 10 * NS_PER_S
            await client.create_order(symbol, "limit", "buy", 0.001, 58_000)

    asyncio.run(scenario())


def test_an_amendment_counts_as_an_order_and_a_batch_as_five(wall: list[int]) -> None:
    async def scenario() -> None:
        async with (
            _limited("binanceusdm") as exchange,
            trader_of(exchange, "binanceusdm") as client,
        ):
            symbol = SYMBOLS["binanceusdm"]

            def counted() -> tuple[str, ...]:
                headers = {k.lower(): v for k, v in client.last_response_headers.items()}
                return tuple(headers[f"x-mbx-order-count-{name}"] for name in ("10s", "1m"))

            made = await client.create_order(symbol, "limit", "buy", 0.1, 58_000)
            assert counted() == ("1", "1")
            await client.edit_order(made["id"], symbol, "limit", "buy", 0.1, 57_000)
            assert counted() == ("2", "2")
            row = {"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.1, "price": 57_000}
            await client.create_orders([row])
            assert counted() == ("7", "3")

    asyncio.run(scenario())


@pytest.mark.parametrize(("venue", "most"), [("binance", 100), ("binanceusdm", 300)])
def test_the_limits_of_orders_are_announced(venue: str, most: int) -> None:
    async def scenario() -> None:
        async with _limited(venue) as exchange, ccxt_of(exchange, venue) as client:
            ask = (
                client.publicGetExchangeInfo
                if venue == "binance"
                else client.fapiPublicGetExchangeInfo
            )
            limits = (await ask())["rateLimits"]
            assert most in {
                int(each["limit"])
                for each in limits
                if (each["rateLimitType"], each["interval"]) == ("ORDERS", "SECOND")
            }

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("venue", "url", "most"),
    [
        ("binance", "wss://stream.binance.com:9443/ws", 5),
        ("binanceusdm", "wss://fstream.binance.com/public/ws", 10),
    ],
)
def test_who_says_too_much_on_a_connection_is_cut_off(
    wall: list[int], venue: str, url: str, most: int
) -> None:
    async def scenario() -> None:
        async with _limited(venue) as exchange:
            asks = [{"method": "LIST_SUBSCRIPTIONS", "id": number} for number in range(most)]
            async with wire_of(exchange, url, *asks) as wire:
                await until(lambda: len(wire.heard) == most, "the answers")
                wall[0] += NS_PER_S
                for ask in asks:
                    await wire.socket.send_json(ask)
                await until(lambda: len(wire.heard) == 2 * most, "the answers")
                assert not wire.over
                await wire.socket.ping()
                await until(lambda: wire.over, "the end")
                assert wire.close_code == 1008

    asyncio.run(scenario())


def test_bybit_counts_by_account_and_path(wall: list[int]) -> None:
    async def scenario() -> None:
        async with _limited("bybit") as exchange, trader_of(exchange, "bybit") as client:
            symbol = SYMBOLS["bybit"]
            await client.is_unified_enabled()
            for left in range(9, -1, -1):
                await client.create_order(symbol, "limit", "buy", 0.001, 58_000)
                assert client.last_response_headers["X-Bapi-Limit-Status"] == str(left)
            with pytest.raises(ccxt.RateLimitExceeded, match="10006"):
                await client.create_order(symbol, "limit", "buy", 0.001, 58_000)
            assert len(await client.fetch_open_orders(symbol)) == 10
            wall[0] += NS_PER_S
            await client.create_order(symbol, "limit", "buy", 0.001, 58_000)

    asyncio.run(scenario())
