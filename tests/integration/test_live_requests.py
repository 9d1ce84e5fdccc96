"""What the client of a real venue asks for by itself, beside what the desk asks."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.venues import gateway_of
from schemas.live_settings import LiveSettings
from tests.support.simulated import KEY, exchange_of, session_of, trader_of, until

SYMBOL = "BTC/USDT:USDT"


def test_a_stream_of_orders_asks_for_nothing_whose_failure_nobody_would_hear_of() -> None:
    venue = "binanceusdm"

    async def scenario() -> list[str]:
        async with exchange_of(venue) as exchange, trader_of(exchange, venue) as trader:
            settings = LiveSettings(venue=venue, sandbox=False)
            async with session_of(exchange) as session:
                gateway = gateway_of(
                    settings, Credentials(KEY.key, KEY.secret), session, adjusts_clock=False
                )
                asked: list[str] = []
                fetch = gateway.exchange.fetch

                async def watched(url: str, *more: Any) -> Any:
                    asked.append(url.partition("?")[0].rpartition("/")[2])
                    return await fetch(url, *more)

                gateway.exchange.fetch = watched
                heard: list[Any] = []
                watching = asyncio.create_task(gateway.watch_orders(heard.append))
                await until(lambda: "listenKey" in asked, "a stream of orders")
                while not heard:  # until the stream is up, nobody tells of an order
                    order = await trader.create_order(SYMBOL, "limit", "buy", 0.01, 58_000)
                    await trader.cancel_order(order["id"], SYMBOL)
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await gateway.close()
                return asked

    asked = asyncio.run(scenario())
    assert set(asked) == {"exchangeInfo", "listenKey"}
