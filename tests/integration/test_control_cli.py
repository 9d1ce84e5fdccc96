"""`prism halt`, `resume` and `flatten` on a real broker: what they say, and what comes of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.control import Flatten
from schemas.frame import Frame
from schemas.order import Order, OrderStatus
from schemas.settings import Settings
from schemas.topics import CONTROL, ORDERS
from streams.commands import CommandLine
from streams.publish import FramePublisher
from streams.transport.log import Log, open_log
from tests.chaos.cluster import Cluster, short_cluster
from tests.chaos.market import short_market, short_settings
from tests.support.kafka import KafkaServer
from tests.support.prism import prism

PATIENCE_S = 120.0


class Desk:
    """A person at the command line, and a market that is played in parts."""

    def __init__(self, log: Log, settings: Settings) -> None:
        broker = settings.broker
        self._where = (f"--broker={broker.url}", f"--set=broker.topic_prefix={broker.topic_prefix}")
        self._count = f"--set=broker.partitions={broker.partitions}"
        self._publisher = FramePublisher(log, settings)
        self.line = CommandLine(log, broker)

    async def types(self, *arguments: str, code: int = 0) -> tuple[dict[str, Any], str]:
        """What a command prints as JSON, and what it warns of."""
        done = await asyncio.to_thread(prism, *arguments, *self._where, self._count, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout), done.stderr

    async def play(self, frames: list[Frame]) -> None:
        for frame in frames:
            await self._publisher.publish(frame)
        await self._publisher.settle()

    async def orders(self) -> list[Order]:
        return await self.line.all_of(ORDERS, Order, account="paper")


async def a_day(settings: Settings) -> None:
    frames = short_market().frames
    log = await open_log(settings.broker.url)
    desk = Desk(log, settings)
    try:
        await desk.play(frames[:120])
        deadline = time.monotonic() + PATIENCE_S
        while not any(order.status.value == "filled" for order in await desk.orders()):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

        halted, _ = await desk.types("halt", "--by=ada", "--reason=rumour", "--wait=60")
        assert (halted["command"], halted["mode"], halted["taken"]) == ("halt", "halt", True)
        assert halted["effective_ns"] >= frames[0].close_ns
        assert [found["by"] for found in halted["in_force"]] == ["ada"]

        typed = asyncio.create_task(desk.types("flatten", "--by=ada", "--wait=60"))
        while not await desk.line.all_of(CONTROL, Flatten, account="paper"):
            assert not typed.done(), typed.result()
            await asyncio.sleep(0.02)
        await desk.play(frames[120:180])
        flat, _ = await typed
        assert (flat["flat"], flat["open_positions"], flat["working_orders"]) == (True, [], [])
        assert [order.leg for order in await desk.orders() if order.leg == "flatten"]

        one = frames[0].key
        await desk.types("halt", f"--symbol={one}", "--mode=reduce_only", "--by=bob", "--wait=60")
        resumed, _ = await desk.types("resume", "--by=ada", "--wait=60")
        assert [(r["scope"], r["mode"], r["by"]) for r in resumed["in_force"]] == [
            (one, "reduce_only", "bob")
        ]

        typo, warned = await desk.types("halt", f"--symbol={one[:-1]}", "--wait=60", code=1)
        assert (typo["taken"], typo["unknown_symbol"]) == (True, True)
        assert f"nothing is known of {one[:-1]}" in warned
        assert f"the nearest known symbol is {one}" in warned
        assert not resumed["unknown_symbol"]

        nobody, warned = await desk.types("halt", "--account=other", "--wait=0.2", code=1)
        assert (nobody["taken"], nobody["effective_ns"]) == (False, None)
        assert "no execution role of account other answered within 0.2 s" in warned
    finally:
        await log.close()


@pytest.mark.needs_kafka
def test_commands_are_carried_out_and_what_is_not_is_said(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    settings = short_settings(url=f"kafka://{kafka.bootstrap}", topic_prefix=f"{tmp_path.name}.")
    with short_cluster(settings, tmp_path) as cluster:
        cluster.start("worker", "execution")
        asyncio.run(a_day(settings))


async def deaths_between(cluster: Cluster, settings: Settings) -> None:
    """Each command is typed, the account dies by SIGKILL, and another one goes by it."""
    frames = short_market().frames
    log = await open_log(settings.broker.url)
    desk = Desk(log, settings)

    async def until(holds: Callable[[list[Order]], bool]) -> list[Order]:
        deadline = time.monotonic() + PATIENCE_S
        while not holds(orders := await desk.orders()):
            cluster.look()
            assert time.monotonic() < deadline, orders[-3:]
            await asyncio.sleep(0.02)
        return orders

    def entered_after(orders: list[Order], tick_ns: int) -> list[Order]:
        intents = [order for order in orders if order.status is OrderStatus.INTENT]
        return [order for order in intents if order.tick_ns > tick_ns and not order.reduce_only]

    try:
        cluster.start("worker", "execution")
        await desk.play(frames[:60])
        await until(lambda orders: any(o.status is OrderStatus.FILLED for o in orders))
        halted, _ = await desk.types("halt", "--by=ada", "--reason=rumour", "--wait=60")

        cluster.kill("execution")
        cluster.start("execution2")
        await desk.play(frames[60:150])
        orders = await until(lambda found: any("halt: account, by ada" in o.reason for o in found))
        assert entered_after(orders, halted["effective_ns"]) == []

        cluster.kill("execution2")
        away, warned = await desk.types("flatten", "--by=bob", "--wait=0.5", code=1)
        assert (away["taken"], away["flat"]) == (False, False)
        assert "the command is written and holds" in warned
        cluster.start("execution3")
        await desk.play(frames[150:230])
        (written,) = await desk.line.all_of(CONTROL, Flatten, account="paper")
        desk.line._positions_from = 0  # it was sent by another process
        assert await desk.line.flattened(written, within_s=PATIENCE_S)

        resumed, _ = await desk.types("resume", "--by=ada", "--wait=60")
        assert resumed["in_force"] == []
        cluster.kill("execution3")
        cluster.start("execution4")
        await desk.play(frames[230:])
        await until(lambda found: bool(entered_after(found, resumed["effective_ns"])))
    finally:
        await log.close()


@pytest.mark.needs_kafka
def test_what_was_typed_survives_the_death_of_the_account(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    settings = short_settings(url=f"kafka://{kafka.bootstrap}", topic_prefix=f"{tmp_path.name}.")
    with short_cluster(settings, tmp_path) as cluster:
        asyncio.run(deaths_between(cluster, settings))


def test_what_cannot_be_commanded_is_refused_at_once() -> None:
    inside = prism("halt")
    assert inside.returncode == 2
    assert "inside the process of `prism up`: end that one with Ctrl-C" in inside.stderr
    scope = prism("halt", "--broker=kafka://127.0.0.1:1", "--symbol=BTC")
    assert "--symbol BTC: write venue:symbol" in scope.stderr
    away = prism("flatten", "--broker=kafka://127.0.0.1:1")
    assert (away.returncode, away.stdout) == (1, "")
    assert "127.0.0.1:1" in away.stderr
