"""A simulated exchange for tests: a small market of known events, and real clients of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any

import aiohttp
import ccxt.pro
import msgspec

from schemas.frame import NS_PER_MS, NS_PER_S, ContractKind, PositionSide, Side
from streams.events import (
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    LiquidationEvent,
    TradeEvent,
)
from streams.simulator.exchange.client import connector
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.orders import Fill
from streams.simulator.exchange.venues.bybit.account_messages import exec_id
from streams.simulator.market.source import Rules

START_NS = 1_735_689_657 * NS_PER_S
"""2025-01-01 00:00:57 UTC: a minute ends three seconds later."""
WITHIN_S = 60.0

SYMBOLS = {
    "binance": "BTC/USDT",
    "binanceusdm": "BTC/USDT:USDT",
    "bybit": "BTC/USDT:USDT",
    "coinbase": "BTC/USD",
    "hyperliquid": "BTC/USDC:USDC",
}
"""A symbol of each venue, as the venue quotes it."""


def rules_of(symbol: str) -> Rules:
    """Rules of a unified symbol; ticks of 0.1, steps of 0.001."""
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    return Rules(
        symbol=symbol,
        venue_id=f"{base}{quote}",
        base=base,
        quote=quote,
        settle=settle,
        tick_size=Decimal("0.1"),
        qty_step=Decimal("0.001"),
        min_notional=Decimal(5),
        kind=ContractKind.LINEAR if settle else ContractKind.SPOT,
    )


class SmallMarket:
    """A market source: a diff of some levels every 100 ms, trades in between, derivatives, and a
    liquidation of each side every second.
    """

    def __init__(self, symbol: str, *, seed: int = 1, start_ns: int = START_NS) -> None:
        self.rules = rules_of(symbol)
        self._rng = Random(seed)
        self._start_ns = start_ns
        self._center = 600_000
        self._bids = {self._center - i: 1_000 + i for i in range(120)}
        self._asks = {self._center + 1 + i: 1_000 + i for i in range(119)}

    def events(self) -> Iterator[tuple[int, Event]]:
        """Without an end."""
        name, update_id, trade_id = self.rules.venue_id, 100, 0
        bids, asks = _levels(self._bids, -1), _levels(self._asks, 1)
        yield self._start_ns, BookSnapshot(name, self._start_ns, update_id, bids, asks)
        at_ns = self._start_ns
        while True:
            if (at_ns - self._start_ns) % NS_PER_S == 0:
                yield from self._derivatives(at_ns)
            for _ in range(self._rng.randrange(4)):
                at_ns += 20 * NS_PER_MS
                trade_id += 1
                yield at_ns, self._trade(at_ns, trade_id)
            at_ns += 100 * NS_PER_MS - (at_ns - self._start_ns) % (100 * NS_PER_MS)
            changed = self._move()
            first_id = update_id + 1 + self._rng.randrange(3)
            last_id = first_id + self._rng.randrange(5)
            yield at_ns, BookDiff(name, at_ns, first_id, last_id, update_id, *changed)
            update_id = last_id

    def _move(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """A step of the center, and some other quantities."""
        bids, asks = dict(self._bids), dict(self._asks)
        self._center += self._rng.choice((-2, -1, 0, 0, 1, 2))
        for levels, sign in ((self._bids, -1), (self._asks, 1)):
            best = self._center + (sign > 0)
            for price in [p for p in levels if (p - best) * sign < 0]:
                del levels[price]
            for distance in range(40):
                if distance < 3 or self._rng.random() < 0.2:
                    levels[best + distance * sign] = 1 + self._rng.randrange(5_000)
        return _changed(bids, self._bids), _changed(asks, self._asks)

    def _trade(self, at_ns: int, trade_id: int) -> TradeEvent:
        side = self._rng.choice((Side.BUY, Side.SELL))
        price = min(self._asks) if side is Side.BUY else max(self._bids)
        qty = _qty(1 + self._rng.randrange(900))
        name = self.rules.venue_id
        return TradeEvent(
            name, at_ns, _price(price), qty, int(side), 0, trade_id, trade_id, trade_id
        )

    def _derivatives(self, at_ns: int) -> Iterator[tuple[int, Event]]:
        if self.rules.kind is ContractKind.SPOT:
            return
        name, price = self.rules.venue_id, _price(self._center)
        yield (
            at_ns,
            DerivativesEvent(
                name,
                at_ns,
                mark_price=price,
                index_price=_price(self._center - 7),
                funding_rate="0.00012",
                open_interest="80123.456",
                long_short_ratio="1.7",
            ),
        )
        for side in PositionSide:
            yield at_ns, LiquidationEvent(name, at_ns, int(side), price, "1.500")


def _price(ticks: int) -> str:
    return f"{ticks // 10}.{ticks % 10}"


def _qty(steps: int) -> str:
    return f"{steps // 1000}.{steps % 1000:03d}"


def _levels(levels: dict[int, int], way: int) -> list[tuple[str, str]]:
    return [(_price(p), _qty(levels[p])) for p in sorted(levels, key=lambda p: p * way)]


def _changed(before: dict[int, int], after: dict[int, int]) -> list[tuple[str, str]]:
    prices = sorted(before.keys() | after.keys())
    return [
        (_price(p), _qty(after.get(p, 0))) for p in prices if before.get(p, 0) != after.get(p, 0)
    ]


@asynccontextmanager
async def exchange_of(
    *venues: str, speed: float | None = None, seed: int = 1
) -> AsyncIterator[SimulatedExchange]:
    """An exchange that keeps the truth, with the small market of each venue, or of the symbol that
    is named as ``venue:symbol``.
    """
    exchange = SimulatedExchange(speed=speed, truth=True)
    for market in venues:
        venue, _, symbol = market.partition(":")
        exchange.add(venue, SmallMarket(symbol or SYMBOLS[venue], seed=seed))
    async with exchange:
        yield exchange


@asynccontextmanager
async def session_of(exchange: SimulatedExchange) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that reaches the exchange under the venues' real names."""
    async with aiohttp.ClientSession(
        connector=connector(port=exchange.port, ca_file=exchange.ca_file)
    ) as session:
        yield session


