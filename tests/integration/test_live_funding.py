"""Funding of a real venue, as its own exchange pays it and the account is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.seen import SeenFunding
from agents.venues.ccxt_live.venues import gateway_of
from schemas.frame import NS_PER_S
from schemas.live_settings import LiveSettings
from schemas.venue import FundingReport
from streams.simulator.exchange.derivatives import FUNDING_NS
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.trading.account import IncomeKind
from tests.support.simulated import (
    KEY,
    START_NS,
    SYMBOLS,
    SmallMarket,
    session_of,
    trader_of,
    until,
)

START = START_NS // FUNDING_NS * FUNDING_NS + FUNDING_NS - 2 * NS_PER_S


async def heard(exchange: SimulatedExchange, venue: str, *, run: int) -> list[FundingReport]:
    """What a process reports of payments that it looks at three times."""
    settings = LiveSettings(venue=venue, sandbox=False, funding_s=0.05)
    credentials = Credentials(KEY.key, KEY.secret)
    async with session_of(exchange) as session:
        gateway = gateway_of(settings, credentials, session, adjusts_clock=False)
        looks: list[int] = []
        fundings = gateway.fundings

        async def looked(symbols: Sequence[str]) -> list[SeenFunding]:
            seen = await fundings(symbols)
            looks.append(len(seen))
            return seen

        gateway.fundings = looked  # type: ignore[method-assign]
        desk = Desk(
            gateway, settings, account="a", symbols=[SYMBOLS[venue]], run=run, ready=lambda: True
        )
        desk.begin([])
        await until(lambda: len(looks) > 2, "three looks at payments")
        reports = [report for report in desk.drain() if isinstance(report, FundingReport)]
        await desk.close()
        return reports


@pytest.mark.parametrize("venue", ["binanceusdm", "bybit"])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_payment_is_reported_once_with_its_sign_and_again_by_the_next_process(
    venue: str, side: str
) -> None:
    symbol = SYMBOLS[venue]

    async def scenario() -> tuple[list[FundingReport], Decimal]:
        exchange = SimulatedExchange(speed=None)
        exchange.add(venue, SmallMarket(symbol, start_ns=START))
        async with exchange, trader_of(exchange, venue) as trader:
            await exchange.advance(0.5)
            await trader.create_order(symbol, "market", side, 0.5)
            await exchange.advance(3)
            truth = exchange.account(venue, KEY.name).incomes
            (paid,) = [each.amount for each in truth if each.kind is IncomeKind.FUNDING]
            reports = [*await heard(exchange, venue, run=1), *await heard(exchange, venue, run=2)]
            return reports, paid

    reports, paid = asyncio.run(scenario())
    assert [(r.run, r.symbol, r.amount, r.currency) for r in reports] == [
        (run, symbol, paid, "USDT") for run in (1, 2)
    ]
    assert reports[0].payment_id == reports[1].payment_id
    assert reports[0].time_ns == START + 2 * NS_PER_S
    assert (paid < 0) is (side == "buy")
