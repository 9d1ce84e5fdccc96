"""Orders on the simulated Binance spot by ccxt as it is installed, against the account's truth."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import ExpireSessions, LoseReply, Manner, Reject
from streams.simulator.exchange.trading.conditional import Waiting
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.orders import Order, Status
from streams.simulator.exchange.trading.rejections import Reason
from tests.support.simulated import KEY, ccxt_of, exchange_of, trader_of, until

VENUE = "binance"
BTC = "BTC/USDT"
ORDER = "/api/v3/order"


def _orders(exchange: SimulatedExchange, client_id: str) -> list[Order]:
    account = exchange.account(VENUE, KEY.name)
    return [order for order in account.orders.values() if order.client_id == client_id]


def test_market_orders_by_quantity_and_by_cost_pay_out_of_what_is_received() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            bought = await client.create_order(BTC, "market", "buy", 0.5)
            account = exchange.account(VENUE, KEY.name)
            assert (bought["status"], bought["filled"]) == ("closed", 0.5)
            assert [trade["id"] for trade in bought["trades"]] == [
                str(fill.id) for fill in account.fills
            ]
            assert bought["fee"] == {"currency": "BTC", "cost": 0.0005}
            spent = await client.create_market_buy_order_with_cost(BTC, 601)
            assert 540 < spent["cost"] <= 601
            sold = await client.create_order(BTC, "market", "sell", 0.4)
            assert sold["fee"]["currency"] == "USDT"
            balance = await client.fetch_balance()
            for asset, held in account.wallet.items():
                assert balance[asset]["total"] == pytest.approx(float(held), abs=1e-8)
            trades = await client.fetch_my_trades(BTC)
            assert [trade["id"] for trade in trades] == [str(fill.id) for fill in account.fills]
            fee = (await client.fetch_trading_fee(BTC))["taker"]
            assert fee == 0.001

    asyncio.run(scenario())


def test_a_resting_order_locks_is_streamed_and_is_replaced() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            watching = [
                asyncio.create_task(client.watch_orders(BTC)),
                asyncio.create_task(client.watch_balance()),
            ]
            hub = exchange.venues[VENUE].hub
            await until(lambda: "userData:desk" in hub.topics(), "the user-data stream")
            made = await client.create_order(
                BTC, "limit", "buy", 0.5, 58_000, {"clientOrderId": "rest", "postOnly": True}
            )
            await asyncio.gather(*watching)
            heard = client.orders.hashmap[BTC]
            assert (heard[made["id"]]["status"], heard[made["id"]]["postOnly"]) == ("open", True)
            await until(lambda: client.balance["spot"]["USDT"]["used"] == 29_000, "the lock")
            edited = await client.edit_order(made["id"], BTC, "limit", "buy", 0.4, 58_100)
            assert edited["id"] != made["id"]
            await until(lambda: heard[made["id"]]["status"] == "canceled", "the cancel")
            assert heard[made["id"]]["clientOrderId"] == "rest"
            (order,) = await client.fetch_open_orders(BTC)
            assert (order["id"], order["price"]) == (edited["id"], 58_100)
            await client.cancel_order(edited["id"], BTC)
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(edited["id"], BTC)
            with pytest.raises(ccxt.BadResponse, match="-2022"):
                await client.edit_order(edited["id"], BTC, "limit", "buy", 0.3, 58_000)
            account = exchange.account(VENUE, KEY.name)
            assert [each.status for each in account.orders.values()] == [Status.CANCELLED] * 2
            await until(lambda: client.balance["spot"]["USDT"]["used"] == 0, "the end of the lock")

    asyncio.run(scenario())


def test_fills_are_streamed_and_the_end_of_a_session_is_said() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            watching = asyncio.create_task(client.watch_my_trades(BTC))
            hub = exchange.venues[VENUE].hub
            await until(lambda: "userData:desk" in hub.topics(), "the user-data stream")
            await client.create_order(BTC, "market", "buy", 0.5)
            (told,) = await watching
            (fill,) = exchange.account(VENUE, KEY.name).fills
            assert (told["id"], told["price"], told["fee"]["cost"]) == (
                str(fill.id),
                float(fill.price),
                float(fill.fee),
            )
            assert exchange.faults.inflict(ExpireSessions(venue=VENUE)) == 1
            assert "userData:desk" not in hub.topics()

    asyncio.run(scenario())


def test_a_stop_limit_order_is_the_same_order_when_it_triggers() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            await client.create_order(BTC, "market", "buy", 0.5)
            last = float(exchange.listing(VENUE, BTC).trades[-1].price)
            stop = await client.create_order(
                BTC, "market", "sell", 0.3, None, {"stopLossPrice": last - 1}
            )
            take = await client.create_order(
                BTC, "limit", "sell", 0.1, last + 4_000, {"takeProfitPrice": last + 3_900}
            )
            waiting = await client.fetch_open_orders(BTC)
            assert [each["id"] for each in waiting] == [stop["id"], take["id"]]
            assert waiting[0]["triggerPrice"] == last - 1
            await client.cancel_order(take["id"], BTC)
            account = exchange.account(VENUE, KEY.name)
            first, second = account.conditionals.values()
            for _ in range(120):
                if not first.open:
                    break
                await exchange.advance(1)
            assert (first.status, second.status) == (Waiting.FINISHED, Waiting.CANCELLED)
            order = await client.fetch_order(stop["id"], BTC)
            assert (order["status"], order["filled"]) == ("closed", 0.3)
            statuses = sorted(each["status"] for each in await client.fetch_orders(BTC))
            assert statuses == ["canceled", "closed", "closed"]
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_all_orders(BTC)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("order", "error", "text"),
    [
        (("limit", "buy", 5, 58_000), ccxt.InsufficientFunds, "insufficient balance"),
        (("limit", "sell", 1, 62_000), ccxt.InsufficientFunds, "insufficient balance"),
        (("limit", "buy", 0.5, 200), ccxt.InvalidOrder, "PERCENT_PRICE"),
        (("limit", "buy", 0.5, 61_000, {"postOnly": True}), ccxt.InvalidOrder, "match and take"),
        (("limit", "buy", 0.5, 59_000, {"clientOrderId": "taken"}), ccxt.InvalidOrder, "Dupl"),
        (("market", "buy", 0.5, None, {"timeInForce": "GTC"}), ccxt.BadRequest, "-1106"),
        (("limit", "buy", 0.5, 59_000, {"quantity": "5e-1"}), ccxt.BadRequest, "-1100"),
    ],
)
def test_orders_that_cannot_be_are_refused_as_the_venue_refuses_them(
    order: tuple[Any, ...], error: type[Exception], text: str
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await client.create_order(BTC, "limit", "buy", 0.1, 58_000, {"clientOrderId": "taken"})
            with pytest.raises(error, match=text):
                await client.create_order(BTC, *order)
            account = exchange.account(VENUE, KEY.name)
            assert len(account.orders) == 1
            assert account.wallet == {"USDT": Decimal(100_000)}

    asyncio.run(scenario())


def test_a_fill_or_kill_order_without_enough_expires() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            order = await client.create_order(
                BTC, "limit", "buy", 0.5, 59_000, {"timeInForce": "FOK"}
            )
            assert (order["status"], order["filled"]) == ("expired", 0)

    asyncio.run(scenario())


@pytest.mark.parametrize("manner", [Manner.CUT, Manner.UNKNOWN, Manner.BAD_GATEWAY])
def test_an_order_whose_reply_is_lost_is_there_and_is_found_by_its_client_id(
    manner: Manner,
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            exchange.faults.inflict(LoseReply(path=ORDER, method="POST", count=1, manner=manner))
            wanted = (BTC, "limit", "buy", 0.5, 58_000, {"clientOrderId": "lost"})
            with pytest.raises(ccxt.NetworkError):
                await client.create_order(*wanted)
            (order,) = _orders(exchange, "lost")
            found = await client.fetch_order(None, BTC, {"origClientOrderId": "lost"})
            assert (found["id"], found["status"]) == (str(order.id), "open")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (Reason.INSUFFICIENT_FUNDS, ccxt.InsufficientFunds),
        (Reason.PRICE_TICK, ccxt.InvalidOrder),
        (Reason.QTY_STEP, ccxt.InvalidOrder),
        (Reason.MIN_NOTIONAL, ccxt.BadRequest),
        (Reason.POST_ONLY, ccxt.OrderImmediatelyFillable),
        (Reason.TIMESTAMP, ccxt.InvalidNonce),
        (Reason.UNKNOWN_STATE, ccxt.RequestTimeout),
    ],
)
def test_a_rejection_on_command_is_the_class_that_ccxt_knows(
    reason: Reason, error: type[Exception]
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            exchange.faults.inflict(Reject(reason=reason, path=ORDER, method="POST", count=1))
            with pytest.raises(error):
                await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            assert not exchange.account(VENUE, KEY.name).orders

    asyncio.run(scenario())


def test_what_a_key_may_do_is_told_and_a_forged_stream_is_refused() -> None:
    async def scenario() -> None:
        rich = ApiKey(name="rich", key="r" * 64, secret="z" * 64, withdraw=True)
        async with (
            exchange_of(VENUE) as exchange,
            trader_of(exchange, VENUE) as client,
            ccxt_of(exchange, VENUE, apiKey=KEY.key, secret="wrong") as forger,
        ):
            exchange.open_accounts(rich)
            rights = await client.sapi_get_account_apirestrictions()
            assert rights["enableWithdrawals"] is False
            async with trader_of(exchange, VENUE, rich) as other:
                rights = await other.sapi_get_account_apirestrictions()
                assert rights["enableWithdrawals"] is True
            with pytest.raises(ccxt.ExchangeError, match="-1022"):
                await forger.watch_balance()

    asyncio.run(scenario())


def test_a_stop_that_waits_locks_the_coins_that_it_would_sell() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            await client.create_order(BTC, "market", "buy", 0.5)
            last = float(exchange.listing(VENUE, BTC).trades[-1].price)
            stop = await client.create_order(
                BTC, "market", "sell", 0.4, None, {"stopLossPrice": last - 3_000}
            )
            balance = await client.fetch_balance()
            assert (balance["BTC"]["used"], balance["BTC"]["total"]) == (0.4, 0.4995)
            with pytest.raises(ccxt.InsufficientFunds):
                await client.create_order(BTC, "market", "sell", 0.1)
            with pytest.raises(ccxt.InsufficientFunds):
                await client.create_order(
                    BTC, "market", "sell", 0.1, None, {"stopLossPrice": last - 3_000}
                )
            await client.create_order(BTC, "market", "sell", 0.099)
            await client.cancel_order(stop["id"], BTC)
            sold = await client.create_order(BTC, "market", "sell", 0.4)
            assert sold["filled"] == 0.4

    asyncio.run(scenario())
