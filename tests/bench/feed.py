"""A live feed of a hundred symbols, from ccxt's sockets to the log: what it costs, what is late.

The exchange runs in a process of its own, and what it sends is made beforehand, so that the feed's
core is measured alone. Run it alone with ``python -m tests.bench.feed``; ``--minutes 10`` runs long
and watches memory.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import time
from collections import Counter
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import uvloop
from rich.console import Console

from agents.runtime import huge_pages
from schemas.clock import now_ns
from schemas.frame import Frame
from schemas.health import DeadLetter, Heartbeat
from schemas.settings import Settings, settings_from
from streams.exchanges.venue import venue_of
from streams.feed.live import LiveFeed
from streams.merge import FeedMessage
from streams.publish import FramePublisher
from streams.simulator.exchange.client import connector
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.transport.log import open_log, topic_specs
from tests.bench.report import Row, table_of
from tests.support.drifting import DriftingMarket

VENUE = "binanceusdm"
SYMBOLS = tuple(f"S{number:02d}/USDT:USDT" for number in range(100))
TRADES_PER_S, BOOKS_PER_S, LEVELS = 20.0, 10.0, 20
"""Per symbol: 2,000 trades and 1,000 changes of 20 + 20 levels a second in all."""
SECONDS = 20.0
WARM_UP_S = 5.0
CORES = 0.40
BESIDE_INTERVAL_MS = 5.0
MAX_GROWTH_MIB = 4.0
STEP_NS = 100_000
LONG_S = 180.0
"""From here on the last third of a run tells whether memory grows."""
KEPT_BYTES = 1 << 20
"""Of each partition."""


def exchange_process(pipe: Connection) -> None:
    """The simulated exchange; sends where it listens, then what was traded when asked."""

    async def serve() -> None:
        exchange = SimulatedExchange(speed=1.0, truth=False)
        start_ns = now_ns() + 2_000_000_000
        for seed, symbol in enumerate(SYMBOLS):
            exchange.add(
                VENUE,
                DriftingMarket(
                    symbol,
                    start_ns=start_ns,
                    seed=seed,
                    trades_per_s=TRADES_PER_S,
                    changes_per_s=BOOKS_PER_S,
                    levels=LEVELS,
                ),
            )
        async with exchange:
            pipe.send((exchange.port, str(exchange.ca_file)))
            while not pipe.poll():
                await asyncio.sleep(0.05)

    asyncio.run(serve())


class Meter:
    """What came through, and how long after its receipt."""

    def __init__(self) -> None:
        self.delays: Counter[int] = Counter()
        """How many trades took so many steps of :data:`STEP_NS`. A list would outgrow the feed."""
        self.trades = self.books = self.frames = 0
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.missing = 0
        self.measuring = False

    def add(self, batch: list[FeedMessage]) -> None:
        """Take what was just published."""
        done_ns = now_ns()
        for message in batch:
            if not isinstance(message, Frame) or not self.measuring:
                continue
            self.frames += 1
            self.missing += message.quality.missing_ids
            self.trades += len(message.trades)
            self.delays.update((done_ns - at_ns) // STEP_NS for at_ns in message.trades.receive_ns)
            if message.trades.id:
                self.first.setdefault(message.symbol, int(message.trades.id[0]))
                self.last[message.symbol] = int(message.trades.id[-1])

    def delay_ms(self, share: float) -> float:
        """What this share of the trades did not exceed, to a step."""
        left = share * self.delays.total()
        for steps, count in sorted(self.delays.items()):
            left -= count
            if left <= 0:
                return (steps + 1) * STEP_NS / 1e6
        return 0.0

    def delivered(self) -> float:
        """Share of the trades between first and last that came."""
        told = sum(self.last[name] - first + 1 for name, first in self.first.items())
        return self.trades / told if told else 0.0


async def measure(port: int, ca_file: str, seconds: float) -> list[Row]:
    """Run a feed against the exchange for so long."""
    settings: Settings = settings_from({"feed": {"history_bars": 0, "poll_s": 60.0}})
    meter = Meter()
    huge_pages.keep()
    log = await open_log("embedded://bench-feed")
    # The log holds what was published; bounded, so that what grows is the feed.
    specs = topic_specs(settings.broker)
    await log.ensure_topics([replace(spec, retention_bytes=KEPT_BYTES) for spec in specs])
    publisher = FramePublisher(log, settings)

    async def publish(batch: list[FeedMessage]) -> None:
        await publisher.publish_batch(batch)
        publisher.look()
        meter.add(batch)

    async def beat(_beat: Heartbeat) -> None:
        """Nobody listens."""

    letters: list[DeadLetter] = []

    stop = asyncio.Event()
    async with aiohttp.ClientSession(connector=connector(port=port, ca_file=ca_file)) as session:
        feed = LiveFeed(
            venue_of(VENUE),
            settings,
            session=session,
            publish=publish,
            beat=beat,
            on_dead_letter=letters.append,
            epoch_of=publisher.epoch_of,
        )
        running = asyncio.create_task(feed.run(",".join(SYMBOLS), stop))
        while feed.status() != "ok" and not running.done():
            await asyncio.sleep(0.1)
        await asyncio.sleep(WARM_UP_S)
        meter.measuring = True
        messages = feed.counters.counts["messages"]
        cpu_s, wall_s = time.process_time(), time.monotonic()
        # Caches of texts are full after a minute or so, and are emptied and filled in turn from
        # then on: what grows is the highest that memory comes to.
        await asyncio.sleep(seconds / 3)
        before_mib = await highest_mib(seconds / 3)
        growth_mib = await highest_mib(seconds / 3) - before_mib
        cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - wall_s
        messages = feed.counters.counts["messages"] - messages
        meter.measuring = False
        stop.set()
        await running
    await log.close()
    limit_ms = settings.frames.interval_ms + BESIDE_INTERVAL_MS
    return [
        Row("cores, publishing included", cpu_s / wall_s, "cores", CORES, at_most=True),
        Row("messages received", messages / wall_s, "1/s"),
        Row("trades in frames", meter.trades / wall_s, "1/s"),
        Row("trades delivered", 100 * meter.delivered(), "%", 100.0),
        Row("dead letters", len(letters), "", 0.0, at_most=True),
        Row("frames published", meter.frames / wall_s, "1/s"),
        Row("receipt to publication, p50", meter.delay_ms(0.50), "ms"),
        Row("receipt to publication, p99", meter.delay_ms(0.99), "ms", limit_ms, at_most=True),
        Row(
            f"growth in the last {seconds / 3:.0f} s",
            growth_mib,
            "MiB",
            MAX_GROWTH_MIB if seconds >= LONG_S else None,
            at_most=True,
        ),
    ]


async def highest_mib(seconds: float) -> float:
    """The most resident memory within so long, looked at every second."""
    highest, end_s = 0.0, time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        highest = max(highest, resident_mib())
        await asyncio.sleep(min(1.0, left_s))
    return highest


def resident_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(seconds: float = SECONDS) -> list[Row]:
    """Start the exchange, and measure."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    exchange = context.Process(target=exchange_process, args=(there,), daemon=True)
    exchange.start()
    try:
        port, ca_file = here.recv()
        return uvloop.run(measure(port, ca_file, seconds))
    finally:
        here.send("stop")
        exchange.join(10)
        if exchange.is_alive():
            exchange.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=SECONDS / 60)
    chosen = parser.parse_args()
    Console().print(table_of(("feed", row) for row in main(chosen.minutes * 60)))
