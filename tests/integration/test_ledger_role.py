"""The account with a durable ledger: what is in the topics is in the ledger, deaths or none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agents.execution.ledger import Ledger
from schemas.order import Fill, Position
from schemas.settings import Settings
from schemas.topics import ORDERS
from streams.store.ledger import open_ledger
from streams.transport.log import TopicPartition
from tests.chaos.inside import Inside
from tests.chaos.market import Market, short_market, short_settings
from tests.chaos.outputs import digests
from tests.support.postgres import PostgresServer

PATIENCE_S = 120.0


def with_ledger(url: str, name: str) -> Settings:
    settings = short_settings(url=f"embedded://{name}")
    store = settings.store.model_copy(update={"url": url, "lease_s": 1.0})
    return settings.model_copy(update={"store": store})


async def a_day(settings: Settings, market: Market) -> None:
    """Half of it by one account that dies, the rest by another."""
    async with Inside(settings) as roles:
        await roles.start("worker", "execution")
        await roles.play(market.frames[:180])
        await roles.publisher.settle()
        orders = TopicPartition(ORDERS.name, 0)
        async with asyncio.timeout(PATIENCE_S):
            while (await roles.log.end_offsets([orders]))[orders] < 5:
                await asyncio.sleep(0.01)
        await roles.kill("execution")
        await roles.start("execution2")
        await roles.play(market.frames[180:])
        assert await roles.finish(market.expected, patience_s=PATIENCE_S) == digests(
            market.expected
        )


def check(url: str, settings: Settings, market: Market) -> None:
    asyncio.run(a_day(settings, market))
    ledger = open_ledger(url)
    try:
        expected = market.expected
        assert ledger.order_versions("paper") == expected["execution.orders"]
        fills = ledger.fills("paper")
        assert fills == expected["execution.fills"]
        assert len(fills) > 5
        lease = ledger.acquire("paper", "a test", ttl_ms=1)  # the last account has let go
        assert lease.epoch == 3
        # The balance can be had from the ledger alone.
        again = Ledger(balance=settings.paper.balance)
        for record in fills:
            assert isinstance(record, Fill)
            again.apply(record)
        last = expected["execution.positions"][-1]
        assert isinstance(last, Position)
        assert again.balance == last.balance
    finally:
        ledger.close()


@pytest.fixture(scope="module")
def market() -> Market:
    return short_market()


def test_in_sqlite(market: Market, tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'ledger.db'}"
    check(url, with_ledger(url, "ledger-sqlite"), market)


@pytest.mark.needs_database
def test_in_postgresql(market: Market, postgres: PostgresServer) -> None:
    url = postgres.new_database()
    check(url, with_ledger(url, "ledger-postgresql"), market)
