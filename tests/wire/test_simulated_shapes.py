"""What the simulated exchange says has the fields and types of what was recorded on the venues."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from streams.simulator.exchange.exchange import SimulatedExchange
from tests.support.simulated import SmallMarket, exchange_of, session_of, until, wire_of

pytestmark = pytest.mark.needs_market_data

SPOT = "wss://stream.binance.com:9443/stream"
PUBLIC = "wss://fstream.binance.com/public/stream"
MARKET = "wss://fstream.binance.com/market/stream"
LINEAR = "wss://stream.bybit.com/v5/public/linear"
BYBIT_SPOT = "wss://stream.bybit.com/v5/public/spot"
COINBASE = "wss://advanced-trade-ws.coinbase.com"
HYPERLIQUID = "wss://api.hyperliquid.xyz/ws"


def shape(value: Any) -> Any:
    """Fields and types: of objects by field, of lists of all elements together."""
    match value:
        case dict():
            return {name: shape(value[name]) for name in sorted(value)}
        case list() | tuple():
            return ["or", *sorted({json.dumps(shape(element)) for element in value})]
        case _:
            return type(value).__name__


def recorded(folder: Path, name: str) -> Iterator[tuple[str, str, Any]]:
    """Connection or address, direction, and message, of one of the raw recordings."""
    packed = (folder / "wire" / f"{name}.jsonl.zst").read_bytes()
    text = zstandard.ZstdDecompressor().stream_reader(packed).read().decode()
    for line in text.splitlines():
        entry = json.loads(line)
        if entry["t"] in ("recv", "http"):
            yield entry.get("url", entry["conn"]), entry["t"], json.loads(entry["data"])


def shapes_by_kind(messages: Iterable[Any]) -> dict[str, set[str]]:
    """Shapes of stream messages by what they are."""
    found: dict[str, set[str]] = {}
    for message in messages:
        found.setdefault(kind_of(message), set()).add(json.dumps(shape(message)))
    return found


def kind_of(message: Any) -> str:
    """Stream, topic or channel without the symbol, and the type."""
    if "stream" in message:
        return re.sub(r"^[a-z0-9]+@", "", message["stream"])
    if "channel" in message:
        events = message.get("events")
        event = events[0].get("type", "") if events else ""
        return f"{message['channel']} {event}".strip()
    if "topic" in message:
        return f"{message['topic'].rpartition('.')[0]} {message['type']}"
    return f"answer to {message.get('op')}"


async def _heard(
    exchange: SimulatedExchange, url: str, *said: Any, seconds: float = 6.0
) -> list[Any]:
    async with wire_of(exchange, url, *said) as wire:
        await until(lambda: len(wire.heard) >= len(said), "answers")
        await exchange.advance(seconds)
        await asyncio.sleep(0)
        count = -1
        while count != len(wire.heard):
            count = len(wire.heard)
            await asyncio.sleep(0.05)
        assert not wire.broken
        return list(wire.heard)


def assert_same(simulated: dict[str, set[str]], real: dict[str, set[str]], *kinds: str) -> None:
    """Every shape that was heard of these kinds was recorded too."""
    for kind in kinds:
        assert kind in real, (kind, sorted(real))
        assert kind in simulated, (kind, sorted(simulated))
        unknown = simulated[kind] - real[kind]
        assert not unknown, f"{kind}: {unknown} is none of {real[kind]}"


@pytest.mark.parametrize(
    ("venue", "name", "url", "also"),
    [
        ("binance", "binance", SPOT, SPOT),
        ("binanceusdm", "binance_futures", PUBLIC, MARKET),
    ],
)
def test_binance_streams(market_data: Path, venue: str, name: str, url: str, also: str) -> None:
    async def scenario() -> None:
        streams = ("depth@100ms", "bookTicker", "aggTrade", "kline_1m")
        said = {"method": "SUBSCRIBE", "params": [f"btcusdt@{name}" for name in streams], "id": 1}
        heard = []
        async with exchange_of(venue) as exchange:
            for address in {url, also}:
                heard += (await _heard(exchange, address, said))[1:]
        real = shapes_by_kind(
            message for _, way, message in recorded(market_data, name) if way == "recv"
        )
        assert_same(_with_both_sides(shapes_by_kind(heard)), _with_both_sides(real), *streams)

    asyncio.run(scenario())


def _with_both_sides(shapes: dict[str, set[str]]) -> dict[str, set[str]]:
    """An update of one side alone is of the same kind."""
    return {kind: {text.replace('["or"]', _LEVELS) for text in shapes[kind]} for kind in shapes}


_LEVELS = json.dumps(shape([["1", "2"]]))


@pytest.mark.parametrize("what", ["exchangeInfo", "depth?symbol=BTCUSDT&limit=1000"])
@pytest.mark.parametrize("venue", ["binance", "binanceusdm"])
def test_binance_answers(market_data: Path, venue: str, what: str) -> None:
    async def scenario() -> None:
        futures = venue == "binanceusdm"
        root = "https://fapi.binance.com/fapi/v1" if futures else "https://api.binance.com/api/v3"
        name = "binance_futures" if futures else "binance"
        async with exchange_of(venue) as exchange, session_of(exchange) as session:
            answer = await (await session.get(f"{root}/{what}")).json()
        kind = what.partition("?")[0]
        real = [m for url, way, m in recorded(market_data, name) if way == "http" and kind in url]
        assert real
        for message in (answer, *real):
            for symbol in message.get("symbols", ()):
                # Filters differ by symbol; each of ours must be known.
                symbol["filters"] = {each["filterType"]: each for each in symbol["filters"]}
        if kind == "depth":
            assert shape(answer) == shape(real[0])
        else:
            _assert_rules(answer, real[0])

    asyncio.run(scenario())


def _assert_rules(answer: Any, real: Any) -> None:
    assert answer.keys() == real.keys()
    (ours,) = answer["symbols"]
    theirs = [
        symbol for symbol in real["symbols"] if ours["filters"].keys() <= symbol["filters"].keys()
    ]
    assert theirs
    for symbol in (ours, *theirs):
        for filter_type in set(symbol["filters"]) - set(ours["filters"]):
            del symbol["filters"][filter_type]
    for name in ours:
        if name not in ("orderTypes", "timeInForce", "permissions", "underlyingSubType"):
            shapes = [shape(symbol[name]) for symbol in theirs]
            assert shape(ours[name]) in shapes, name
    assert any(ours.keys() == symbol.keys() for symbol in theirs)


def test_single_binance_messages(market_data: Path) -> None:
    folder = market_data / "wire" / "binance_single_messages" / "futures" / "market_data_json"

    def sample(name: str) -> Any:
        return json.loads((folder / f"{name}.json").read_text())

    async def scenario() -> None:
        streams = ("markPrice@1s", "forceOrder", "ticker", "trade")
        said = {"method": "SUBSCRIBE", "params": [f"btcusdt@{name}" for name in streams], "id": 1}
        async with exchange_of("binanceusdm") as exchange:
            heard = await _heard(exchange, "wss://fstream.binance.com/market/ws", said)
        found = {message["e"]: message for message in heard if "e" in message}
        # Fields that the venue added later, or sends to some only.
        added = {"st", "ps"}
        for event, name in (
            ("markPriceUpdate", "mark_price_stream"),
            ("forceOrder", "liquidation_stream"),
            ("24hrTicker", "ticker_stream"),
        ):
            assert found[event].keys() == sample(name).keys() - added, event
            for field in found[event]:
                assert shape(found[event][field]) == shape(sample(name)[field]), (event, field)
        assert found["trade"].keys() - {"X"} == sample("trade_stream").keys()

    asyncio.run(scenario())


def test_recorded_liquidations_have_the_same_fields(market_data: Path) -> None:
    lines = (market_data / "wire" / "liquidation_frames.jsonl").read_text().splitlines()
    frames = [json.loads(line)["raw"] for line in lines]

    async def scenario() -> None:
        async with exchange_of("binanceusdm", "bybit") as exchange:
            said = {"method": "SUBSCRIBE", "params": ["btcusdt@forceOrder"], "id": 1}
            url = "wss://fstream.binance.com/market/ws"
            binance = (await _heard(exchange, url, said))[-1]
            said = {"op": "subscribe", "args": ["allLiquidation.BTCUSDT"]}
            bybit = (await _heard(exchange, LINEAR, said))[-1]
        assert shape(binance) in [shape(frame.get("data", frame)) for frame in frames]
        assert shape(bybit) in [shape(frame) for frame in frames]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "connection"), [(LINEAR, "BYBIT.ws.2"), (BYBIT_SPOT, "BYBIT.ws.3")]
)
def test_bybit_streams(market_data: Path, url: str, connection: str) -> None:
    topics = ("orderbook.200", "publicTrade", "tickers", "kline.1")

    async def scenario() -> None:
        exchange = SimulatedExchange(speed=None)
        exchange.add("bybit", SmallMarket("BTC/USDT:USDT"))
        exchange.add("bybit", SmallMarket("BTC/USDT"))
        said = [{"op": "subscribe", "args": [f"{topic}.BTCUSDT"]} for topic in topics]
        async with exchange:
            heard = await _heard(exchange, url, *said)
        real = [
            m
            for conn, way, m in recorded(market_data, "bybit")
            if conn == connection and way == "recv"
        ]
        simulated = _with_both_sides(shapes_by_kind(heard))
        shapes = _with_both_sides(shapes_by_kind(real))
        kinds = ["orderbook.200 snapshot", "orderbook.200 delta", "publicTrade snapshot"]
        assert_same(simulated, shapes, *kinds, "tickers snapshot", "kline.1 snapshot")
        if url == LINEAR:
            deltas = [m["data"].keys() for m in heard if kind_of(m) == "tickers delta"]
            full = next(m["data"].keys() for m in real if kind_of(m) == "tickers snapshot")
            assert deltas
            assert all(fields <= full for fields in deltas)
        answers = [m for m in heard if kind_of(m) == "answer to subscribe"]
        told = next(m for m in real if kind_of(m) == "answer to subscribe")
        for answer in answers:
            assert answer.keys() | {"req_id"} == told.keys() | {"req_id"}
            assert answer["success"] is True

    asyncio.run(scenario())


@pytest.mark.parametrize("category", ["linear", "spot"])
def test_bybit_rules(market_data: Path, category: str) -> None:
    async def scenario() -> Any:
        exchange = SimulatedExchange(speed=None)
        exchange.add("bybit", SmallMarket("BTC/USDT:USDT"))
        exchange.add("bybit", SmallMarket("BTC/USDT"))
        url = f"https://api.bybit.com/v5/market/instruments-info?category={category}"
        async with exchange, session_of(exchange) as session:
            return await (await session.get(url)).json()

    answer = asyncio.run(scenario())
    (real,) = [
        message
        for url, way, message in recorded(market_data, "bybit")
        if way == "http" and f"category={category}" in url
    ]
    assert answer.keys() == real.keys()
    assert answer["result"].keys() == real["result"].keys()
    assert shape(answer["result"]["list"][0]) in [shape(row) for row in real["result"]["list"]]


def test_coinbase_streams_and_products(market_data: Path) -> None:
    channels = ("market_trades", "candles", "ticker", "level2", "heartbeats")

    async def scenario() -> tuple[list[Any], Any]:
        async with exchange_of("coinbase") as exchange:
            await exchange.advance(3)
            said = [
                {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": channel}
                for channel in channels
            ]
            heard = await _heard(exchange, COINBASE, *said)
            async with session_of(exchange) as session:
                url = "https://api.coinbase.com/api/v3/brokerage/market/products"
                return heard, await (await session.get(url)).json()

    heard, products = asyncio.run(scenario())
    numbers = [message["sequence_num"] for message in heard]
    assert numbers == list(range(len(numbers)))
    real = list(recorded(market_data, "coinbase"))
    shapes = shapes_by_kind(message for _, way, message in real if way == "recv")
    kinds = [
        f"{name} {type_}"
        for name in ("market_trades", "ticker", "candles", "l2_data")
        for type_ in ("snapshot", "update")
    ]
    assert_same(shapes_by_kind(heard), shapes, *kinds, "heartbeats")
    (recorded_products,) = [message for _, way, message in real if way == "http"]
    assert shape(products["products"][0]) in [
        shape(product | {"alias_to": []}) for product in recorded_products["products"]
    ]


def test_hyperliquid_streams(market_data: Path) -> None:
    async def scenario() -> list[Any]:
        async with exchange_of("hyperliquid") as exchange:
            said = [
                {"method": "subscribe", "subscription": {"type": kind, "coin": "BTC"}}
                for kind in ("l2Book", "trades")
            ]
            return await _heard(exchange, HYPERLIQUID, *said)

    heard = asyncio.run(scenario())
    path = market_data / "wire" / "hyperliquid_btc_20250126.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    real = [json.loads(line.partition(" ")[2]) for line in lines]
    assert_same(shapes_by_kind(heard), shapes_by_kind(real), "l2Book", "trades")


@pytest.mark.parametrize(
    ("venue", "url", "path"),
    [
        ("binance", SPOT, "nexousdt-spot-20240724/nexousdt_20240723.dat.gz"),
        ("binanceusdm", PUBLIC, "btc-eth-20240808/usdm/btcusdt_20240808.gz"),
    ],
)
def test_single_trades_of_the_recordings(
    market_data: Path, venue: str, url: str, path: str
) -> None:
    async def scenario() -> list[Any]:
        said = {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}
        async with exchange_of(venue) as exchange:
            return (await _heard(exchange, url, said))[1:]

    heard = asyncio.run(scenario())
    with gzip.open(market_data / "recordings" / path, "rt") as lines:
        messages = (json.loads(line.partition(" ")[2]) for line in itertools.islice(lines, 3_000))
        real = [message for message in messages if message.get("stream", "").endswith("@trade")]
    # Spot told order ids (a, b) until 2024.
    for message in real:
        for gone in ("a", "b"):
            message["data"].pop(gone, None)
    assert_same(shapes_by_kind(heard), shapes_by_kind(real), "trade")