@asynccontextmanager
async def ccxt_of(exchange: SimulatedExchange, venue: str, **config: Any) -> AsyncIterator[Any]:
    """ccxt.pro as it is, with a session that leads to the exchange. Its rate limiter is off, so
    that tests do not wait for it.
    """
    async with session_of(exchange) as session:
        client = getattr(ccxt.pro, venue)({"session": session, "enableRateLimit": False, **config})
        try:
            yield client
        finally:
            await client.close()


class Wire:
    """A WebSocket client that gathers what it hears, decoded where it is JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.heard: list[Any] = []
        self.broken: list[str] = []
        self.pongs = 0
        self.close_code: int | None = None
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            message = await self.socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                try:
                    self.heard.append(msgspec.json.decode(message.data))
                except msgspec.DecodeError:
                    self.broken.append(message.data)
            elif message.type is aiohttp.WSMsgType.PONG:
                self.pongs += 1
            else:
                closing = message.type is aiohttp.WSMsgType.CLOSE
                self.close_code = message.data if closing else self.socket.close_code
                return

    @property
    def over(self) -> bool:
        """Whether the connection has ended."""
        return self._listening.done()

    async def close(self) -> None:
        """End it."""
        await self.socket.close()
        self._listening.cancel()


@asynccontextmanager
async def wire_of(exchange: SimulatedExchange, url: str, *said: Any) -> AsyncIterator[Wire]:
    """A WebSocket to an address, after saying so much."""
    async with session_of(exchange) as session:
        wire = Wire(await session.ws_connect(url, autoping=False))
        try:
            for message in said:
                await wire.socket.send_str(msgspec.json.encode(message).decode())
            yield wire
        finally:
            await wire.close()


async def until(condition: Callable[[], Any], what: str = "it") -> None:
    """Wait until something holds; fail if it does not in time."""
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, f"{what} never came"
        await asyncio.sleep(0.002)


KEY = ApiKey(name="desk", key="k" * 64, secret="s" * 64)
"""Of an account with 100,000 USDT."""


def told_id(exchange: SimulatedExchange, venue: str, fill: Fill) -> str:
    """The id under which a venue tells a true trade."""
    if venue == "bybit":
        return exec_id(exchange.listing(venue, fill.symbol), fill)
    return str(fill.id)


@asynccontextmanager
async def trader_of(
    exchange: SimulatedExchange, venue: str, key: ApiKey = KEY, **config: Any
) -> AsyncIterator[Any]:
    """ccxt.pro with a key, markets loaded; the account is opened if it is not there."""
    if not any(key.key in desk.accounts for desk in exchange.desks.values()):
        exchange.open_accounts(key)
    async with ccxt_of(exchange, venue, apiKey=key.key, secret=key.secret, **config) as client:
        await client.load_markets()
        yield client
