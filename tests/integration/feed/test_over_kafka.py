"""The whole way of a live feed: exchange, ccxt.pro, `prism feed --venue` as a process, Kafka."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from schemas.clock import now_ns
from schemas.frame import Frame
from schemas.health import Heartbeat
from schemas.topics import FRAMES, HEALTH
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.transport.log import Log, TopicPartition, open_log
from tests.support.drifting import DriftingMarket
from tests.support.kafka import KafkaServer
from tests.support.live import check_frames
from tests.support.prism import started

VENUE = "binanceusdm"
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
PREFIX = "livefeed."
PATIENCE_S = 120.0


class Topics:
    """What is on the topics of frames and health, read on and on."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._offsets = {FRAMES: 0, HEALTH: 0}
        self.frames: list[Frame] = []
        self.beats: list[Heartbeat] = []

    async def until(self, happened: Callable[[], bool]) -> None:
        """Read until it has happened."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not happened():
                    await self._read_on()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            seen = Counter(
                (frame.symbol, frame.epoch, frame.book is not None) for frame in self.frames
            )
            said = [beat.status for beat in self.beats]
            raise AssertionError(f"not within {PATIENCE_S} s; frames {seen}, said {said}") from None

    async def _read_on(self) -> None:
        for topic, offset in self._offsets.items():
            at = TopicPartition(PREFIX + topic.name, 0)
            if at.topic not in await self._log.partition_counts():
                continue
            if (await self._log.end_offsets([at]))[at] == offset:
                continue
            for record in await self._log.read(at.topic, 0, offset, wait_ms=100):
                self._offsets[topic] = record.offset + 1
                message = topic.decoder().decode(record.value or b"")
                if isinstance(message, Frame):
                    self.frames.append(message)
                elif isinstance(message, Heartbeat):
                    self.beats.append(message)

    def of(self, symbol: str, epoch: int) -> list[Frame]:
        """A symbol's frames of one life of the feed."""
        return [f for f in self.frames if (f.symbol, f.epoch) == (symbol, epoch)]

    def told(self, epoch: int, *, frames: int) -> Callable[[], bool]:
        """Whether so many frames with a book, and one with trades, are there of every symbol."""
        return lambda: all(
            sum(frame.book is not None for frame in of_symbol) >= frames
            and any(frame.trades.id for frame in of_symbol)
            for of_symbol in (self.of(symbol, epoch) for symbol in SYMBOLS)
        )


@pytest.mark.needs_kafka
def test_frames_on_kafka_equal_the_exchanges_truth_and_a_killed_feed_begins_an_epoch(
    kafka: KafkaServer,
) -> None:
    asyncio.run(_live_then_killed(kafka))


async def _live_then_killed(kafka: KafkaServer) -> None:
    exchange = SimulatedExchange(speed=1.0, truth=True)
    for seed, symbol in enumerate(SYMBOLS):
        exchange.add(VENUE, DriftingMarket(symbol, start_ns=now_ns(), seed=seed))
    async with exchange:
        command = (
            "feed", "--venue", VENUE, "--symbols", ",".join(SYMBOLS),
            "--broker", f"kafka://{kafka.bootstrap}", "--partitions", "1",
            f"--set=broker.topic_prefix={PREFIX}", "--set=runtime.heartbeat_s=0.5",
            "--set=feed.history_bars=0", "--set=feed.keep_alive_s=5",
            f"--set=feed.connect_to=127.0.0.1:{exchange.port}",
            f"--set=feed.ca_file={exchange.ca_file}",
        )  # fmt: skip
        log = await open_log(f"kafka://{kafka.bootstrap}")
        try:
            topics = Topics(log)
            with started(*command) as feed:
                await topics.until(topics.told(1, frames=30))
                feed.kill()
                await asyncio.to_thread(feed.wait)
            with started(*command) as feed:
                await topics.until(topics.told(2, frames=30))
                await _stop(feed)
            await topics.until(lambda: topics.beats[-1].status.startswith("stopped; "))
        finally:
            await log.close()
        assert "ok" in {beat.status for beat in topics.beats}
        for symbol in SYMBOLS:
            for epoch in (1, 2):
                frames = topics.of(symbol, epoch)
                assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
                check_frames(frames, exchange.truth(VENUE, symbol))
            of_both = [frame for frame in topics.frames if frame.symbol == symbol]
            assert [frame.epoch for frame in of_both] == sorted(frame.epoch for frame in of_both)
            assert all(a.close_ns < b.close_ns for a, b in pairwise(of_both))


async def _stop(feed: subprocess.Popen[str]) -> None:
    feed.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(feed.wait) == 0
