"""Halt, flatten and resume amid trading: decided once, and the same whenever it is read again.

People command at some wall time; the account answers with the tick from which it holds. Given the
same commands with these ticks from the start, the pipeline must decide the same to the last byte.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import pytest

from agents.pipeline import Pipeline
from schemas.control import Command, Flatten, Halt, Resume, TradingMode
from schemas.frame import Frame, Message
from schemas.order import Flattened, Order, OrderStatus
from schemas.settings import Settings
from schemas.topics import CONTROL, ORDERS, POSITIONS
from streams.commands import CommandLine
from streams.publish import FramePublisher
from streams.transport.log import Log, open_log
from tests.chaos.cluster import Cluster, short_cluster
from tests.chaos.inside import Inside
from tests.chaos.market import short_market, short_settings
from tests.chaos.outputs import Outputs, digests
from tests.support.kafka import KafkaServer

PATIENCE_S = 120.0

pytestmark = pytest.mark.timeout(300)


def decided(
    frames: list[Frame], settings: Settings, commands: list[Command]
) -> dict[str, list[Message]]:
    """What the pipeline makes of frames, all commands known from the start."""
    pipeline = Pipeline(settings)
    outputs: dict[str, list[Message]] = {}
    for message in [*commands, *frames]:
        for record in pipeline.process(message):
            outputs.setdefault(record.topic.name, []).append(record.message)
    outputs.pop("alerts", None)
    return outputs


class Stand(Protocol):
    """Roles on a broker that can be killed."""

    log: Log

    async def start(self, *names: str) -> None: ...
    async def kill(self, name: str) -> None: ...
    def look(self) -> None: ...
    async def play(self, messages: Iterable[Frame]) -> None: ...
    async def finish(self, expected: Outputs) -> dict[str, tuple[int, str]]: ...


class Processes:
    """Roles as processes on Kafka, each killed with SIGKILL."""

    def __init__(self, cluster: Cluster, log: Log, settings: Settings) -> None:
        self.log, self._cluster = log, cluster
        self._publisher = FramePublisher(log, settings)

    async def start(self, *names: str) -> None:
        self._cluster.start(*names)

    async def kill(self, name: str) -> None:
        self._cluster.kill(name)

    def look(self) -> None:
        self._cluster.look()

    async def play(self, messages: Iterable[Frame]) -> None:
        for message in messages:
            await self._publisher.publish(message)
        await self._publisher.settle()

    async def finish(self, expected: Outputs) -> dict[str, tuple[int, str]]:
        await self._publisher.finish()
        return await self._cluster._finish(expected, PATIENCE_S)


class Trading:
    """A market played in parts, and a person who commands."""

    def __init__(self, roles: Stand, line: CommandLine, frames: list[Frame]) -> None:
        self.roles, self.line, self.frames = roles, line, frames

    async def play(self, count: int) -> None:
        now, self.frames = self.frames[:count], self.frames[count:]
        await self.roles.play(now)

    async def until(self, holds: Callable[[list[Order]], bool]) -> list[Order]:
        deadline = time.monotonic() + PATIENCE_S
        while not holds(orders := await self.line.all_of(ORDERS, Order, account="paper")):
            assert time.monotonic() < deadline, orders[-3:]
            self.roles.look()
            await asyncio.sleep(0.02)
        return orders

    async def command(self, command: Command) -> Command:
        await self.line.send(command)
        taken = await self.line.taken(command, within_s=PATIENCE_S)
        assert taken is not None
        return taken


def statuses(orders: list[Order], status: OrderStatus) -> list[Order]:
    return [order for order in orders if order.status is status]


async def a_day_with_commands(roles: Stand, settings: Settings) -> None:
    frames = short_market().frames
    line = CommandLine(roles.log, settings.broker)
    day = Trading(roles, line, list(frames))
    await roles.start("worker", "execution")
    await day.play(60)
    await day.until(lambda orders: len(statuses(orders, OrderStatus.FILLED)) >= 1)
    # Amid the market: frames are applied while the command is on its way and when it comes back.
    halt = Halt("paper", None, "rumour", id="h", by="ada")
    halted, _ = await asyncio.gather(day.command(halt), day.play(9))
    await day.play(21)
    found = await day.until(lambda orders: any(o.reason.startswith("halt:") for o in orders))
    assert halted.effective_ns is not None
    intents = statuses(found, OrderStatus.INTENT)
    # What was on its way may still fill, and is then protected; nothing new is opened.
    after = [order for order in intents if order.tick_ns > halted.effective_ns]
    assert [order for order in after if not order.reduce_only] == []

    # The account dies; the person commands while nobody is there; another takes over.
    await roles.kill("execution")
    await line.send(Resume("paper", None, "calm", id="r", by="bob"))
    softer = Halt("paper", None, "wary", id="s", by="bob", mode=TradingMode.REDUCE_ONLY)
    await line.send(softer)
    await roles.start("execution2")
    softened = await line.taken(softer, within_s=PATIENCE_S)
    assert softened is not None
    assert (softened.effective_ns or 0) >= found[-1].tick_ns  # behind what the dead one decided
    await day.play(36)
    await day.until(lambda orders: any(o.reason.startswith("reduce_only:") for o in orders))
    free = await day.command(Resume("paper", None, "over", id="q", by="ada"))
    await day.play(48)
    await day.until(
        lambda orders: any(
            order.tick_ns > (free.effective_ns or 0)
            for order in statuses(orders, OrderStatus.FILLED)
        )
    )

    flatten = await day.command(Flatten("paper", None, "enough", id="f", by="ada"))
    await day.play(60)
    assert await line.flattened(flatten, within_s=PATIENCE_S)
    await roles.kill("execution2")
    await roles.start("execution3")
    await day.play(len(day.frames))

    kinds: tuple[type[Command], ...] = (Halt, Resume, Flatten)
    given = await line.all_of(CONTROL, kinds, account="paper")
    commands = [command for command in given if command.effective_ns is not None]
    assert [command.id for command in commands] == ["h", "r", "s", "q", "f"]
    expected = decided(frames, settings, commands)
    done = [record for record in expected[POSITIONS.name] if isinstance(record, Flattened)]
    assert [record.command_id for record in done] == ["f"]
    assert await roles.finish(expected) == digests(expected)


async def on_embedded(settings: Settings) -> None:
    async with Inside(settings) as roles:
        await a_day_with_commands(roles, settings)


async def on_kafka(cluster: Cluster, settings: Settings) -> None:
    log = await open_log(settings.broker.url)
    try:
        await a_day_with_commands(Processes(cluster, log, settings), settings)
    finally:
        await log.close()


def test_on_the_embedded_broker_with_two_deaths_of_the_account() -> None:
    settings = short_settings(url="embedded://halts")
    # No snapshot: who takes over begins anew, far behind what the dead one has sent.
    runtime = settings.runtime.model_copy(update={"snapshot_interval_s": 600})
    asyncio.run(on_embedded(settings.model_copy(update={"runtime": runtime})))


@pytest.mark.needs_kafka
def test_on_kafka_with_two_deaths_of_the_account(kafka: KafkaServer, tmp_path: Path) -> None:
    settings = short_settings(url=f"kafka://{kafka.bootstrap}", topic_prefix=f"{tmp_path.name}.")
    with short_cluster(settings, tmp_path) as cluster:
        asyncio.run(on_kafka(cluster, settings))
