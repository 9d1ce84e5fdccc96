"""The venue's dead-man switch, as a gateway winds it up: who is silent has no open orders left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

import agents.venues.ccxt_live.desk as desk_module
from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.venues import gateway_of
from schemas.clock import now_ns
from schemas.frame import NS_PER_S
from schemas.live_settings import LiveSettings
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import Refuse
from tests.support.simulated import KEY, SmallMarket, exchange_of, session_of, trader_of, until

SYMBOL = "BTC/USDT:USDT"
WINDOW_S = 10


@asynccontextmanager
async def desk_of(
    exchange: SimulatedExchange, venue: str, **live: Any
) -> AsyncIterator[CcxtGateway]:
    given = {"enabled": True, "venue": venue, "connect_to": "127.0.0.1:1", "dead_man_s": WINDOW_S}
    settings = LiveSettings.model_validate({**given, **live})
    async with session_of(exchange) as session:
        gateway = gateway_of(
            settings, Credentials(KEY.key, KEY.secret), session, adjusts_clock=False
        )
        await gateway.load()
        try:
            yield gateway
        finally:
            await gateway.close()


def open_orders(exchange: SimulatedExchange, venue: str) -> int:
    return len(list(exchange.account(venue, KEY.name).open_orders()))


async def rest(trader: Any) -> None:
    await trader.create_order(SYMBOL, "limit", "buy", 0.01, 58_000)


def test_binance_cancels_when_the_countdown_is_not_wound_up_again() -> None:
    async def scenario() -> None:
        venue = "binanceusdm"
        async with exchange_of(venue) as exchange, trader_of(exchange, venue) as trader:
            await rest(trader)
            async with desk_of(exchange, venue) as gateway:
                for _ in range(3):
                    await gateway.arm([SYMBOL], WINDOW_S)
                    await exchange.advance(WINDOW_S * 0.8)
                    assert open_orders(exchange, venue) == 1
            await exchange.advance(WINDOW_S)
            assert open_orders(exchange, venue) == 0

    asyncio.run(scenario())


def test_bybit_cancels_when_the_connection_that_it_was_told_to_miss_is_gone() -> None:
    async def scenario() -> None:
        venue = "bybit"
        async with exchange_of(venue) as exchange, trader_of(exchange, venue) as trader:
            await rest(trader)
            async with desk_of(exchange, venue) as gateway:
                await gateway.arm([SYMBOL], WINDOW_S)
                listening = asyncio.create_task(gateway.watch_orders(lambda _: None))
                hub = exchange.venues[venue].hub
                topics = {"private:desk:dcp.future", "private:desk:order"}
                await until(lambda: topics <= set(hub.topics()), "both subscriptions")
                await exchange.advance(WINDOW_S * 3)
                assert open_orders(exchange, venue) == 1
                listening.cancel()
            await until(lambda: not topics & set(hub.topics()), "the end of the connection")
            await exchange.advance(WINDOW_S * 2)
            assert open_orders(exchange, venue) == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", ["binanceusdm", "bybit"])
def test_a_desk_winds_it_up_for_as_long_as_it_runs(venue: str) -> None:
    window_s = 3

    async def scenario() -> None:
        exchange = SimulatedExchange(speed=1.0)
        exchange.add(venue, SmallMarket(SYMBOL, start_ns=now_ns()))
        async with exchange, trader_of(exchange, venue) as trader:
            async with desk_of(exchange, venue, dead_man_s=window_s) as gateway:
                desk = Desk(
                    gateway, gateway.settings, account="mine", symbols=[SYMBOL], run=1,
                    ready=lambda: True,
                )  # fmt: skip
                desk.begin([])
                await rest(trader)
                begun_ns = exchange.clock.now_ns()
                lasted_ns = 2 * window_s * NS_PER_S
                await until(lambda: exchange.clock.now_ns() > begun_ns + lasted_ns, "the time")
                assert open_orders(exchange, venue) == 1
                desk.stop_now()
            await until(lambda: not open_orders(exchange, venue), "the switch")

    asyncio.run(scenario())


def test_a_switch_that_cannot_be_wound_up_is_told_and_tried_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    venue = "binanceusdm"
    # Its own may be bound to what a role of another test has logged to.
    monkeypatch.setattr(desk_module, "log", structlog.get_logger())

    async def scenario() -> list[MutableMapping[str, Any]]:
        async with exchange_of(venue) as exchange:
            exchange.open_accounts(KEY)
            exchange.faults.inflict(Refuse(status=503, path="/fapi/v1/countdownCancelAll", count=2))
            # The next regular turn would be 100 s later.
            async with desk_of(exchange, venue, dead_man_s=300) as gateway:
                armed: list[float] = []
                arm = gateway.arm

                async def watched(symbols: Sequence[str], seconds: float) -> None:
                    await arm(symbols, seconds)
                    armed.append(seconds)

                gateway.arm = watched  # type: ignore[method-assign]
                desk = Desk(
                    gateway, gateway.settings, account="mine", symbols=[SYMBOL], run=1,
                    ready=lambda: True,
                )  # fmt: skip
                with capture_logs() as logged:
                    desk.begin([])
                    await until(lambda: armed, "a switch wound up")
                desk.stop_now()
                return [line for line in logged if line["event"] == "live.dead_man"]

    told = asyncio.run(scenario())
    assert [line["log_level"] for line in told] == ["warning", "warning"]
    assert "overloaded" in told[0]["said"]
    assert KEY.secret not in str(told)
