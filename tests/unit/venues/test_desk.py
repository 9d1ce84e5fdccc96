"""The desk: what an answer that was cut short may not make anyone believe."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import pytest

from agents.venues.ccxt_live.asking import ours
from agents.venues.ccxt_live.coin_prices import CoinPrices
from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.desk import NOT_SEEN, Desk
from agents.venues.ccxt_live.errors import CutShort
from agents.venues.ccxt_live.order_tracker import OrderTracker
from agents.venues.ccxt_live.outbox import Outbox
from agents.venues.ccxt_live.seen import Seen, SeenTrade
from agents.venues.ccxt_live.venues import gateway_of
from schemas.clock import monotonic_ns
from schemas.live_settings import LiveSettings
from schemas.order import OrderStatus
from schemas.venue import AccountReport, OrderReport, TradeReport
from tests.support.live_venue import Bench

EMPTY = dict.fromkeys(("id", "order", "side", "price", "amount", "takerOrMaker", "fee"))


class Answers:
    """A gateway whose looks give what they are told to."""

    def __init__(self, *seen: Seen) -> None:
        self.seen = list(seen)

    async def look(self, order: Any) -> Seen:
        del order
        return self.seen.pop(0)


def states(outbox: Outbox) -> list[OrderStatus]:
    return [report.status for report in outbox.drain() if isinstance(report, OrderReport)]


def test_a_look_that_shows_no_order_says_nothing_of_it() -> None:
    async def work() -> None:
        order = Bench().order()
        cut = Seen("", "", OrderStatus.ACKNOWLEDGED, None)
        whole = Seen(order.client_order_id, "7", OrderStatus.ACKNOWLEDGED, Decimal(0))
        gateway: Any = Answers(cut, whole)
        outbox = Outbox(account="a", venue="binanceusdm", run=1)
        orders = OrderTracker(
            gateway, LiveSettings(), outbox, halted=lambda _: None, ended=lambda: None
        )
        tracked = orders.track(order)
        await orders.look(tracked)
        assert states(outbox) == []
        await orders.look(tracked)
        assert states(outbox) == [OrderStatus.ACKNOWLEDGED]

    asyncio.run(work())


def test_a_request_that_is_cancelled_with_another_one_does_not_end_the_desk() -> None:
    async def work() -> None:
        async def cancelled() -> None:
            raise asyncio.CancelledError

        with pytest.raises(CutShort):
            await ours(cancelled())
        waiting = asyncio.create_task(ours(asyncio.Event().wait()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(work())


class Away(Answers):
    """A venue that has gone."""

    async def confirm(self, symbols: Any) -> list[str]:
        del symbols
        return []

    async def fundings(self, symbols: Any) -> list[Any]:
        del symbols
        return []

    async def account(self, symbols: Any) -> Any:
        raise OSError(f"no route to {symbols}")

    async def watch_orders(self, heard: Any) -> None:
        del heard
        await asyncio.Event().wait()

    watch_trades = watch_orders

    def describe(self, error: BaseException) -> str:
        return str(error)

    async def close(self) -> None:
        """Nothing is open."""


def test_a_venue_that_is_not_seen_twice_in_a_row_forbids_to_decide() -> None:
    async def work() -> list[Any]:
        gateway: Any = Away()
        settings = LiveSettings(reconcile_s=0.01, dead_man_s=0)
        desk = Desk(gateway, settings, account="a", symbols=(), run=1, ready=lambda: True)
        desk.begin(())
        (first,) = desk.drain()
        assert isinstance(first, AccountReport)
        assert first.balance is None
        async with asyncio.timeout(10):
            await desk.heard.wait()
        reports = desk.drain()
        await desk.close()
        return reports

    (told,) = asyncio.run(work())
    assert isinstance(told, AccountReport)
    assert (told.balance, told.problems) == (None, (NOT_SEEN,))


def test_a_desk_ends_though_a_library_loses_a_cancellation() -> None:
    lost: list[int] = []

    class Forgetful(Away):
        """Each of its streams goes on when it is told to end, once."""

        async def watch_orders(self, heard: Any) -> None:
            try:
                await super().watch_orders(heard)
            except asyncio.CancelledError:
                current = asyncio.current_task()
                assert current is not None
                lost.append(current.uncancel())
                await super().watch_orders(heard)

        watch_trades = watch_orders

    async def work() -> None:
        gateway: Any = Forgetful()
        settings = LiveSettings(reconcile_s=0.01, dead_man_s=0)
        desk = Desk(gateway, settings, account="a", symbols=(), run=1, ready=lambda: True)
        desk.begin(())
        async with asyncio.timeout(10):
            await desk.heard.wait()
            await asyncio.sleep(0)
            await desk.close()

    asyncio.run(work())
    assert lost == [0, 0]


def test_a_trade_with_nothing_in_it_is_no_trade() -> None:
    async def work() -> None:
        async with aiohttp.ClientSession() as session:
            gateway = gateway_of(LiveSettings(sandbox=False), Credentials("k", "s"), session)
            with pytest.raises(ccxt.BadResponse):
                gateway.seen_trade(EMPTY)
            await gateway.close()

    asyncio.run(work())


@pytest.mark.parametrize("error", [TimeoutError(), ccxt.InvalidOrder("duplicate")])
def test_an_order_that_a_stream_showed_before_its_reply_was_lost_is_known(error: Exception) -> None:
    """Told as unknown it would stay so: what the next look shows is no news any more."""

    async def work() -> None:
        order = Bench().order()
        shown = Seen(order.client_order_id, "7", OrderStatus.ACKNOWLEDGED, Decimal(0))
        outbox = Outbox(account="a", venue="binanceusdm", run=1)

        class Slow(Answers):
            async def create(self, _order: Any) -> Seen:
                orders.heard_order(shown)
                raise error

            def describe(self, error: BaseException) -> str:
                return str(error)

        gateway: Any = Slow(shown)
        orders = OrderTracker(
            gateway, LiveSettings(), outbox, halted=lambda _: None, ended=lambda: None,
            clock=lambda: order.tick_ns,
        )  # fmt: skip
        await orders.create(orders.track(order))
        assert states(outbox) == [OrderStatus.SUBMITTED, OrderStatus.ACKNOWLEDGED]
        (tracked,) = orders.all()
        assert tracked.is_due(monotonic_ns())

    asyncio.run(work())


def test_a_trade_with_a_fee_in_another_coin_is_reported_once_that_coins_price_is_known() -> None:
    async def work() -> None:
        order = Bench().order()
        filled = Seen(order.client_order_id, "7", OrderStatus.FILLED, Decimal(1))
        trade = SeenTrade(
            "t", "7", order.side, Decimal(100), Decimal(1), Decimal("0.01"), "BNB", False
        )
        prices: list[Decimal | Exception] = [OSError("away"), Decimal(600)]

        class Priced(Answers):
            async def trades(self, *_of: Any) -> list[SeenTrade]:
                return [trade]

            async def price_of(self, coin: str) -> Decimal:
                assert coin == "BNB"
                price = prices.pop(0)
                if isinstance(price, Exception):
                    raise price
                return price

        gateway: Any = Priced(filled, filled)
        outbox = Outbox(account="a", venue="binanceusdm", run=1)
        orders = OrderTracker(
            gateway, LiveSettings(), outbox, halted=lambda _: None, ended=lambda: None
        )
        tracked = orders.track(order)
        orders.heard_order(filled)
        orders.heard_trade(trade)
        assert tracked.is_due(monotonic_ns())
        await orders.look(tracked)
        assert order.client_order_id in orders
        await orders.look(tracked)
        told = [each for each in outbox.drain() if isinstance(each, TradeReport)]
        assert [(each.fee, each.fee_rate) for each in told] == [(Decimal("0.01"), Decimal(600))]
        assert order.client_order_id not in orders

    asyncio.run(work())


class Markets:
    """A client of a venue that lists some, and how often it was asked for a price."""

    def __init__(self, **markets: dict[str, bool]) -> None:
        self.exchange: Any = self
        self.settings = LiveSettings()
        self.markets = {name.replace("_", "/"): row for name, row in markets.items()}
        self.asked: list[str] = []

    async def load(self) -> None:
        """Nothing to load."""

    async def ask(self, asking: Any, _weight: float = 1.0) -> Any:
        return asking()

    def fetch_ticker(self, symbol: str) -> dict[str, float]:
        self.asked.append(symbol)
        return {"last": 612.3}


def test_a_coins_price_is_asked_for_once_in_ten_seconds_and_is_none_without_a_market() -> None:
    async def work() -> None:
        venue: Any = Markets(BNB_USDT={"active": True}, OLD_USDT={"active": False})
        prices = CoinPrices(venue)
        assert [await prices.of("BNB") for _ in range(2)] == [Decimal("612.3")] * 2
        assert venue.asked == ["BNB/USDT"]
        assert await prices.of("OLD") is None
        assert await prices.of("XYZ") is None

    asyncio.run(work())
