"""Each fault of the simulated exchange, as a client sees it on the wire."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import aiohttp
import ccxt
import pytest

from schemas.errors import UsageError
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import (
    Channel,
    Delist,
    Drop,
    Garble,
    Lose,
    LoseReply,
    Maintenance,
    Refuse,
    Retick,
    Silence,
    SkewClock,
    Slow,
)
from tests.support.simulated import (
    START_NS,
    SYMBOLS,
    Wire,
    ccxt_of,
    exchange_of,
    session_of,
    until,
    wire_of,
)

PUBLIC = "wss://fstream.binance.com/public/ws"
LINEAR = "wss://stream.bybit.com/v5/public/linear"
COINBASE = "wss://advanced-trade-ws.coinbase.com"
HYPERLIQUID = "wss://api.hyperliquid.xyz/ws"
TIME = "https://fapi.binance.com/fapi/v1/time"
DEPTH = "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
BTC = "BTC/USDT:USDT"
SUBSCRIBE = {"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms", "btcusdt@trade"], "id": 1}


async def _settle(wire: Wire) -> None:
    """Wait until nothing is on its way: a later message of our own has been answered."""
    asked = wire.pongs
    await wire.socket.ping()
    await until(lambda: wire.pongs > asked or wire.over, "a pong")


def _of(wire: Wire, event: str) -> list[Any]:
    return [message for message in wire.heard if message.get("e") == event]


def test_a_lost_diff_leaves_a_hole_in_the_chain_and_one_only() -> None:
    async def scenario() -> None:
        async with (
            exchange_of("binanceusdm") as exchange,
            wire_of(exchange, PUBLIC, SUBSCRIBE) as wire,
        ):
            await until(lambda: wire.heard, "the answer")
            await exchange.advance(1)
            exchange.faults.inflict(Lose(venue="binanceusdm", channel=Channel.BOOK, symbol=BTC))
            await exchange.advance(1)
            await _settle(wire)
            diffs = _of(wire, "depthUpdate")
            pairs = list(itertools.pairwise(diffs))
            assert len(diffs) == 19
            assert sum(after["pu"] != before["u"] for before, after in pairs) == 1
            trades = [message["t"] for message in _of(wire, "trade")]
            assert trades == list(range(trades[0], trades[0] + len(trades)))

    asyncio.run(scenario())


def test_lost_trades_are_missing_ids_that_rest_still_has() -> None:
    async def scenario() -> None:
        async with (
            exchange_of("binanceusdm") as exchange,
            wire_of(exchange, PUBLIC, SUBSCRIBE) as wire,
        ):
            await until(lambda: wire.heard, "the answer")
            exchange.faults.inflict(Lose(channel=Channel.TRADES, symbol=BTC, count=3))
            await exchange.advance(3)
            await _settle(wire)
            heard = [message["t"] for message in _of(wire, "trade")]
            truth = [trade.id for trade in exchange.truth("binanceusdm", BTC).trades]
            assert heard == truth[3:]
            assert exchange.faults.in_force() == []
            async with session_of(exchange) as session:
                url = "https://fapi.binance.com/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=1&limit=3"
                rows = await (await session.get(url)).json()
            assert [row["a"] for row in rows] == truth[:3]

    asyncio.run(scenario())


def test_a_garbled_message_is_no_json_and_the_next_one_is_well() -> None:
    async def scenario() -> None:
        async with (
            exchange_of("binanceusdm") as exchange,
            wire_of(exchange, PUBLIC, SUBSCRIBE) as wire,
        ):
            await until(lambda: wire.heard, "the answer")
            exchange.faults.inflict(Garble(channel=Channel.BOOK, count=2))
            await exchange.advance(1)
            await _settle(wire)
            assert len(wire.broken) == 2
            assert all(text.startswith('{"e":"depthUpdate"') for text in wire.broken)
            assert len(_of(wire, "depthUpdate")) == 8

    asyncio.run(scenario())


def test_a_lost_message_leaves_a_hole_in_bybits_u_and_in_coinbases_sequence() -> None:
    async def scenario() -> None:
        async with exchange_of("bybit", "coinbase") as exchange:
            bybit = {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]}
            coinbase = {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "level2"}
            async with (
                wire_of(exchange, LINEAR, bybit) as b,
                wire_of(exchange, COINBASE, coinbase) as c,
            ):
                await until(lambda: len(b.heard) == 2 and len(c.heard) == 2, "snapshots")
                await exchange.advance(1)
                exchange.faults.inflict(Lose(channel=Channel.BOOK, count=2))
                await exchange.advance(1)
                await _settle(b)
                await _settle(c)
                numbers = [message["data"]["u"] for message in b.heard if "data" in message]
                assert _steps(numbers) == {1, 2}
                assert numbers[-1] - numbers[0] == len(numbers)
                numbers = [message["sequence_num"] for message in c.heard]
                assert _steps(numbers) == {1, 2}
                assert numbers[-1] == len(numbers)

    asyncio.run(scenario())


def _steps(numbers: list[int]) -> set[int]:
    return {after - before for before, after in itertools.pairwise(numbers)}


def test_drop_cuts_as_many_connections_as_it_says_the_oldest_first() -> None:
    async def scenario() -> None:
        async with (
            exchange_of("binanceusdm") as exchange,
            wire_of(exchange, PUBLIC, SUBSCRIBE) as first,
            wire_of(exchange, PUBLIC, SUBSCRIBE) as second,
        ):
            await until(lambda: first.heard and second.heard, "answers")
            assert exchange.faults.inflict(Drop(venue="binanceusdm", connections=1)) == 1
            await until(lambda: first.over, "the end of the first")
            assert first.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
            assert not second.over
            assert exchange.faults.inflict(Drop(close_code=1012)) == 1
            await until(lambda: second.over, "the end of the second")
            assert second.close_code == 1012
            assert exchange.venues["binanceusdm"].hub.topics() == []

    asyncio.run(scenario())


@pytest.mark.parametrize("pong", [True, False])
def test_silence_with_and_without_pong(pong: bool) -> None:
    async def scenario() -> None:
        async with (
            exchange_of("binanceusdm") as exchange,
            wire_of(exchange, PUBLIC, SUBSCRIBE) as wire,
        ):
            await until(lambda: wire.heard, "the answer")
            assert exchange.faults.inflict(Silence(venue="binanceusdm", pong=pong)) == 1
            await wire.socket.ping()
            await exchange.advance(2)
            async with wire_of(exchange, PUBLIC, SUBSCRIBE) as other:  # a new one hears again
                await until(lambda: other.heard, "the answer")
                await exchange.advance(1)
                await _settle(other)
                assert _of(other, "trade")
            assert len(wire.heard) == 1
            assert wire.pongs == int(pong)
            assert not wire.over

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("venue", "url", "ping"),
    [
        ("bybit", LINEAR, {"op": "ping", "req_id": "7"}),
        ("hyperliquid", HYPERLIQUID, {"method": "ping"}),
    ],
)
def test_silence_means_the_venues_own_pongs_too(venue: str, url: str, ping: Any) -> None:
    async def scenario() -> None:
        async with exchange_of(venue) as exchange, wire_of(exchange, url, ping) as wire:
            await until(lambda: wire.heard, "a pong")
            exchange.faults.inflict(Silence(venue=venue, pong=True))
            await wire.socket.send_json(ping)
            await until(lambda: len(wire.heard) == 2, "another pong")
            exchange.faults.inflict(Silence(venue=venue, pong=False))
            received = _counting(exchange, venue)
            await wire.socket.send_json(ping)
            await until(lambda: received, "the ping's arrival")
            exchange.faults.inflict(Drop(venue=venue, close_code=1000))
            await until(lambda: wire.over, "the end")
            assert len(wire.heard) == 2

    asyncio.run(scenario())


def _counting(exchange: SimulatedExchange, venue: str) -> list[str]:
    """What the venue receives from now on."""
    received: list[str] = []
    there = exchange.venues[venue]
    before = there.received

    def receive(connection: Connection, text: str) -> None:
        before(connection, text)
        received.append(text)

    there.received = receive  # type: ignore[method-assign]
    return received


def test_silence_ends_by_itself() -> None:
    async def scenario() -> None:
        async with (
            exchange_of("binanceusdm") as exchange,
            wire_of(exchange, PUBLIC, SUBSCRIBE) as wire,
        ):
            await until(lambda: wire.heard, "the answer")
            exchange.faults.inflict(Silence(seconds=0.05))
            await exchange.advance(1)
            (connection,) = exchange.venues["binanceusdm"].hub.connections
            await until(lambda: not connection.silent, "the end of silence")
            await exchange.advance(1)
            await _settle(wire)
            truth = [trade.id for trade in exchange.truth("binanceusdm", BTC).trades]
            heard = [message["t"] for message in _of(wire, "trade")]
            assert heard == truth[-len(heard) :]
            assert 0 < len(heard) < len(truth)

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [429, 418, 503])
def test_refused_requests_carry_status_retry_after_and_the_venues_body(status: int) -> None:
    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange, session_of(exchange) as session:
            exchange.faults.inflict(
                Refuse(
                    venue="binanceusdm",
                    status=status,
                    retry_after_s=7,
                    path="/fapi/v1/depth",
                    count=2,
                )
            )
            assert (await session.get(TIME)).status == 200
            for _ in range(2):
                answer = await session.get(DEPTH)
                assert answer.status == status
                assert answer.headers["Retry-After"] == "7"
                assert (await answer.json())["code"] < 0
            assert (await session.get(DEPTH)).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("venue", "status", "error"),
    [
        ("binanceusdm", 429, ccxt.DDoSProtection),
        ("binanceusdm", 418, ccxt.DDoSProtection),
        ("binanceusdm", 503, ccxt.OperationFailed),
        ("bybit", 429, ccxt.RateLimitExceeded),
        ("bybit", 503, ccxt.ExchangeNotAvailable),
        ("coinbase", 429, ccxt.RateLimitExceeded),
        ("coinbase", 500, ccxt.ExchangeNotAvailable),
        ("hyperliquid", 502, ccxt.ExchangeNotAvailable),
    ],
)
def test_ccxt_sees_the_kind_of_error_that_it_sees_of_the_venue(
    venue: str, status: int, error: type[Exception]
) -> None:
    async def scenario() -> None:
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            exchange.faults.inflict(Refuse(venue=venue, status=status))
            with pytest.raises(error):
                await client.fetch_order_book(SYMBOLS[venue])
            exchange.faults.mend()
            await client.fetch_order_book(SYMBOLS[venue])

    asyncio.run(scenario())


def test_a_refused_handshake_opens_no_stream() -> None:
    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange, session_of(exchange) as session:
            exchange.faults.inflict(Refuse(status=429, retry_after_s=3, path="/public", count=1))
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(PUBLIC)
            assert caught.value.status == 429
            assert caught.value.headers is not None
            assert caught.value.headers["Retry-After"] == "3"
            await (await session.ws_connect(PUBLIC)).close()

    asyncio.run(scenario())


def test_slow_replies_are_late_but_whole() -> None:
    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange, session_of(exchange) as session:
            exchange.faults.inflict(Slow(delay_s=0.2, count=1))
            before = time.monotonic()
            answer = await session.get(DEPTH)
            assert time.monotonic() - before >= 0.2
            assert len((await answer.json())["bids"]) == 120

    asyncio.run(scenario())


def test_a_request_is_carried_out_though_its_reply_is_lost() -> None:
    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange, session_of(exchange) as session:
            asked: list[str] = []
            venue = exchange.venues["binanceusdm"]
            answer = venue.answer

            def answering(request: Any) -> Any:
                asked.append(request.path)
                return answer(request)

            venue.answer = answering  # type: ignore[method-assign]
            exchange.faults.inflict(LoseReply(path="/fapi/v1/time", count=1))
            # A POST, because clients ask again by themselves for what changes nothing.
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.post(TIME)
            assert asked == ["/fapi/v1/time"]
            assert (await session.post(TIME)).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", list(SYMBOLS))
def test_maintenance_drops_streams_and_refuses_all_requests(venue: str) -> None:
    async def scenario() -> None:
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_order_book(SYMBOLS[venue]))
            hub = exchange.venues[venue].hub
            await until(hub.topics, "the subscription")
            assert exchange.faults.inflict(Maintenance(venue=venue)) == 1
            await until(lambda: not hub.connections, "the end of the stream")
            with pytest.raises(ccxt.NetworkError):
                await client.fetch_order_book(SYMBOLS[venue])
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            exchange.faults.inflict(Maintenance(venue=venue, on=False))
            await client.fetch_order_book(SYMBOLS[venue])

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", list(SYMBOLS))
def test_a_delisted_symbol_falls_silent_and_is_refused(venue: str) -> None:
    async def scenario() -> None:
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            symbol = SYMBOLS[venue]
            await client.load_markets()
            watching = asyncio.create_task(client.watch_order_book(symbol))
            await until(exchange.venues[venue].hub.topics, "the subscription")
            await exchange.advance(1)
            await watching
            true = exchange.listing(venue, symbol).book.bids.top(20)
            wanted = [(float(price), float(qty)) for price, qty in true]

            def arrived() -> bool:
                told = client.orderbooks[symbol]["bids"][:20]
                return [(level[0], level[1]) for level in told] == wanted

            await until(arrived, "what is on its way")
            assert exchange.faults.inflict(Delist(venue=venue, symbol=symbol)) == 1
            before = [list(level) for level in client.orderbooks[symbol]["bids"]]
            await exchange.advance(2)
            with pytest.raises(ccxt.BaseError):
                await client.fetch_order_book(symbol)
            assert [list(level) for level in client.orderbooks[symbol]["bids"]] == before
            markets = await client.load_markets(True)
            assert symbol not in markets or not markets[symbol]["active"]

    asyncio.run(scenario())


@pytest.mark.parametrize("venue", ["binance", "binanceusdm", "bybit", "coinbase"])
def test_a_changed_tick_is_announced(venue: str) -> None:
    async def scenario() -> None:
        async with exchange_of(venue) as exchange, ccxt_of(exchange, venue) as client:
            symbol = SYMBOLS[venue]
            exchange.faults.inflict(Retick(symbol=symbol, tick="0.01"))
            markets = await client.load_markets()
            assert markets[symbol]["precision"]["price"] == 0.01

    asyncio.run(scenario())


def test_a_skewed_clock_is_wrong_everywhere_by_as_much() -> None:
    async def scenario() -> None:
        async with (
            exchange_of("binanceusdm") as exchange,
            wire_of(exchange, PUBLIC, SUBSCRIBE) as wire,
        ):
            await until(lambda: wire.heard, "the answer")
            exchange.faults.inflict(SkewClock(ms=-180_000))
            await exchange.advance(1)
            await _settle(wire)
            async with session_of(exchange) as session:
                told = (await (await session.get(TIME)).json())["serverTime"]
            assert told == START_NS // 1_000_000 + 1000 - 180_000
            first = exchange.truth("binanceusdm", BTC).trades[0]
            assert _of(wire, "trade")[0]["T"] == first.time_ns // 1_000_000 - 180_000

    asyncio.run(scenario())


def test_what_is_not_here_cannot_go_wrong() -> None:
    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange:
            with pytest.raises(UsageError, match="kraken is not simulated"):
                exchange.faults.inflict(Drop(venue="kraken"))
            with pytest.raises(UsageError, match="DOGE/USDT is not listed"):
                exchange.faults.inflict(Delist(symbol="DOGE/USDT"))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "method"),
    [
        ("https://fapi.binance.com/fapi/v1/convert/getQuote", "POST"),
        ("https://api.coinbase.com/api/v3/brokerage/orders", "POST"),
        ("https://api.hyperliquid.xyz/exchange", "POST"),
    ],
)
def test_an_order_side_that_is_not_there_says_that_it_is_not_supported(
    url: str, method: str
) -> None:
    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange, session_of(exchange) as session:
            answer = await session.request(method, url, json={})
            assert "not supported" in await answer.text()

    asyncio.run(scenario())


def test_the_private_streams_are_not_there() -> None:
    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange, session_of(exchange) as session:
            for url in ("wss://stream.bybit.com/v5/trade", "wss://fstream.binance.com/ws"):
                with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
                    await session.ws_connect(url)

    asyncio.run(scenario())


def test_a_client_that_does_not_know_the_authority_gets_nowhere() -> None:
    async def scenario() -> None:
        async with exchange_of("binanceusdm") as exchange:
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await session.get(f"https://127.0.0.1:{exchange.port}/fapi/v1/time")
            async with session_of(exchange) as session:  # and ours trusts nobody else
                answer = await session.get(f"https://127.0.0.1:{exchange.port}/")
                assert answer.status == 421

    asyncio.run(scenario())
