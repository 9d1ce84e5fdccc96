"""ccxt.pro as it is installed, with the venues' real addresses, on the simulated exchange."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from schemas.frame import NS_PER_MS, NS_PER_S, Side
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.listing import Listing, Trade
from streams.simulator.exchange.venues.bybit.messages import exec_id
from streams.simulator.exchange.venues.hyperliquid.messages import trade_id
from tests.support.simulated import (
    START_NS,
    SYMBOLS,
    SmallMarket,
    ccxt_of,
    exchange_of,
    session_of,
    until,
    wire_of,
)

VENUES = tuple(SYMBOLS)
WITH_BARS = ("binance", "binanceusdm", "bybit", "hyperliquid")
START_MS = START_NS // NS_PER_MS
LEVELS_TOLD = {"bybit": 50, "hyperliquid": 20}
"""Levels a side where a venue does not tell them all."""


async def _subscribed(exchange: SimulatedExchange, venue: str, *watchers: Any) -> None:
    """Wait until each of some watch_* calls has reached the venue."""
    hub = exchange.venues[venue].hub
    await until(lambda: len(hub.topics()) >= len(watchers), f"{venue}: subscriptions")


def _venue_id_of(venue: str, listing: Listing) -> Callable[[Trade], str]:
    match venue:
        case "bybit":
            return lambda trade: exec_id(listing, trade)
        case "hyperliquid":
            return lambda trade: str(trade_id(trade))
        case _:
            return lambda trade: str(trade.id)


@pytest.mark.parametrize("venue", VENUES)
def test_ccxt_hears_every_trade_once_and_as_it_was(venue: str) -> None:
    async def scenario() -> None:
        symbol = SYMBOLS[venue]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_trades(symbol))
            await _subscribed(exchange, venue, watching)
            await exchange.advance(6)
            truth = exchange.truth(venue, symbol).trades
            await until(lambda: len(client.trades.get(symbol, ())) >= len(truth), "trades")
            await watching
            id_of = _venue_id_of(venue, exchange.listing(venue, symbol))
            heard = list(client.trades[symbol])
            assert [trade["id"] for trade in heard] == [id_of(trade) for trade in truth]
            assert len(truth) > 50
            for trade, true in zip(heard, truth, strict=True):
                assert trade["price"] == float(true.price)
                assert trade["amount"] == float(true.qty)
                assert trade["timestamp"] == true.time_ns // NS_PER_MS
                # Coinbase tells the maker's side, and ccxt passes it on.
                taker = Side.BUY if venue != "coinbase" else Side.SELL
                assert (trade["side"] == "buy") == (true.side is taker)

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", [*VENUES, "bybit spot"])
def test_the_book_that_ccxt_keeps_is_the_exchanges_at_the_same_update(venue: str) -> None:
    async def scenario() -> None:
        name, _, spot = venue.partition(" ")
        symbol = "BTC/USDT" if spot else SYMBOLS[name]
        exchange = SimulatedExchange(speed=None, truth=True)
        exchange.add(name, SmallMarket(symbol))
        async with exchange, ccxt_of(exchange, name) as client:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_order_book(symbol))
            await _subscribed(exchange, name, watching)
            truth = exchange.truth(name, symbol)
            for _ in range(8):
                await exchange.advance(0.5)
                await _equal_books(client, symbol, truth, LEVELS_TOLD.get(name))
            await watching
            assert len(truth.changes) == 40

    asyncio.run(scenario())


async def _equal_books(client: Any, symbol: str, truth: Any, depth: int | None) -> None:
    true = truth.book_at(truth.changes[-1].last_id)
    bids, asks = _numbers(true.bids.top(depth)), _numbers(true.asks.top(depth))

    def equal() -> bool:
        book = client.orderbooks.get(symbol, {"bids": [], "asks": []})
        return _numbers(book["bids"]) == bids and _numbers(book["asks"]) == asks

    await until(equal, f"book {true.update_id}")
    if client.orderbooks[symbol]["nonce"] is not None:
        assert client.orderbooks[symbol]["nonce"] == true.update_id


def _numbers(levels: Any) -> list[tuple[float, float]]:
    return [(float(level[0]), float(level[1])) for level in levels]


@pytest.mark.parametrize("venue", ["binance", "binanceusdm", "bybit"])
def test_best_bid_and_ask(venue: str) -> None:
    async def scenario() -> None:
        symbol = SYMBOLS[venue]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_bids_asks([symbol]))
            await _subscribed(exchange, venue, watching)
            await exchange.advance(2)
            book = exchange.listing(venue, symbol).book
            bid, ask = book.bids.best(), book.asks.best()
            assert bid is not None
            assert ask is not None

            names = ("bid", "bidVolume", "ask", "askVolume")
            true = tuple(float(text) for text in (*bid, *ask))

            def told() -> bool:
                touch = client.bidsasks.get(symbol, {})
                return tuple(touch.get(name) for name in names) == true

            await until(told, "best prices")
            await watching

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", WITH_BARS)
def test_streamed_bars_are_those_of_rest_and_sum_the_trades(venue: str) -> None:
    async def scenario() -> None:
        symbol = SYMBOLS[venue]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_ohlcv(symbol, "1m"))
            await _subscribed(exchange, venue, watching)
            await exchange.advance(2)
            await watching
            await exchange.advance(62)  # the minute of the start and one more end
            fetched = await client.fetch_ohlcv(symbol, "1m", START_MS // 60_000 * 60_000, 3)
            assert len(fetched) == 3

            def told() -> bool:
                return bool([list(bar) for bar in client.ohlcvs[symbol]["1m"]] == fetched)

            await until(told, "bars")
            minute = START_NS + 3 * NS_PER_S
            trades = [
                trade
                for trade in exchange.truth(venue, symbol).trades
                if minute <= trade.time_ns < minute + 60 * NS_PER_S
            ]
            bar = fetched[1]
            assert bar[5] == pytest.approx(sum(float(trade.qty) for trade in trades))
            assert bar[1] == float(trades[0].price)
            assert bar[2] == max(float(trade.price) for trade in trades)
            assert bar[3] == min(float(trade.price) for trade in trades)
            assert bar[4] == float(trades[-1].price)

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", VENUES)
def test_history_reaches_back_and_long_bars_are_made_of_the_short_ones(venue: str) -> None:
    async def scenario() -> None:
        symbol = SYMBOLS[venue]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            await exchange.advance(10)
            hour = START_MS // 3_600_000 * 3_600_000 - 3_600_000
            minutes = await client.fetch_ohlcv(symbol, "1m", hour, 60)
            quarters = await client.fetch_ohlcv(symbol, "15m", hour, 4)
            assert [bar[0] for bar in minutes] == [hour + i * 60_000 for i in range(60)]
            assert [bar[0] for bar in quarters] == [hour + i * 900_000 for i in range(4)]
            for number, bar in enumerate(quarters):
                parts = minutes[15 * number : 15 * number + 15]
                assert bar[1] == parts[0][1]
                assert bar[2] == max(part[2] for part in parts)
                assert bar[3] == min(part[3] for part in parts)
                assert bar[4] == parts[-1][4]
                assert bar[5] == pytest.approx(sum(part[5] for part in parts), abs=0.01)
            for before, after in itertools.pairwise(minutes):
                assert before[4] == after[1]
            long = "6h" if venue == "coinbase" else "4h"
            old = await client.fetch_ohlcv(symbol, long, START_MS - 40 * 86_400_000, 100)
            assert len(old) == 100

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", ["binanceusdm", "bybit"])
def test_liquidations_keep_the_venues_own_meaning_of_side(venue: str) -> None:
    async def scenario() -> None:
        symbol = SYMBOLS[venue]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_liquidations(symbol))
            await _subscribed(exchange, venue, watching)
            await exchange.advance(1.5)
            await watching
            await until(lambda: len(client.liquidations) == 2, "liquidations")
            # The source closes a long, then a short.
            sides = [found["side"] for found in client.liquidations]
            assert sides == (["sell", "buy"] if venue == "binanceusdm" else ["buy", "sell"])
            assert [found["contracts"] for found in client.liquidations] == [1.5, 1.5]

    asyncio.run(scenario())


def test_mark_price_funding_and_their_histories_on_binance() -> None:
    async def scenario() -> None:
        venue, symbol = "binanceusdm", SYMBOLS["binanceusdm"]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_mark_price(symbol))
            await _subscribed(exchange, venue, watching)
            await exchange.advance(1.5)
            mark = await watching
            state = exchange.listing(venue, symbol).derivatives
            assert state.mark_price is not None
            assert mark["markPrice"] == float(state.mark_price)
            assert mark["info"]["r"] == "0.00012000"
            funding = await client.fetch_funding_rate(symbol)
            assert funding["fundingRate"] == 0.00012
            assert funding["fundingTimestamp"] == START_MS // 28_800_000 * 28_800_000 + 28_800_000
            interest = await client.fetch_open_interest(symbol)
            assert interest["openInterestAmount"] == 80123.456
            await _statistics(client, symbol, "5m")

    asyncio.run(scenario())


def test_funding_interest_and_ratio_on_bybit() -> None:
    async def scenario() -> None:
        venue, symbol = "bybit", SYMBOLS["bybit"]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_ticker(symbol))
            await _subscribed(exchange, venue, watching)
            await watching
            await exchange.advance(1.5)
            last = exchange.truth(venue, symbol).trades[-1]
            await until(lambda: client.tickers[symbol]["last"] == float(last.price), "ticker")
            info = client.tickers[symbol]["info"]
            assert info["openInterest"] == "80123.456"
            assert info["fundingRate"] == "0.00012000"
            await _statistics(client, symbol, "1h")

    asyncio.run(scenario())


async def _statistics(client: Any, symbol: str, period: str) -> None:
    rates = await client.fetch_funding_rate_history(symbol, None, 20)
    assert len(rates) == 20
    assert {b["timestamp"] - a["timestamp"] for a, b in itertools.pairwise(rates)} == {28_800_000}
    interests = await client.fetch_open_interest_history(symbol, period, None, 30)
    assert len(interests) == 30
    assert all(50_000 < row["openInterestAmount"] < 120_000 for row in interests)
    ratios = await client.fetch_long_short_ratio_history(symbol, period, None, 30)
    assert len(ratios) == 30
    assert all(0.5 < row["longShortRatio"] < 4 for row in ratios)


@pytest.mark.parametrize("venue", VENUES)
def test_rules_reach_ccxt_and_so_does_an_unknown_symbol(venue: str) -> None:
    async def scenario() -> None:
        symbol = SYMBOLS[venue]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            markets = await client.load_markets()
            assert list(markets) == [symbol]
            assert markets[symbol]["precision"]["amount"] == 0.001
            if venue != "hyperliquid":  # it tells no tick, but how many digits a price may have
                assert markets[symbol]["precision"]["price"] == 0.1
            assert markets[symbol]["active"] in (True, None)
            tickers = await client.fetch_tickers()
            assert tickers[symbol]["last"] == pytest.approx(60_000, rel=0.01)
            book = await client.fetch_order_book(symbol)
            assert book["bids"][0][0] < book["asks"][0][0]

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", ["binance", "binanceusdm"])
def test_missing_trades_can_be_fetched_by_id(venue: str) -> None:
    async def scenario() -> None:
        symbol = SYMBOLS[venue]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            await exchange.advance(5)
            found = await client.fetch_trades(symbol, None, 7, {"fromId": 11})
            assert [trade["id"] for trade in found] == [str(number) for number in range(11, 18)]

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", VENUES)
def test_unwatching_ends_a_stream_and_watching_starts_it_again(venue: str) -> None:
    async def scenario() -> None:
        symbol = SYMBOLS[venue]
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            hub = exchange.venues[venue].hub
            for _ in range(2):
                watching = asyncio.create_task(client.watch_trades(symbol))
                await _subscribed(exchange, venue, watching)
                await exchange.advance(2)
                assert await watching
                await client.un_watch_trades(symbol)
                assert hub.topics() == []

    asyncio.run(scenario())


def test_usdm_serves_each_stream_at_its_own_endpoint_and_no_more_at_the_old_one() -> None:
    streams = ["btcusdt@depth@100ms", "btcusdt@aggTrade", "btcusdt@trade", "btcusdt@bookTicker"]
    said = {"method": "SUBSCRIBE", "params": streams, "id": 5}
    root = "wss://fstream.binance.com"

    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange:
            async with (
                wire_of(exchange, f"{root}/public/ws", said) as public,
                wire_of(exchange, f"{root}/market/ws/btcusdt@aggTrade") as market,
                wire_of(exchange, f"{root}/market/stream?streams=btcusdt@aggTrade") as combined,
            ):
                hub = exchange.venues["binanceusdm"].hub
                await until(lambda: len(hub.connections) == 3 and public.heard, "connections")
                assert public.heard == [{"result": None, "id": 5}]
                await exchange.advance(2)
                number = len(exchange.truth("binanceusdm", SYMBOLS["binanceusdm"]).trades)
                await until(lambda: len(market.heard) == number == len(combined.heard), "trades")
                events = {message.get("e") for message in public.heard[1:]}
                assert events == {"depthUpdate", "trade", "bookTicker"}
                assert {message["e"] for message in market.heard} == {"aggTrade"}
                assert [message["data"] for message in combined.heard] == market.heard
                assert combined.heard[0]["stream"] == "btcusdt@aggTrade"
            async with session_of(exchange) as session:
                with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
                    await session.ws_connect(f"{root}/ws")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "said", "answer"),
    [
        ("wss://fstream.binance.com/public/ws", {"method": "JUMP", "id": 1}, "unknown variant"),
        ("wss://stream.bybit.com/v5/public/linear", {"op": "jump"}, "op not found"),
        (
            "wss://stream.bybit.com/v5/public/linear",
            {"op": "subscribe", "args": ["orderbook.7.BTCUSDT"]},
            "handler not found,topic:orderbook.7.BTCUSDT",
        ),
        (
            "wss://stream.bybit.com/v5/public/linear",
            {"op": "subscribe", "args": ["kline.BTCUSDT"]},
            "handler not found,topic:kline.BTCUSDT",
        ),
        (
            "wss://stream.bybit.com/v5/public/spot",
            {"op": "subscribe", "args": [f"publicTrade.X{n}" for n in range(11)]},
            "args size >10",
        ),
        ("wss://advanced-trade-ws.coinbase.com", {"type": "subscribe", "channel": "user"}, "auth"),
        (
            "wss://advanced-trade-ws.coinbase.com",
            {"type": "subscribe", "channel": "level2", "product_ids": ["X-Y"]},
            "X-Y is not a valid product",
        ),
        (
            "wss://api.hyperliquid.xyz/ws",
            {"method": "subscribe", "subscription": {"type": "l2Book", "coin": "X"}},
            "Invalid subscription",
        ),
    ],
)
def test_what_a_venue_does_not_understand_it_says(url: str, said: Any, answer: str) -> None:
    async def scenario() -> None:
        async with exchange_of(*VENUES) as exchange, wire_of(exchange, url, said) as wire:
            await until(lambda: wire.heard, "an answer")
            assert answer in str(wire.heard[0])
            await wire.socket.send_str("{no json")
            await until(lambda: len(wire.heard) == 2, "another answer")
            assert not wire.over

    asyncio.run(scenario())
