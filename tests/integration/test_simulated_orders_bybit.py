"""Orders on the simulated Bybit by ccxt as it is installed, against the truth of the account."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from schemas.frame import Side
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import Channel, Double, Drop, LoseReply, Manner, Reject
from streams.simulator.exchange.trading.conditional import Waiting
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.orders import Order, Status
from streams.simulator.exchange.trading.rejections import Reason
from tests.support.simulated import KEY, SmallMarket, ccxt_of, exchange_of, trader_of, until

VENUE = "bybit"
BTC = "BTC/USDT:USDT"
CREATE = "/v5/order/create"
SURE = {"acknowledged": True}


def _orders(exchange: SimulatedExchange, client_id: str) -> list[Order]:
    account = exchange.account(VENUE, KEY.name)
    return [order for order in account.orders.values() if order.client_id == client_id]


def test_a_market_order_answers_with_ids_and_is_queried_with_its_fills() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            made = await client.create_order(
                BTC, "market", "buy", 0.5, None, {"clientOrderId": "first"}
            )
            assert (made["clientOrderId"], made["status"], made["filled"]) == ("first", None, None)
            order = await client.fetch_order(made["id"], BTC, SURE)
            assert (order["status"], order["filled"]) == ("closed", 0.5)
            account = exchange.account(VENUE, KEY.name)
            cost = sum((fill.qty * fill.price for fill in account.fills), Decimal(0))
            assert order["cost"] == float(cost)
            assert order["fee"] == {
                "cost": float(cost * Decimal("0.00055")),
                "currency": "USDT",
            }
            trades = await client.fetch_my_trades(BTC)
            assert sorted((t["amount"], t["price"]) for t in trades) == sorted(
                (float(fill.qty), float(fill.price)) for fill in account.fills
            )
            balance = await client.fetch_balance()
            assert balance["USDT"]["total"] == float(account.wallet["USDT"])
            (position,) = await client.fetch_positions([BTC])
            assert (position["side"], position["contracts"]) == ("long", 0.5)
            by_link = await client.private_get_v5_order_realtime(
                {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "first"}
            )
            assert by_link["result"]["list"][0]["orderId"] == made["id"]

    asyncio.run(scenario())


def test_orders_fills_positions_and_the_wallet_are_streamed() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            watching = [
                asyncio.create_task(client.watch_orders(BTC)),
                asyncio.create_task(client.watch_my_trades(BTC)),
                asyncio.create_task(client.watch_positions([BTC])),
                asyncio.create_task(client.watch_balance()),
            ]
            hub = exchange.venues[VENUE].hub
            wanted = {f"private:desk:{name}" for name in ("order", "execution", "wallet")}
            await until(lambda: wanted <= set(hub.topics()), "the private stream")
            await exchange.advance(1)
            best = exchange.listing(VENUE, BTC).book.asks.best()
            assert best is not None
            made = await client.create_order(BTC, "limit", "sell", 0.4, float(best[0]))
            account = exchange.account(VENUE, KEY.name)
            (order,) = account.orders.values()
            for _ in range(200):
                if not order.open:
                    break
                await exchange.advance(1)
            await asyncio.gather(*watching)
            assert order.status is Status.FILLED
            await until(lambda: len(client.myTrades) == len(account.fills), "all fills")
            await until(
                lambda: client.orders.hashmap[BTC][made["id"]]["status"] == "closed", "the end"
            )
            for told, fill in zip(client.myTrades, account.fills, strict=True):
                assert told["takerOrMaker"] == "maker"
                assert told["fee"]["cost"] == float(fill.qty * fill.price * Decimal("0.0002"))
            total = float(account.wallet["USDT"])
            listing = exchange.listing(VENUE, BTC)
            mark = Decimal(listing.derivatives.mark_price or 0)
            total += float(account.position(listing).unrealised(mark))
            await until(
                lambda: abs(client.balance["unified"]["USDT"]["total"] - total) < 50, "the wallet"
            )

    asyncio.run(scenario())


def test_amend_cancel_and_batches() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            made = await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            await client.edit_order(made["id"], BTC, "limit", "buy", 0.4, 58_100)
            (order,) = await client.fetch_open_orders(BTC)
            assert (order["price"], order["amount"]) == (58_100, 0.4)
            with pytest.raises(ccxt.BadRequest, match="not modified"):
                await client.edit_order(made["id"], BTC, "limit", "buy", 0.4, 58_100)
            await client.cancel_order(made["id"], BTC)
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(made["id"], BTC)
            rows = [
                {
                    "symbol": BTC,
                    "type": "limit",
                    "side": "buy",
                    "amount": amount,
                    "price": 57_000,
                    "params": {"clientOrderId": f"row{i}"},
                }
                for i, amount in enumerate((0.1, 0.2, 5_000))
            ]
            batch = await client.create_orders(rows)
            assert [each["status"] for each in batch] == [None, None, "rejected"]
            await client.cancel_orders([batch[0]["id"]], BTC)
            cancelled = await client.cancel_all_orders(BTC)
            assert [each["id"] for each in cancelled] == [batch[1]["id"]]
            account = exchange.account(VENUE, KEY.name)
            assert {each.status for each in account.orders.values()} == {Status.CANCELLED}
            closed = await client.fetch_canceled_orders(BTC)
            assert len(closed) == 3

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "extra", "why"),
    [
        ("amend", {"price": "58100", "stopLoss": "57000"}, "stopLoss of an amendment"),
        ("amend", {"price": "58100", "symbol": ""}, "Not supported symbols"),
        ("cancel", {"symbol": ""}, "Not supported symbols"),
        ("create", {"stopLoss": "57000", "slOrderType": "Limit"}, "slOrderType"),
    ],
)
def test_what_would_be_left_out_of_a_request_is_refused(
    path: str, extra: dict[str, str], why: str
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            made = await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            asked = {"category": "linear", "symbol": "BTCUSDT"}
            if path == "create":
                asked |= {"side": "Buy", "orderType": "Limit", "qty": "0.5", "price": "58000"}
            else:
                asked |= {"orderId": made["id"]}
            with pytest.raises(ccxt.BadRequest, match=why):
                await getattr(client, f"private_post_v5_order_{path}")(asked | extra)
            (order,) = exchange.account(VENUE, KEY.name).orders.values()
            assert (order.open, order.price) == (True, Decimal(58_000))

    asyncio.run(scenario())


def test_a_conditional_order_is_amended_while_it_waits() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            await client.create_order(BTC, "market", "buy", 0.5)
            last = float(exchange.listing(VENUE, BTC).trades[-1].price)
            params = {"stopLossPrice": last - 100}
            stop = await client.create_order(BTC, "market", "sell", 0.5, None, params)

            async def amend(qty: float, trigger: float) -> None:
                told = {"triggerPrice": str(trigger)}
                await client.edit_order(stop["id"], BTC, "limit", "sell", qty, None, told)

            await amend(0.4, last - 90)
            (waits,) = await client.fetch_open_orders(BTC, params={"trigger": True})
            assert (waits["id"], waits["amount"]) == (stop["id"], 0.4)
            assert waits["triggerPrice"] == pytest.approx(last - 90)
            with pytest.raises(ccxt.BadRequest, match="not modified"):
                await amend(0.4, last - 90)
            with pytest.raises(ccxt.ExchangeError):
                await amend(0.4, last + 50)  # it would trigger at once
            (waits,) = await client.fetch_open_orders(BTC, params={"trigger": True})
            assert waits["triggerPrice"] == pytest.approx(last - 90)

    asyncio.run(scenario())


def test_a_conditional_order_keeps_its_id_when_it_triggers() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            await client.create_order(BTC, "market", "buy", 0.5)
            last = float(exchange.listing(VENUE, BTC).trades[-1].price)
            stop = await client.create_order(
                BTC, "market", "sell", 0.5, None, {"stopLossPrice": last - 1}
            )
            take = await client.create_order(
                BTC, "limit", "sell", 0.5, last + 4_000, {"takeProfitPrice": last + 3_900}
            )
            waiting = await client.fetch_open_orders(BTC, params={"trigger": True})
            assert {each["id"] for each in waiting} == {stop["id"], take["id"]}
            assert {each["info"]["orderStatus"] for each in waiting} == {"Untriggered"}
            await client.cancel_order(take["id"], BTC)
            account = exchange.account(VENUE, KEY.name)
            for _ in range(120):
                if not account.position(exchange.listing(VENUE, BTC)).qty:
                    break
                await exchange.advance(1)
            first, second = account.conditionals.values()
            assert (first.status, second.status) == (Waiting.FINISHED, Waiting.CANCELLED)
            order = await client.fetch_order(stop["id"], BTC, SURE)
            assert (order["status"], order["filled"]) == ("closed", 0.5)
            assert not (await client.fetch_positions([BTC]))[0]["contracts"]
            with pytest.raises(ccxt.InvalidOrder, match="110093"):
                await client.create_order(
                    BTC, "market", "sell", 0.5, None, {"stopLossPrice": last + 2_000}
                )

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("order", "error", "code"),
    [
        (("limit", "buy", 50, 60_000), ccxt.InsufficientFunds, 110007),
        (("limit", "buy", 0.001, 200), ccxt.InvalidOrder, 110003),
        (("market", "sell", 0.5, None, {"reduceOnly": True}), ccxt.InvalidOrder, 110017),
        (("limit", "buy", 0.5, 59_000, {"clientOrderId": "taken"}), ccxt.InvalidOrder, 110072),
        (("limit", "buy", 0.5, 59_000, {"clientOrderId": "no good"}), ccxt.BadRequest, 10001),
        (("limit", "buy", 0.5, 59_000, {"hedged": True}), ccxt.BadRequest, 10001),
        (("limit", "buy", 0.5, 59_000, {"stopLoss": 59_100}), ccxt.BadRequest, 10001),
        (("limit", "sell", 0.5, 61_000, {"takeProfit": 61_100}), ccxt.BadRequest, 10001),
    ],
)
def test_orders_that_cannot_be_are_refused_as_the_venue_refuses_them(
    order: tuple[Any, ...], error: type[Exception], code: int
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            made = await client.create_order(
                BTC, "limit", "buy", 0.1, 58_000, {"clientOrderId": "taken"}
            )
            # A client id is taken for ever here.
            await client.cancel_order(made["id"], BTC)
            with pytest.raises(error, match=f'"retCode":{code},'):
                await client.create_order(BTC, *order)
            account = exchange.account(VENUE, KEY.name)
            assert len(account.orders) == 1
            assert account.wallet == {"USDT": Decimal(100_000)}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"postOnly": True}, "EC_PostOnlyWillTakeLiquidity"),
        ({"timeInForce": "FOK"}, "EC_CancelForNoFullFill"),
        ({"timeInForce": "IOC"}, "EC_NoImmediateQtyToFill"),
    ],
)
def test_an_order_that_lapses_is_accepted_and_ends_at_once(
    params: dict[str, Any], why: str
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            price = 60_500 if "postOnly" in params else 59_000
            made = await client.create_order(BTC, "limit", "buy", 0.5, price, params)
            order = await client.fetch_order(made["id"], BTC, SURE)
            assert (order["status"], order["filled"]) == ("canceled", 0)
            assert order["info"]["rejectReason"] == why
            assert not exchange.account(VENUE, KEY.name).fills

    asyncio.run(scenario())


LOST = {
    Manner.CUT: ccxt.ExchangeNotAvailable,
    Manner.HANG: ccxt.RequestTimeout,
    Manner.UNKNOWN: ccxt.ExchangeError,
    Manner.BAD_GATEWAY: ccxt.ExchangeNotAvailable,
    Manner.TRUNCATE: ccxt.ExchangeError,
}


@pytest.mark.parametrize("manner", list(Manner))
def test_an_order_whose_reply_is_lost_is_there_and_is_found_by_its_client_id(
    manner: Manner,
) -> None:
    async def scenario() -> None:
        async with (
            exchange_of(VENUE) as exchange,
            trader_of(exchange, VENUE, timeout=1_500) as client,
        ):
            await client.is_unified_enabled()
            exchange.faults.inflict(LoseReply(path=CREATE, count=1, manner=manner))
            wanted = (BTC, "limit", "buy", 0.5, 58_000, {"clientOrderId": "lost"})
            if manner is Manner.TRUNCATE:
                assert (await client.create_order(*wanted))["id"] is None
            else:
                with pytest.raises(LOST[manner]) as lost:
                    await client.create_order(*wanted)
                assert not isinstance(lost.value, ccxt.InvalidOrder | ccxt.InsufficientFunds)
            (order,) = _orders(exchange, "lost")
            (found,) = await client.fetch_open_orders(BTC, params={"orderLinkId": "lost"})
            assert (found["clientOrderId"], found["amount"]) == ("lost", float(order.qty))
            with pytest.raises(ccxt.InvalidOrder, match="110072"):
                await client.create_order(*wanted)
            assert len(_orders(exchange, "lost")) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (Reason.INSUFFICIENT_FUNDS, ccxt.InsufficientFunds),
        (Reason.DUPLICATE_CLIENT_ID, ccxt.InvalidOrder),
        (Reason.MIN_NOTIONAL, ccxt.InvalidOrder),
        (Reason.REDUCE_ONLY, ccxt.InvalidOrder),
        (Reason.TIMESTAMP, ccxt.InvalidNonce),
        (Reason.SIGNATURE, ccxt.AuthenticationError),
        (Reason.AUTH, ccxt.AuthenticationError),
        (Reason.PERMISSION, ccxt.PermissionDenied),
        (Reason.OVERLOADED, ccxt.ExchangeError),
        (Reason.UNKNOWN_STATE, ccxt.ExchangeError),
    ],
)
def test_a_rejection_on_command_is_the_class_that_ccxt_knows_and_does_nothing(
    reason: Reason, error: type[Exception]
) -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            exchange.faults.inflict(Reject(reason=reason, path=CREATE, count=1))
            with pytest.raises(error):
                await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            assert not exchange.account(VENUE, KEY.name).orders
            await client.create_order(BTC, "limit", "buy", 0.5, 58_000)
            assert len(exchange.account(VENUE, KEY.name).orders) == 1

    asyncio.run(scenario())


def test_attached_stops_protect_the_position_and_go_with_it() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            last = float(exchange.listing(VENUE, BTC).trades[-1].price)
            both = {"stopLoss": last - 1, "takeProfit": last + 5_000}
            resting = await client.create_order(
                BTC, "limit", "buy", 0.1, 58_000, {"stopLoss": 57_000}
            )
            made = await client.create_order(BTC, "market", "buy", 0.5, None, both)
            order = await client.fetch_order(made["id"], BTC, SURE)
            assert (order["stopLossPrice"], order["takeProfitPrice"]) == (last - 1, last + 5_000)
            (position,) = await client.fetch_positions([BTC])
            assert position["stopLossPrice"] == last - 1
            assert position["takeProfitPrice"] == last + 5_000
            waiting = await client.fetch_open_orders(BTC, params={"trigger": True})
            assert {each["info"]["stopOrderType"] for each in waiting} == {"StopLoss", "TakeProfit"}
            account = exchange.account(VENUE, KEY.name)
            listing = exchange.listing(VENUE, BTC)
            for _ in range(120):
                if not account.position(listing).qty:
                    break
                await exchange.advance(1)
            stop, take = account.conditionals.values()
            assert (stop.status, take.status) == (Waiting.FINISHED, Waiting.CANCELLED)
            assert not await client.fetch_open_orders(BTC, params={"trigger": True})
            assert [o["id"] for o in await client.fetch_open_orders(BTC)] == [resting["id"]]

    asyncio.run(scenario())


def test_a_position_that_changes_its_side_does_not_keep_the_stops_of_the_other() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            stops = {"stopLoss": 59_000, "takeProfit": 61_000}
            await client.create_order(BTC, "market", "buy", 0.1, None, stops)
            await client.create_order(BTC, "market", "sell", 0.2)
            (position,) = await client.fetch_positions([BTC])
            assert (position["side"], position["contracts"]) == ("short", 0.1)
            assert (position["stopLossPrice"], position["takeProfitPrice"]) == (None, None)
            assert not any(exchange.account(VENUE, KEY.name).waiting())
            # The same two prices, the other way round.
            stops = {"stopLoss": 61_000, "takeProfit": 59_000}
            await client.create_order(BTC, "market", "sell", 0.1, None, stops)
            stops = {"stopLoss": 59_000, "takeProfit": 61_000}
            await client.create_order(BTC, "market", "buy", 0.3, None, stops)
            waiting = exchange.account(VENUE, KEY.name).waiting()
            assert {each.ticket.side for each in waiting} == {Side.SELL}

    asyncio.run(scenario())


def test_a_stop_that_an_order_brings_is_set_beside_as_many_others_as_there_may_be() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            for trigger in range(50_000, 50_010):
                below = {"triggerPrice": trigger, "triggerDirection": "descending"}
                await client.create_order(BTC, "market", "sell", 0.1, None, below)
            with pytest.raises(ccxt.ExchangeError, match="110009"):
                await client.create_order(BTC, "market", "sell", 0.1, None, below)
            best = exchange.listing(VENUE, BTC).book.bids.best()
            assert best is not None
            stop = {"stopLoss": 55_000}
            await client.create_order(BTC, "market", "buy", 0.1, None, stop)
            await client.create_order(BTC, "limit", "buy", 0.1, float(best[0]), stop)
            await exchange.advance(60)  # it fills, and the market goes on
            account = exchange.account(VENUE, KEY.name)
            assert account.position(exchange.listing(VENUE, BTC)).qty == Decimal("0.2")
            (position,) = await client.fetch_positions([BTC])
            assert position["stopLossPrice"] == 55_000

    asyncio.run(scenario())


def test_a_stop_that_closes_on_its_trigger_closes_what_it_names() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            await client.create_order(BTC, "market", "buy", 0.5)
            last = float(exchange.listing(VENUE, BTC).trades[-1].price)
            below = {"triggerPrice": last - 1, "triggerDirection": "descending"}
            below["closeOnTrigger"] = True
            await client.create_order(BTC, "market", "sell", 0.2, None, below)
            account = exchange.account(VENUE, KEY.name)
            for _ in range(120):
                if not any(account.waiting()):
                    break
                await exchange.advance(1)
            assert account.position(exchange.listing(VENUE, BTC)).qty == Decimal("0.3")

    asyncio.run(scenario())


def test_stops_are_set_on_a_position_and_taken_away() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)

            async def stop_at(price: str) -> None:
                asked = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full"}
                await client.private_post_v5_position_trading_stop(asked | {"stopLoss": price})

            with pytest.raises(ccxt.BadRequest, match="zero position"):
                await stop_at("58000")
            await client.create_order(BTC, "market", "sell", 0.5)
            await stop_at("62000")
            await stop_at("62100")
            account = exchange.account(VENUE, KEY.name)
            assert [each.status for each in account.conditionals.values()] == [
                Waiting.CANCELLED,
                Waiting.NEW,
            ]
            with pytest.raises(ccxt.InvalidOrder, match="110092"):
                await stop_at("58000")
            assert [str(each.trigger.price) for each in account.waiting()] == ["62100"]
            await stop_at("0")
            assert not any(account.waiting())

    asyncio.run(scenario())


def test_private_events_are_doubled_and_cut_on_command() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            watching = asyncio.create_task(client.watch_my_trades(BTC))
            hub = exchange.venues[VENUE].hub
            await until(lambda: "private:desk:execution" in hub.topics(), "the stream")
            heard, handle = [], client.handle_my_trades

            def counting(connection: Any, message: Any) -> None:
                heard.append(message)
                handle(connection, message)

            client.handle_my_trades = counting
            # An order's fill is told as order, execution, order: all of it comes twice.
            exchange.faults.inflict(Double(channel=Channel.ORDERS, count=3))
            await client.create_order(BTC, "market", "buy", 0.001)
            await watching
            await until(lambda: len(heard) == 2, "the second")
            assert heard[0] == heard[1]
            assert exchange.faults.inflict(Drop(venue=VENUE, path="/v5/private")) == 1
            await until(lambda: not hub.connections, "the cut")

    asyncio.run(scenario())


def test_keys_signatures_and_rights_are_checked() -> None:
    async def scenario() -> None:
        rich = ApiKey(name="rich", key="r" * 18, secret="z" * 36, trade=False, withdraw=True)
        async with (
            exchange_of(VENUE) as exchange,
            trader_of(exchange, VENUE) as client,
            ccxt_of(exchange, VENUE, apiKey="unknown", secret="x") as stranger,
            ccxt_of(exchange, VENUE, apiKey=KEY.key, secret="wrong") as forger,
        ):
            exchange.open_accounts(rich)
            with pytest.raises(ccxt.AuthenticationError, match="10003"):
                await stranger.private_get_v5_account_info()
            with pytest.raises(ccxt.AuthenticationError, match="10004"):
                await forger.private_get_v5_account_info()
            with pytest.raises(ccxt.ExchangeError, match="Params Error"):
                await forger.authenticate("wss://stream.bybit.com/v5/private")
            rights = (await client.private_get_v5_user_query_api())["result"]
            assert "Withdraw" not in rights["permissions"]["Wallet"]
            async with trader_of(exchange, VENUE, rich) as watcher:
                rights = (await watcher.private_get_v5_user_query_api())["result"]
                assert "Withdraw" in rights["permissions"]["Wallet"]
                assert int(rights["readOnly"]) == 1
                with pytest.raises(ccxt.PermissionDenied):
                    await watcher.create_order(BTC, "limit", "buy", 0.5, 58_000)

    asyncio.run(scenario())


def test_leverage_margin_mode_and_hedge_mode() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            await client.set_leverage(5, BTC)
            with pytest.raises(ccxt.BadRequest, match="110043"):
                await client.set_leverage(5, BTC)
            assert (await client.fetch_leverage(BTC))["longLeverage"] == 5
            with pytest.raises(ccxt.BadRequest, match="110029"):
                await client.set_position_mode(hedged=True, symbol=BTC)
            await client.set_margin_mode("isolated", BTC, {"leverage": 5})
            account = exchange.account(VENUE, KEY.name)
            assert account.position(exchange.listing(VENUE, BTC)).isolated

    asyncio.run(scenario())


def test_spot_shares_the_wallet_with_contracts() -> None:
    async def scenario() -> None:
        exchange = SimulatedExchange(speed=None, truth=True)
        for symbol in ("BTC/USDT", BTC):
            exchange.add(VENUE, SmallMarket(symbol))
        async with exchange, trader_of(exchange, VENUE) as client:
            await exchange.advance(1)
            await client.create_order("BTC/USDT", "market", "buy", 0.5)
            account = exchange.account(VENUE, KEY.name)
            (fill,) = account.fills
            assert fill.fee == Decimal("0.0005")
            assert account.wallet == {
                "USDT": 100_000 - fill.price * Decimal("0.5"),
                "BTC": Decimal("0.4995"),
            }
            await client.create_market_buy_order_with_cost("BTC/USDT", 600)
            assert account.fills[-1].qty * account.fills[-1].price <= 600
            with pytest.raises(ccxt.InsufficientFunds, match="170131"):
                await client.create_order("BTC/USDT", "limit", "sell", 0.6, 61_000)
            with pytest.raises(ccxt.InvalidOrder, match="170218"):
                await client.create_order(
                    "BTC/USDT", "limit", "buy", 0.1, 61_000, {"postOnly": True}
                )
            resting = await client.create_order("BTC/USDT", "limit", "sell", 0.4, 61_000)
            balance = await client.fetch_balance()
            assert balance["BTC"]["used"] == 0.4
            assert [o["id"] for o in await client.fetch_open_orders("BTC/USDT")] == [resting["id"]]
            assert not await client.fetch_open_orders(BTC)
            stop = await client.create_order(
                "BTC/USDT", "market", "sell", 0.05, None, {"triggerPrice": 57_000}
            )
            waiting = await client.fetch_open_orders("BTC/USDT", params={"trigger": True})
            assert [each["id"] for each in waiting] == [stop["id"]]
            await client.cancel_order(stop["id"], "BTC/USDT", {"trigger": True})
            await client.cancel_order(resting["id"], "BTC/USDT")
            trades = await client.fetch_my_trades("BTC/USDT")
            assert {each["fee"]["currency"] for each in trades} == {"BTC"}

    asyncio.run(scenario())


def test_orders_go_when_the_connection_has_been_gone_for_the_window() -> None:
    async def scenario() -> None:
        async with exchange_of(VENUE) as exchange, trader_of(exchange, VENUE) as client:
            with pytest.raises(ccxt.BadRequest, match="timeWindow"):
                await client.cancel_all_orders_after(1_000)
            await client.cancel_all_orders_after(10_000)
            made = await client.create_order(BTC, "limit", "buy", 0.1, 58_000)
            (order,) = exchange.account(VENUE, KEY.name).orders.values()
            assert order.client_id
            await exchange.advance(20)
            assert order.open  # nobody has subscribed yet
            url = "wss://stream.bybit.com/v5/private"
            await client.authenticate(url)
            dcp = asyncio.create_task(client.watch_topics(url, ["none"], ["dcp.future"]))
            hub = exchange.venues[VENUE].hub
            await until(lambda: "private:desk:dcp.future" in hub.topics(), "the subscription")
            await exchange.advance(20)
            assert order.open
            exchange.faults.inflict(Drop(venue=VENUE, path="/v5/private"))
            with pytest.raises(ccxt.NetworkError):
                await dcp
            await until(lambda: not hub.connections, "the cut")
            await exchange.advance(9)
            assert order.open
            await exchange.advance(2)
            assert (await client.fetch_order(made["id"], BTC, SURE))["status"] == "canceled"

    asyncio.run(scenario())
