"""What becomes of an order at each error and each lost reply: the table, by venue.

ccxt as it is, at the simulated exchange, whose books tell: no order is there twice, and none is
there that the desk says is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt
import msgspec
import pytest

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.venues import gateway_of
from agents.venues.live import AMENDS
from schemas.frame import Side
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, OrderType
from schemas.venue import AccountReport, OrderReport, RequestKind, VenueReport, VenueRequest
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import LoseReply, Manner, Refuse, Reject, RequestFault
from streams.simulator.exchange.trading.rejections import Reason
from tests.support.simulated import KEY, SYMBOLS, exchange_of, session_of

VENUES = ("binanceusdm", "bybit", "binance")
MARKETS = (*(f"{venue}:{SYMBOLS[venue]}" for venue in VENUES), "bybit:BTC/USDT")
TICK_NS = 1
"""When everything here is decided, and what the clock says."""
LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP
CANCELS: dict[str, dict[str, Any]] = {
    "binanceusdm": {"method": "DELETE", "path": "/fapi/v1/"},
    "bybit": {"path": "/v5/order/cancel"},
    "binance": {"method": "DELETE", "path": "/api/v3/order"},
}
"""Requests that cancel."""
_GONE = {OrderStatus.CANCELLED, OrderStatus.RECONCILED}

REJECTED, UNKNOWN, HALT = "rejected", "looked for, and never there", "rejected, and all stops"
TABLE: dict[str, tuple[RequestFault, str]] = {
    "InsufficientFunds": (Reject(reason=Reason.INSUFFICIENT_FUNDS), REJECTED),
    "InvalidOrder": (Reject(reason=Reason.QTY_RANGE), REJECTED),
    "BadRequest": (Reject(reason=Reason.BAD_REQUEST), REJECTED),
    "InvalidNonce": (Reject(reason=Reason.TIMESTAMP), REJECTED),
    "AuthenticationError": (Reject(reason=Reason.SIGNATURE), HALT),
    "a client id that is known": (Reject(reason=Reason.DUPLICATE_CLIENT_ID), UNKNOWN),
    "DDoSProtection (429)": (Refuse(status=429, retry_after_s=0), REJECTED),
    "ExchangeNotAvailable (503)": (Refuse(status=503), UNKNOWN),
}
"""What a new order that was **not** carried out becomes, by what the venue answered."""


class Trader:
    """A desk and what it has told."""

    def __init__(self, desk: Desk, exchange: SimulatedExchange, market: str) -> None:
        self.desk = desk
        self.exchange = exchange
        self.venue, _, self.symbol = market.partition(":")
        self.told: list[VenueReport] = []
        self.placed = 0

    def order(self, type_: OrderType, side: Side, qty: str, **more: Any) -> Order:
        self.placed += 1
        return Order(
            client_order_id=f"{self.placed:032x}", version=0, account="a", venue=self.venue,
            symbol=self.symbol, tick_ns=TICK_NS, status=OrderStatus.INTENT, side=side, type=type_,
            qty=Decimal(qty), filled_qty=Decimal(0), reduce_only=more.pop("reduce_only", False),
            signal_id="s", leg="open", attempt=1, reason="", **more,
        )  # fmt: skip

    def entry(self) -> Order:
        return self.order(LIMIT, Side.BUY, "0.010", price=Decimal("58000.0"))

    def stop(self) -> Order:
        return self.order(STOP, Side.SELL, "0.010", stop_price=Decimal("55000.0"), reduce_only=True)

    def ask(self, kind: RequestKind, order: Order, **change: Decimal) -> None:
        """Send a request that is durable."""
        request = VenueRequest("a", self.venue, self.symbol, TICK_NS, kind, order, **change)
        self.desk.take(request, fresh=True)

    async def until(self, told: Callable[[VenueReport], bool]) -> VenueReport:
        """The first report from now on that says so."""
        async with asyncio.timeout(20.0):
            while True:
                await self.desk.heard.wait()
                reports = self.desk.drain()
                self.told += reports
                for report in reports:
                    if told(report):
                        return report

    async def status(self, order: Order, *wanted: OrderStatus) -> OrderReport:
        """The report which says that an order is one of these."""
        found = await self.until(
            lambda r: (
                isinstance(r, OrderReport)
                and r.client_order_id == order.client_order_id
                and r.status in wanted
            )
        )
        assert isinstance(found, OrderReport)
        return found

    async def placed_and_told(self, order: Order) -> None:
        self.ask(RequestKind.CREATE, order)
        await self.status(order, OrderStatus.ACKNOWLEDGED)

    async def cancelled(self, order: Order) -> None:
        self.ask(RequestKind.CANCEL, order)
        await self.status(order, *_GONE)

    def there(self, order: Order) -> list[Any]:
        """What the exchange has of an order: conditional or not, open or ended."""
        books = self.exchange.account(self.venue, KEY.name)
        every: list[Any] = [*books.orders.values(), *books.conditionals.values()]
        return [each for each in every if each.client_id == order.client_order_id]

    def was_unknown(self, order: Order) -> bool:
        return any(
            isinstance(r, OrderReport)
            and r.client_order_id == order.client_order_id
            and r.status is OrderStatus.UNKNOWN
            for r in self.told
        )


@asynccontextmanager
async def trader_at(market: str) -> AsyncIterator[Trader]:
    """A desk that agrees with its venue and holds something to protect."""
    venue, _, symbol = market.partition(":")
    settings = LiveSettings(
        venue=venue, sandbox=False, timeout_s=0.5, poll_s=0.5, not_found_s=1.0, reconcile_s=2.0,
        dead_man_s=0,
    )  # fmt: skip
    async with exchange_of(market) as exchange:
        exchange.open_accounts(KEY)
        async with session_of(exchange) as session:
            keys = Credentials(KEY.key, KEY.secret)
            gateway = gateway_of(settings, keys, session, adjusts_clock=False)
            desk = Desk(
                gateway, settings, account="a", symbols=(symbol,), run=1, ready=lambda: True,
                clock=lambda: TICK_NS,
            )  # fmt: skip
            desk.begin(())
            try:
                trader = Trader(desk, exchange, market)
                await trader.until(lambda r: isinstance(r, AccountReport) and not r.problems)
                opening = trader.order(MARKET, Side.BUY, "0.100")
                trader.ask(RequestKind.CREATE, opening)
                await trader.status(opening, OrderStatus.FILLED, OrderStatus.RECONCILED)
                yield trader
            finally:
                await desk.close()


LISTS = {
    "binanceusdm": "/fapi/v1/exchangeInfo",
    "bybit": "/v5/market/instruments-info",
    "binance": "/api/v3/exchangeInfo",
}
"""Where each venue lists its markets."""


@pytest.mark.parametrize("venue", VENUES)
def test_a_list_of_markets_that_was_cut_short_is_asked_for_again(venue: str) -> None:
    async def scenario() -> None:
        async with exchange_of(venue) as exchange, session_of(exchange) as session:
            settings = LiveSettings(venue=venue, sandbox=False)
            keys = Credentials(KEY.key, KEY.secret)
            gateway = gateway_of(settings, keys, session, adjusts_clock=False)
            cut = LoseReply(manner=Manner.TRUNCATE, path=LISTS[venue], count=1)
            exchange.faults.inflict(cut)
            try:
                with pytest.raises(ccxt.BaseError):
                    await gateway.load()
                await gateway.load()
                assert gateway.market(SYMBOLS[venue]) is not None
            finally:
                await gateway.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("manner", list(Manner))
def test_an_order_whose_reply_is_lost_is_found_and_not_sent_again(
    market: str, manner: Manner
) -> None:
    async def scenario() -> None:
        async with trader_at(market) as trader:
            for order in (trader.entry(), trader.stop()):
                trader.exchange.faults.inflict(LoseReply(manner=manner, method="POST", count=1))
                await trader.placed_and_told(order)
                assert len(trader.there(order)) == 1
                cancel = LoseReply(manner=manner, count=1, **CANCELS[trader.venue])
                trader.exchange.faults.inflict(cancel)
                await trader.cancelled(order)
                (ended,) = trader.there(order)
                assert not ended.open

    asyncio.run(scenario())


@pytest.mark.parametrize("market", [m for m in MARKETS if AMENDS[m.partition(":")[0]]])
@pytest.mark.parametrize("manner", list(Manner))
def test_an_amendment_whose_reply_is_lost_is_found(market: str, manner: Manner) -> None:
    paths = {"binanceusdm": "/fapi/v1/order", "bybit": "/v5/order/amend"}

    async def scenario() -> None:
        async with trader_at(market) as trader:
            order = trader.entry()
            await trader.placed_and_told(order)
            trader.exchange.faults.inflict(
                LoseReply(manner=manner, path=paths[trader.venue], count=1)
            )
            trader.ask(RequestKind.AMEND, order, price=Decimal("57000.0"))
            answer = await trader.until(
                lambda r: isinstance(r, OrderReport) and r.answers is RequestKind.AMEND
            )
            assert isinstance(answer, OrderReport)
            (there,) = trader.there(order)
            assert answer.price == there.price == Decimal("57000.0")

    asyncio.run(scenario())


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("answer", TABLE)
def test_an_order_that_was_not_taken_becomes_what_the_table_says(market: str, answer: str) -> None:
    fault, becomes = TABLE[answer]

    async def scenario() -> None:
        async with trader_at(market) as trader:
            for order in (trader.entry(), trader.stop()):
                given = msgspec.structs.replace(fault, method="POST", count=1)
                trader.exchange.faults.inflict(given)
                trader.ask(RequestKind.CREATE, order)
                said = await trader.status(order, OrderStatus.REJECTED)
                assert trader.was_unknown(order) is (becomes == UNKNOWN), said.reason
                assert trader.there(order) == []
            if becomes == HALT:
                stopped = await trader.until(
                    lambda r: isinstance(r, AccountReport) and bool(r.problems)
                )
                assert isinstance(stopped, AccountReport)

    asyncio.run(scenario())
