"""Orders on the simulated USD-M by ccxt as it is installed, against the truth of the account."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from schemas.clock import now_ns
from schemas.frame import NS_PER_S
from streams.simulator.exchange.derivatives import FUNDING_NS
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import (
    Channel,
    Double,
    Drop,
    ExpireSessions,
    Lose,
    LoseReply,
    Manner,
    Reject,
    SkewClock,
    Slow,
)
from streams.simulator.exchange.trading.conditional import Waiting
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.orders import Order, Status
from streams.simulator.exchange.trading.rejections import Reason
from tests.support.simulated import (
    KEY,
    START_NS,
    SmallMarket,
    ccxt_of,
    exchange_of,
    session_of,
    trader_of,
    until,
    wire_of,
)

VENUE = "binanceusdm"
BTC = "BTC/USDT:USDT"
ORDER = "/fapi/v1/order"


def _orders(exchange: SimulatedExchange, client_id: str) -> list[Order]:
    account = exchange.account(VENUE, KEY.name)
    return [order for order in account.orders.values() if order.client_id == client_id]


def test_a_market_order_takes_the_book_and_pays_the_takers_fee() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            asks = exchange.listing(VENUE, BTC).book.asks.top(3)
            want = Decimal(asks[0][1]) + Decimal(asks[1][1]) / 2
            want = want.quantize(Decimal("0.001"))
            order = await client.create_order(BTC, "market", "buy", float(want))
            assert (order["status"], order["filled"]) == ("closed", float(want))
            account = exchange.account(VENUE, KEY.name)
            first, second = account.fills
            assert (first.price, first.qty) == (Decimal(asks[0][0]), Decimal(asks[0][1]))
            assert (second.price, second.qty) == (Decimal(asks[1][0]), want - first.qty)
            cost = first.price * first.qty + second.price * second.qty
            assert order["cost"] == float(cost)
            balance = await client.fetch_balance()
            assert balance["USDT"]["total"] == pytest.approx(
                100_000 - float(cost) * 0.0005 + account_profit(exchange), abs=1e-7
            )
            trades = await client.fetch_my_trades(BTC)
            assert [trade["fee"]["cost"] for trade in trades] == [
                float(fill.price * fill.qty * Decimal("0.0005")) for fill in account.fills
            ]
            (position,) = await client.fetch_positions([BTC])
            assert position["contracts"] == float(want)
            assert position["side"] == "long"
            assert position["entryPrice"] == pytest.approx(float(cost / want), abs=1e-7)

    def account_profit(exchange: SimulatedExchange) -> float:
        listing = exchange.listing(VENUE, BTC)
        position = exchange.account(VENUE, KEY.name).position(listing)
        return float(position.unrealised(Decimal(listing.derivatives.mark_price or 0)))

    asyncio.run(scenario())


def test_a_resting_order_fills_as_the_maker_and_the_stream_tells_each_step() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            watching = asyncio.create_task(client.watch_orders(BTC))
            trades = asyncio.create_task(client.watch_my_trades(BTC))
            await until(exchange.venues[VENUE].hub.topics, "the user-data stream")
            await exchange.advance(1)
            best = exchange.listing(VENUE, BTC).book.bids.best()
            assert best is not None
            order = await client.create_order(
                BTC,
                "limit",
                "buy",
                0.4,
                float(best[0]),
                {"clientOrderId": "rest", "postOnly": True},
            )
            assert (order["status"], order["timeInForce"]) == ("open", "PO")
            assert [each["id"] for each in await client.fetch_open_orders(BTC)] == [order["id"]]
            while (await client.fetch_order(order["id"], BTC))["status"] == "open":
                await exchange.advance(1)
            await asyncio.gather(watching, trades)
            account = exchange.account(VENUE, KEY.name)
            assert all(fill.maker and fill.price == Decimal(best[0]) for fill in account.fills)
            await until(lambda: len(client.myTrades) == len(account.fills), "all fills")
            heard = client.orders.hashmap[BTC][order["id"]]
            assert (heard["clientOrderId"], heard["status"], heard["filled"]) == (
                "rest",
                "closed",
                0.4,
            )
            for told, fill in zip(client.myTrades, account.fills, strict=True):
                assert (told["id"], told["amount"]) == (str(fill.id), float(fill.qty))
                assert told["fee"]["cost"] == float(fill.qty * fill.price * Decimal("0.0002"))

    asyncio.run(scenario())


def test_positions_and_balances_are_streamed() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            positions = asyncio.create_task(client.watch_positions([BTC]))
            balances = asyncio.create_task(client.watch_balance())
            await until(exchange.venues[VENUE].hub.topics, "the user-data stream")
            await exchange.advance(1)
            await client.create_order(BTC, "market", "sell", 0.5)
            await positions
            account = exchange.account(VENUE, KEY.name)
            held = client.positions["linear"].hashmap
            await until(lambda: BTC in held, "the position")
            (position,) = held[BTC].values()
            assert (position["side"], position["contracts"]) == ("short", 0.5)
            await balances
            await until(
                lambda: client.balance["linear"]["USDT"]["total"] == float(account.wallet["USDT"]),
                "the balance",
            )

    asyncio.run(scenario())


def test_the_answer_to_a_limit_order_that_may_rest_is_from_before_it_met_the_market() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            through = await client.create_order(BTC, "limit", "buy", 0.2, 60_500)
            assert (through["status"], through["filled"], through["average"]) == ("open", 0, None)
            at_once = {"timeInForce": "IOC"}
            taken = await client.create_order(BTC, "limit", "buy", 0.2, 60_500, at_once)
            assert (taken["status"], taken["filled"]) == ("closed", 0.2)
            assert (await client.fetch_order(through["id"], BTC))["filled"] == 0.2

    asyncio.run(scenario())


@pytest.mark.parametrize("told", ["-1", "1e-1", "1e999999", "inf", "NaN", "\u0663", "1_000", ".5"])
@pytest.mark.parametrize("name", ["quantity", "price"])
def test_what_is_no_plain_number_is_refused(name: str, told: str) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
            order |= {"quantity": "0.1", "price": "58000"} | {name: told}
            with pytest.raises(ccxt.BadRequest, match="-1100"):
                await client.fapiPrivatePostOrder(order)
            assert not exchange.account(VENUE, KEY.name).orders

    asyncio.run(scenario())


@pytest.mark.parametrize("told", ["--5", "\u00b2", "1" * 5_000])
def test_what_is_no_order_id_is_refused(told: str) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            with pytest.raises(ccxt.BadRequest, match="-1100"):
                await client.fapiPrivateGetOrder({"symbol": "BTCUSDT", "orderId": told})

    asyncio.run(scenario())


def test_amend_cancel_and_batches() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            order = await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            edited = await client.edit_order(order["id"], BTC, "limit", "buy", 0.4, 58_100)
            assert (edited["id"], edited["price"], edited["amount"]) == (order["id"], 58_100, 0.4)
            await client.cancel_order(order["id"], BTC)
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(order["id"], BTC)
            rows = [
                {
                    "symbol": BTC,
                    "type": "limit",
                    "side": "buy",
                    "amount": 0.1,
                    "price": 57_000 + i,
                    "params": {"clientOrderId": f"row{i}"},
                }
                for i in range(3)
            ]
            made = await client.create_orders(rows)
            assert [each["clientOrderId"] for each in made] == ["row0", "row1", "row2"]
            await client.cancel_orders([made[0]["id"]], BTC)
            await client.cancel_orders([], BTC, {"clientOrderIds": ["row1"]})
            await client.cancel_all_orders(BTC)
            account = exchange.account(VENUE, KEY.name)
            assert {each.status for each in account.orders.values()} == {Status.CANCELLED}
            assert not await client.fetch_open_orders(BTC)
            assert len(await client.fetch_orders(BTC)) == 4

    asyncio.run(scenario())


def test_a_stop_waits_triggers_and_closes_the_position() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            await client.create_order(BTC, "market", "buy", 0.5)
            last = float(exchange.listing(VENUE, BTC).trades[-1].price)
            stop = await client.create_order(
                BTC,
                "market",
                "sell",
                0.5,
                None,
                {"stopLossPrice": last - 1, "reduceOnly": True, "clientOrderId": "stop"},
            )
            assert stop["status"] == "open"
            (waiting,) = await client.fetch_open_orders(BTC, params={"trigger": True})
            assert (waiting["id"], waiting["triggerPrice"]) == (stop["id"], last - 1)
            assert not await client.fetch_open_orders(BTC)
            account = exchange.account(VENUE, KEY.name)
            for _ in range(120):
                if not account.position(exchange.listing(VENUE, BTC)).qty:
                    break
                await exchange.advance(1)
            told = await client.fetch_order(None, BTC, {"trigger": True, "clientAlgoId": "stop"})
            (conditional,) = account.conditionals.values()
            assert conditional.status is Waiting.FINISHED
            assert told["info"]["algoStatus"] == "FINISHED"
            assert conditional.order is not None
            closing = await client.fetch_order(told["info"]["actualOrderId"], BTC)
            assert (closing["status"], closing["filled"]) == ("closed", 0.5)
            assert closing["clientOrderId"] == "stop"
            assert not await client.fetch_positions([BTC])

    asyncio.run(scenario())


def test_take_profit_and_stop_limit_and_cancel_of_all_that_wait() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            await client.create_order(BTC, "market", "buy", 0.5)
            take = await client.create_order(
                BTC, "limit", "sell", 0.5, 62_000, {"takeProfitPrice": 61_900, "reduceOnly": True}
            )
            stop = await client.create_order(
                BTC, "limit", "sell", 0.5, 57_900, {"stopLossPrice": 58_000, "reduceOnly": True}
            )
            waiting = await client.fetch_open_orders(BTC, params={"trigger": True})
            assert [each["info"]["orderType"] for each in waiting] == ["TAKE_PROFIT", "STOP"]
            await client.cancel_order(take["id"], BTC, {"trigger": True})
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(take["id"], BTC, {"trigger": True})
            await client.cancel_all_orders(BTC, {"trigger": True})
            account = exchange.account(VENUE, KEY.name)
            assert {each.status for each in account.conditionals.values()} == {Waiting.CANCELLED}
            assert stop["id"] != take["id"]
            with pytest.raises(ccxt.OrderImmediatelyFillable):
                await client.create_order(
                    BTC, "market", "sell", 0.5, None, {"stopLossPrice": 65_000}
                )

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("order", "error", "code"),
    [
        (("limit", "buy", 30, 60_000), None, None),
        (("limit", "buy", 50, 60_000), ccxt.InsufficientFunds, -2019),
        (("market", "buy", 50), ccxt.InsufficientFunds, -2019),
        (("limit", "buy", 3_000, 60_000), ccxt.OperationRejected, -2027),
        (("limit", "buy", 0.00005, 60_000), ccxt.InvalidOrder, None),
        (("limit", "buy", 0.001, 200), ccxt.BadRequest, -4024),
        (("limit", "sell", 0.001, 90_000), ccxt.BadRequest, -4016),
        (("market", "sell", 0.5, None, {"reduceOnly": True}), ccxt.InvalidOrder, -2022),
        (("limit", "buy", 0.5, 60_500, {"postOnly": True}), ccxt.InvalidOrder, -5022),
        (("limit", "buy", 0.5, 59_000, {"timeInForce": "FOK"}), ccxt.InvalidOrder, -5021),
        (("limit", "buy", 0.5, 59_000, {"clientOrderId": "taken"}), ccxt.InvalidOrder, -4116),
        (("limit", "buy", 0.5, 59_000, {"clientOrderId": "no good"}), ccxt.BadRequest, -4015),
        (("limit", "buy", 0.5, 59_000, {"hedged": True}), ccxt.ExchangeError, -4061),
        (("limit", "buy", 0.5, 59_000, {"priceMatch": "QUEUE"}), ccxt.BadRequest, -1130),
        (("limit", "buy", 0.5, 59_000, {"timeInForce": "GTD"}), ccxt.BadRequest, -1115),
        (("market", "buy", 0.5, None, {"timeInForce": "GTC"}), ccxt.BadRequest, -1106),
    ],
)
def test_orders_that_cannot_be_are_refused_as_the_venue_refuses_them(
    order: tuple[Any, ...], error: type[Exception] | None, code: int | None
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await client.create_order(BTC, "limit", "buy", 0.1, 58_000, {"clientOrderId": "taken"})
            account = exchange.account(VENUE, KEY.name)
            if error is None:
                await client.create_order(BTC, *order)
                assert len(account.orders) == 2
                return
            with pytest.raises(error) as refused:
                await client.create_order(BTC, *order)
            assert code is None or f'"code":{code},' in str(refused.value)
            assert len(account.orders) == 1
            assert account.wallet == {"USDT": Decimal(100_000)}

    asyncio.run(scenario())


LOST = {
    Manner.CUT: ccxt.ExchangeNotAvailable,
    Manner.HANG: ccxt.RequestTimeout,
    Manner.UNKNOWN: ccxt.RequestTimeout,
    Manner.BAD_GATEWAY: ccxt.ExchangeNotAvailable,
}
"""What ccxt makes of each: none of it is a refusal. An answer cut short is an order without id."""


@pytest.mark.parametrize("manner", list(Manner))
def test_an_order_whose_reply_is_lost_is_there_and_is_found_by_its_client_id(
    manner: Manner,
) -> None:
    async def scenario() -> None:
        async with (
            exchange_of(VENUE) as exchange,
            trader_of(exchange, VENUE, timeout=1_500) as client,
        ):
            fault = LoseReply(venue=VENUE, path=ORDER, method="POST", count=1, manner=manner)
            exchange.faults.inflict(fault)
            wanted = (BTC, "limit", "buy", 0.5, 58_000, {"clientOrderId": "lost"})
            if manner is Manner.TRUNCATE:
                assert (await client.create_order(*wanted))["id"] is None
            else:
                with pytest.raises(LOST[manner]):
                    await client.create_order(*wanted)
            (order,) = _orders(exchange, "lost")
            found = await client.fetch_order(None, BTC, {"clientOrderId": "lost"})
            assert (found["id"], found["status"]) == (str(order.id), "open")
            with pytest.raises(ccxt.InvalidOrder, match="-4116"):
                await client.create_order(*wanted)
            assert len(_orders(exchange, "lost")) == 1

    asyncio.run(scenario())


def test_a_conditional_order_and_a_cancel_whose_replies_are_lost_have_happened() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:

            def lose(method: str, path: str) -> None:
                fault = LoseReply(venue=VENUE, path=path, method=method, count=1)
                exchange.faults.inflict(fault)

            lose("POST", "/fapi/v1/algoOrder")
            stop = {"stopLossPrice": 55_000, "clientOrderId": "stop"}
            with pytest.raises(ccxt.ExchangeNotAvailable):
                await client.create_order(BTC, "market", "sell", 0.5, None, stop)
            asked = {"trigger": True, "clientAlgoId": "stop"}
            assert (await client.fetch_order(None, BTC, asked))["status"] == "open"
            with pytest.raises(ccxt.InvalidOrder, match="-4116"):
                await client.create_order(BTC, "market", "sell", 0.5, None, stop)
            # aiohttp sends a DELETE again by itself when a connection it kept is cut: the first one
            # cancelled, the second finds nothing.
            lose("DELETE", "/fapi/v1/algoOrder")
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(None, BTC, asked)
            assert (await client.fetch_order(None, BTC, asked))["status"] == "canceled"
            order = await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            lose("DELETE", ORDER)
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(order["id"], BTC)
            assert (await client.fetch_order(order["id"], BTC))["status"] == "canceled"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (Reason.INSUFFICIENT_FUNDS, ccxt.InsufficientFunds),
        (Reason.DUPLICATE_CLIENT_ID, ccxt.InvalidOrder),
        (Reason.MIN_NOTIONAL, ccxt.InvalidOrder),
        (Reason.PRICE_TICK, ccxt.BadRequest),
        (Reason.QTY_STEP, ccxt.BadRequest),
        (Reason.POST_ONLY, ccxt.OrderNotFillable),
        (Reason.REDUCE_ONLY, ccxt.InvalidOrder),
        (Reason.TOO_MANY_ORDERS, ccxt.OperationRejected),
        (Reason.TIMESTAMP, ccxt.InvalidNonce),
        (Reason.SIGNATURE, ccxt.AuthenticationError),
        (Reason.AUTH, ccxt.AuthenticationError),
        (Reason.OVERLOADED, ccxt.OperationFailed),
        (Reason.UNKNOWN_STATE, ccxt.RequestTimeout),
    ],
)
def test_a_rejection_on_command_is_the_class_that_ccxt_knows_and_does_nothing(
    reason: Reason, error: type[Exception]
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            exchange.faults.inflict(Reject(reason=reason, path=ORDER, method="POST", count=1))
            with pytest.raises(error):
                await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            assert not exchange.account(VENUE, KEY.name).orders
            await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            assert len(exchange.account(VENUE, KEY.name).orders) == 1

    asyncio.run(scenario())


def test_a_slow_reply_comes_after_the_order_has_been_told_of() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            exchange.faults.inflict(Slow(delay_s=0.3, path=ORDER, method="POST", count=1))
            placing = asyncio.create_task(client.create_order(BTC, "limit", "buy", 0.5, 58_000))
            assert (await placing)["status"] == "open"

    asyncio.run(scenario())


def test_user_data_events_are_doubled_dropped_and_cut_on_command() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            key = (await client.fapiPrivatePostListenKey())["listenKey"]
            url = f"wss://fstream.binance.com/private/ws?listenKey={key}"
            async with wire_of(exchange, url) as wire:
                await until(exchange.venues[VENUE].hub.topics, "the stream")
                exchange.faults.inflict(Double(channel=Channel.ORDERS))
                await client.create_order(BTC, "limit", "buy", 0.1, 58_000)
                await until(lambda: len(wire.heard) == 2, "the doubled event")
                assert wire.heard[0] == wire.heard[1]
                exchange.faults.inflict(Lose(channel=Channel.ORDERS))
                await client.create_order(BTC, "limit", "buy", 0.1, 58_001)
                await client.create_order(BTC, "limit", "buy", 0.1, 58_002)
                await until(lambda: len(wire.heard) == 3, "the third order's event")
                assert wire.heard[2]["o"]["p"] == "58002"
                exchange.faults.inflict(Drop(venue=VENUE, path="/private"))
                await until(lambda: wire.over, "the cut")
            async with wire_of(exchange, url) as wire:
                await until(exchange.venues[VENUE].hub.topics, "the stream")
                assert exchange.faults.inflict(ExpireSessions(venue=VENUE)) == 1
                await until(lambda: wire.heard, "the end of the key")
                assert (wire.heard[0]["e"], wire.heard[0]["listenKey"]) == (
                    "listenKeyExpired",
                    key,
                )
                with pytest.raises(ccxt.ExchangeError, match="-1125"):
                    await client.fapiPrivatePutListenKey()

    asyncio.run(scenario())


def test_keys_signatures_and_rights_are_checked() -> None:
    async def scenario() -> None:
        reader = ApiKey(name="reader", key="r" * 64, secret="z" * 64, trade=False)
        async with (
            exchange_of(VENUE) as exchange,
            trader_of(exchange, VENUE) as client,
            ccxt_of(exchange, VENUE, apiKey="unknown", secret="x") as stranger,
            ccxt_of(exchange, VENUE, apiKey=KEY.key, secret="wrong") as forger,
        ):
            exchange.open_accounts(reader)
            with pytest.raises(ccxt.AuthenticationError, match="-2015"):
                await stranger.fapiPrivateV3GetBalance()
            with pytest.raises(ccxt.AuthenticationError, match="-1022"):
                await forger.fapiPrivateV3GetBalance()
            async with trader_of(exchange, VENUE, reader) as watcher:
                assert (await watcher.fetch_balance())["USDT"]["total"] == 100_000
                with pytest.raises(ccxt.ExchangeError, match="-2015"):
                    await watcher.create_order(BTC, "limit", "buy", 0.5, 58_000)
            async with session_of(exchange) as session:
                url = "https://fapi.binance.com/fapi/v3/balance"
                answer = await session.get(url, headers={"X-MBX-APIKEY": KEY.key})
                assert (answer.status, (await answer.json())["code"]) == (400, -1102)
                answer = await session.get(url)
                assert (answer.status, (await answer.json())["code"]) == (401, -2014)
            assert client.apiKey == KEY.key

    asyncio.run(scenario())


def test_times_are_judged_where_the_market_keeps_pace() -> None:
    async def scenario() -> None:
        exchange = SimulatedExchange(speed=1.0)
        exchange.add(VENUE, SmallMarket(BTC, start_ns=now_ns()))
        async with exchange, trader_of(exchange, VENUE) as client:
            await client.fetch_balance()
            for skew_ms in (-20_000, 20_000):
                exchange.faults.inflict(SkewClock(ms=skew_ms))
                with pytest.raises(ccxt.InvalidNonce, match="-1021"):
                    await client.fetch_balance()
            exchange.faults.inflict(SkewClock(ms=20_000))
            client.options["recvWindow"] = 30_000
            await client.fetch_balance()
            client.options["recvWindow"] = 90_000
            with pytest.raises(ccxt.ExchangeError, match="-1131"):
                await client.fetch_balance()

    asyncio.run(scenario())


def test_leverage_margin_mode_and_hedge_mode() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            assert int((await client.set_leverage(5, BTC))["leverage"]) == 5
            assert (await client.fetch_leverage(BTC))["longLeverage"] == 5
            await client.set_margin_mode("isolated", BTC)
            with pytest.raises(ccxt.MarginModeAlreadySet):
                await client.fapiPrivatePostMarginType(
                    {"symbol": "BTCUSDT", "marginType": "ISOLATED"}
                )
            with pytest.raises(ccxt.ExchangeError, match="-4059"):
                await client.fapiPrivatePostPositionSideDual({"dualSidePosition": "false"})
            with pytest.raises(ccxt.ExchangeError, match="-4084"):
                await client.set_position_mode(hedged=True)
            assert (await client.fetch_position_mode())["hedged"] is False
            await exchange.advance(1)
            await client.create_order(BTC, "market", "buy", 0.5)
            with pytest.raises(ccxt.ExchangeError, match="-4048"):
                await client.set_margin_mode("cross", BTC)
            (position,) = await client.fetch_positions([BTC])
            assert position["marginMode"] == "isolated"
            margin = float(exchange.account(VENUE, KEY.name).fills[0].price) * 0.5 / 5
            assert position["collateral"] == pytest.approx(margin, rel=0.01)
            tiers = await client.fetch_leverage_tiers([BTC])
            assert tiers[BTC][0]["maxLeverage"] == 125

    asyncio.run(scenario())


def test_the_countdown_cancels_and_is_stopped() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            order = await client.create_order(BTC, "limit", "buy", 0.1, 58_000)

            async def wind(ms: int) -> None:
                asked = {"symbol": "BTCUSDT", "countdownTime": ms}
                answer = await client.fapiPrivatePostCountdownCancelAll(asked)
                assert answer == {"symbol": "BTCUSDT", "countdownTime": str(ms)}

            await wind(5_000)
            await exchange.advance(4)
            await wind(0)
            await exchange.advance(4)
            assert (await client.fetch_order(order["id"], BTC))["status"] == "open"
            await wind(5_000)
            await exchange.advance(5.2)
            assert (await client.fetch_order(order["id"], BTC))["status"] == "canceled"

    asyncio.run(scenario())


def test_funding_is_an_income_and_a_liquidation_is_told_of() -> None:
    async def scenario() -> None:
        exchange = SimulatedExchange(speed=None)
        start_ns = START_NS // FUNDING_NS * FUNDING_NS + FUNDING_NS - 2 * NS_PER_S
        exchange.add(VENUE, SmallMarket(BTC, start_ns=start_ns))
        poor = ApiKey(name="desk", key="k" * 64, secret="s" * 64, balances={"USDT": Decimal(430)})
        async with exchange, trader_of(exchange, VENUE, poor) as client:
            await client.set_leverage(100, BTC)
            await client.create_order(BTC, "market", "buy", 0.5)
            watching = asyncio.create_task(client.watch_orders(BTC))
            await until(exchange.venues[VENUE].hub.topics, "the user-data stream")
            account = exchange.account(VENUE, "desk")
            position = account.position(exchange.listing(VENUE, BTC))
            await exchange.advance(3)
            (income,) = await client.fetch_funding_history(BTC)
            assert income["timestamp"] == (start_ns + 2 * NS_PER_S) // 10**6
            assert income["amount"] == pytest.approx(-0.5 * 60_000 * 0.00012, rel=0.01)
            # What is left is less than a position must keep: 0.4% of its value.
            account.add_money("USDT", Decimal(-300))
            await exchange.advance(0.2)
            assert not position.qty
            await watching
            forced = list(account.orders.values())[-1]
            heard = client.orders.hashmap[BTC]
            await until(lambda: str(forced.id) in heard, "the forced order")
            await until(lambda: heard[str(forced.id)]["status"] == "closed", "its end")
            told = heard[str(forced.id)]
            assert told["clientOrderId"].startswith("autoclose-")
            assert told["info"]["x"] == "CALCULATED"

    asyncio.run(scenario())
