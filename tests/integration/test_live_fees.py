"""Fees that a real venue takes in a coin of its own, as its exchange takes them."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.venues import gateway_of
from schemas.frame import Side
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, OrderType
from schemas.venue import RequestKind, TradeReport, VenueRequest
from streams.simulator.exchange.exchange import SimulatedExchange
from tests.support.simulated import KEY, SYMBOLS, SmallMarket, session_of, until

COIN_PRICE = Decimal(60_000)
"""Each small market begins there."""


def order_at(venue: str) -> Order:
    return Order(
        client_order_id="a" * 32, version=0, account="a", venue=venue, symbol=SYMBOLS[venue],
        tick_ns=1, status=OrderStatus.INTENT, side=Side.BUY, type=OrderType.MARKET,
        qty=Decimal("0.5"), filled_qty=Decimal(0), reduce_only=False, signal_id="s", leg="open",
        attempt=1, reason="",
    )  # fmt: skip


async def traded(venue: str, coin: str) -> tuple[list[Any], list[Any]]:
    """What the venue did, and what was reported of it."""
    exchange = SimulatedExchange(speed=5.0)
    for symbol in (SYMBOLS[venue], f"{coin}/USDT:USDT"):
        exchange.add(venue, SmallMarket(symbol))
    balances = {"USDT": Decimal(100_000), coin: Decimal(10)}
    key = msgspec.structs.replace(KEY, fee_coin=coin, balances=balances)
    settings = LiveSettings(venue=venue, sandbox=False, dead_man_s=0)
    async with exchange:
        exchange.open_accounts(key)
        async with session_of(exchange) as session:
            gateway = gateway_of(
                settings, Credentials(key.key, key.secret), session, adjusts_clock=False
            )
            order = order_at(venue)
            desk = Desk(
                gateway, settings, account="a", symbols=[SYMBOLS[venue]], run=1,
                ready=lambda: True, clock=lambda: order.tick_ns,
            )  # fmt: skip
            desk.begin([])
            request = VenueRequest(
                account="a", venue=venue, symbol=order.symbol, tick_ns=1, kind=RequestKind.CREATE,
                order=order,
            )  # fmt: skip
            desk.take(request, fresh=True)
            reports: list[Any] = []

            def all_told() -> bool:
                reports.extend(desk.drain())
                trades = [each for each in reports if isinstance(each, TradeReport)]
                return sum((each.qty for each in trades), Decimal(0)) == order.qty

            await until(all_told, "reports of all trades")
            await desk.close()
        return list(exchange.account(venue, key.name).fills), reports


@pytest.mark.parametrize(("venue", "coin"), [("binanceusdm", "BNB"), ("bybit", "MNT")])
def test_a_fee_in_the_venues_own_coin_is_reported_with_the_price_of_that_coin(
    venue: str, coin: str
) -> None:
    fills, reports = asyncio.run(traded(venue, coin))
    told = [each for each in reports if isinstance(each, TradeReport)]
    assert sorted((t.fee, t.fee_currency) for t in told) == sorted((f.fee, coin) for f in fills)
    for trade in told:
        assert trade.fee > 0
        assert trade.fee_rate is not None
        assert abs(trade.fee_rate / COIN_PRICE - 1) < Decimal("0.01")
