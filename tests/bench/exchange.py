"""How much the simulated exchange can say: 100 symbols, 2,000 trades and 1,000 books a second.

``python -m tests.bench.exchange`` runs it alone. The market is made beforehand, so what is measured
is the exchange: book, tape and bars, encoding, TLS and sockets. One client in another process
subscribes to trades and depth of all symbols and counts; then three clients do.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from random import Random

import aiohttp

from schemas.frame import NS_PER_S
from streams.events import BookDiff, BookSnapshot, Event, TradeEvent
from streams.simulator.exchange.client import connector
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.market.source import Rules
from tests.bench.report import Row
from tests.support.simulated import START_NS, rules_of

SYMBOLS = 100
TRADES_PER_S = 2_000
BOOKS_PER_S = 1_000
PER_S = TRADES_PER_S + BOOKS_PER_S
LEVELS = 20
SECONDS = 10
MOST_OF_A_CORE = 0.5
"""The simulator must leave the other half to what is tested on it."""
URL = "wss://fstream.binance.com/public/ws"


class SteadyMarket:
    """Trades and diffs at a steady pace; each diff sets 20 levels a side near the touch."""

    def __init__(self, number: int) -> None:
        self.rules: Rules = rules_of(f"C{number:03d}/USDT:USDT")
        self._number = number

    def events(self) -> Iterator[tuple[int, Event]]:
        """Without an end; made in advance, then told again with other times and ids."""
        rng, name = Random(self._number), self.rules.venue_id
        center, spare = 60_000.0, 400
        bids = [f"{center - i / 10:.1f}" for i in range(spare)]
        asks = [f"{center + (1 + i) / 10:.1f}" for i in range(spare)]

        def some(prices: list[str]) -> list[tuple[str, str]]:
            chosen = sorted(rng.sample(range(40), LEVELS))
            return [(prices[i], f"{rng.random() * 9 + 0.001:.3f}") for i in chosen]

        diffs = [(some(bids), some(asks)) for _ in range(50)]
        trades = [(f"{rng.random() * 3 + 0.001:.3f}", rng.choice((1, -1))) for _ in range(50)]
        trade_every = NS_PER_S * SYMBOLS // TRADES_PER_S
        per_book = TRADES_PER_S // BOOKS_PER_S
        full = [[(price, "5.000") for price in side] for side in (bids, asks)]
        yield START_NS, BookSnapshot(name, START_NS, 1, full[0], full[1])
        at_ns = START_NS + self._number * trade_every // SYMBOLS
        for count in itertools.count(1):
            at_ns += trade_every
            qty, side = trades[count % 50]
            price = asks[0] if side > 0 else bids[0]
            yield at_ns, TradeEvent(name, at_ns, price, qty, side, 0, count, count, count)
            if count % per_book == 0:
                book = count // per_book + 1
                yield at_ns, BookDiff(name, at_ns, book, book, book - 1, *diffs[book % 50])


async def _count(port: int, ca_file: Path, pipe: Pipe) -> None:
    """Subscribe to all, and tell how much was heard when asked."""
    streams = [
        f"c{number:03d}usdt@{what}"
        for number in range(SYMBOLS)
        for what in ("trade", "depth@100ms")
    ]
    door = connector(port=port, ca_file=ca_file)
    async with aiohttp.ClientSession(connector=door) as session, session.ws_connect(URL) as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": streams, "id": 1})
        heard = -1  # the answer is none of them

        async def listen() -> None:
            nonlocal heard
            async for _message in socket:
                heard += 1
                if heard == 0:
                    pipe.send(0)

        listening = asyncio.create_task(listen())
        while not pipe.poll():
            await asyncio.sleep(0.05)
        wanted = pipe.recv()
        while heard < wanted and not listening.done():
            await asyncio.sleep(0.01)
        pipe.send(heard)
        listening.cancel()


def _client(port: int, ca_file: Path, pipe: Pipe) -> None:
    asyncio.run(_count(port, ca_file, pipe))


async def _measure(clients: int, *, speed: float | None) -> tuple[float, float]:
    """CPU seconds per second of market, and the share of messages that the clients heard."""
    exchange = SimulatedExchange(speed=speed)
    for number in range(SYMBOLS):
        exchange.add("binanceusdm", SteadyMarket(number))
    context = multiprocessing.get_context("spawn")
    async with exchange:
        pipes = []
        for _ in range(clients):
            ours, theirs = context.Pipe()
            context.Process(
                target=_client, args=(exchange.port, exchange.ca_file, theirs), daemon=True
            ).start()
            pipes.append(ours)
        for pipe in pipes:
            await asyncio.to_thread(pipe.recv)
        hub = exchange.venues["binanceusdm"].hub
        sent, cpu = hub.delivered, time.process_time()
        if speed is None:
            await exchange.advance(SECONDS)
        else:
            await asyncio.sleep(SECONDS)
        sent, cpu = hub.delivered - sent, time.process_time() - cpu
        heard = 0
        for pipe in pipes:
            pipe.send(sent // clients)
            heard += await asyncio.to_thread(pipe.recv)
        return cpu * PER_S * clients / sent, heard / sent


def main() -> list[Row]:
    """Figures of the exchange at the pace that is asked for, and as fast as it can."""
    rows = []
    for clients in (1, 3):
        cpu, share = asyncio.run(_measure(clients, speed=1.0))
        name = f"{SYMBOLS} symbols, {PER_S:,} messages/s to {clients} clients"
        most = MOST_OF_A_CORE if clients == 1 else None
        rows.append(Row(f"{name}: of a core", cpu, "core", most, at_most=True))
        rows.append(Row(f"{name}: heard", 100 * min(share, 1.0), "%", 100.0))
    cpu, _ = asyncio.run(_measure(1, speed=None))
    rows.append(Row("as fast as it can, one client", PER_S / cpu, "messages/s of a core"))
    return rows


if __name__ == "__main__":
    for row in main():
        print(f"{row.name}: {row.value:,.3f} {row.unit}")
