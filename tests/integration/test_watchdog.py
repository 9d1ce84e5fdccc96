"""A feed that falls silent, and comes back: logged, and decided the same when it is read again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from agents.execution.account import Account
from agents.execution.sequencer import Sequencer
from agents.runtime import roles, running
from schemas.control import Absent, FeedStale, Resumed
from schemas.digest import digest
from schemas.frame import Frame, Message
from schemas.order import Fill, Order, Position
from schemas.score import ConfluenceScore
from schemas.settings import Settings, settings_from
from schemas.signal import Signal
from schemas.topics import CONFLUENCE_SCORES, CONTROL, FILLS, FRAMES, ORDERS, SIGNALS, Topic
from streams.publish import FramePublisher
from streams.recordings import sources_from
from streams.transport.log import Log, TopicPartition, open_log, topic_specs
from tests.golden.sources import golden_paths

KEYS = ("binanceusdm:BTC/USDT:USDT", "binanceusdm:ETH/USDT:USDT")
PATIENCE_S = 60.0

M = TypeVar("M", bound=Message)


def settings_at(url: str) -> Settings:
    return settings_from(
        {
            "broker": {"url": url, "partitions": 2},
            "signals": {
                "long_threshold": 55, "short_threshold": 45, "exit_band": 2,
                "reliability_floor": 0, "cooldown_s": 1,
            },
            "runtime": {"symbols": KEYS, "absent_after_s": 0.5, "snapshot_interval_s": 20},
        }
    )  # fmt: skip


class Bench:
    """Roles on an embedded broker, fed by hand."""

    def __init__(self, log: Log, settings: Settings) -> None:
        self.log = log
        self.settings = settings
        self.publisher = FramePublisher(log, settings)

    async def publish(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            await self.publisher.publish(frame)
        await self.publisher.settle()

    async def all_of(self, topic: Topic) -> list[Message]:
        decoder = topic.decoder()
        found: list[Message] = []
        for number in range(topic.partition_count(self.settings.broker.partitions)):
            at = TopicPartition(topic.name, number)
            end = (await self.log.end_offsets([at]))[at]
            offset = 0
            while offset < end:
                for record in await self.log.read(topic.name, number, offset, max_records=5_000):
                    found.append(decoder.decode(record.value or b""))
                    offset = record.offset + 1
        return found

    async def until(self, topic: Topic, holds: Callable[[list[Message]], bool]) -> list[Message]:
        deadline = time.monotonic() + PATIENCE_S
        while not holds(found := await self.all_of(topic)):
            assert time.monotonic() < deadline, f"{topic.name}: {found[-3:]}"
            await asyncio.sleep(0.05)
        return found

    async def read_again(self) -> list[Message]:
        """What the account decides when it reads the log from its beginning."""
        sequencer, account = Sequencer(KEYS), Account(self.settings)
        state = account.initial()
        for record in await self.all_of(CONTROL):
            match record:
                case Absent():
                    sequencer.absent(record)
                case Resumed():
                    sequencer.resumed(record)
                case _:
                    pass
        for topic in (CONFLUENCE_SCORES, SIGNALS, FRAMES):
            for message in await self.all_of(topic):
                match message:
                    case ConfluenceScore():
                        sequencer.add_score(message)
                    case Signal():
                        sequencer.add_signal(message)
                    case Frame():
                        sequencer.add_frame(message)
                    case _:
                        pass
        steps = sequencer.steps()
        return [given for step in steps for given in account.step(state, step.frame, step.signal)]


def of(kind: type[M], messages: Sequence[Message]) -> list[M]:
    return [m for m in messages if isinstance(m, kind)]


@pytest.mark.needs_market_data
def test_a_silent_symbol_is_declared_absent_and_counts_again_when_it_returns(
    market_data: Path,
) -> None:
    asyncio.run(silent_and_back(market_data))


async def silent_and_back(market_data: Path) -> None:
    url = "embedded://watchdog"
    settings = settings_at(url)
    log = await open_log(url)
    await log.ensure_topics(topic_specs(settings.broker))
    bench = Bench(log, settings)
    btc, eth = (
        list(sources_from(golden_paths(market_data, name))[0].frames(settings.frames))[:1_500]
        for name in ("BTC_usdm_20240808", "ETH_usdm_20240808")
    )
    started = [roles.worker(settings), roles.execution(settings)]
    await running.start_together(started)
    try:
        # ETH falls silent after a third of the time, BTC goes on.
        silent_ns, back_ns = eth[500].close_ns, eth[1_000].close_ns
        await bench.publish(eth[:501])
        await bench.publish([f for f in btc if f.close_ns <= back_ns])
        control = await bench.until(CONTROL, lambda found: bool(of(Absent, found)))
        assert [(a.symbol, a.from_ns) for a in of(Absent, control)] == [
            ("ETH/USDT:USDT", silent_ns)
        ]
        assert of(FeedStale, control)[0].since_ns == silent_ns
        last_ns = max(f.close_ns for f in btc if f.close_ns <= back_ns)
        stage = started[1].stages[0]
        while stage.steps_applied.get(KEYS[0]) != last_ns:  # type: ignore[attr-defined]
            await asyncio.sleep(0.02)

        # It comes back; what it sends for the time before that does not count any more.
        await bench.publish(eth[501:])
        (back,) = of(Resumed, await bench.until(CONTROL, lambda found: bool(of(Resumed, found))))
        assert back.from_ns >= silent_ns
        await bench.publish([f for f in btc if f.close_ns > back_ns])
        await bench.publisher.finish()
        counted = [f for f in eth[501:] if f.close_ns > back.from_ns]
        while stage.steps_applied.get(KEYS[1]) != counted[-1].close_ns:  # type: ignore[attr-defined]
            await asyncio.sleep(0.02)
        while stage.steps_applied.get(KEYS[0]) != btc[-1].close_ns:  # type: ignore[attr-defined]
            await asyncio.sleep(0.02)

        again = await bench.read_again()
        orders = await bench.until(ORDERS, lambda found: len(found) >= len(of(Order, again)))
        assert digest([*orders]) == digest([*of(Order, again)])
        assert digest(await bench.all_of(FILLS)) == digest([*of(Fill, again)])
        assert of(Position, again)
    finally:
        for role in started:
            await role.app.stop()
        await log.close()
