"""`prism halt`, `resume` and `flatten` on a real broker: what they say, and what comes of it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.control import Flatten
from schemas.frame import Frame
from schemas.order import Order
from schemas.settings import Settings
from schemas.topics import CONTROL, ORDERS
from streams.commands import CommandLine
from streams.publish import FramePublisher
from streams.transport.log import Log, open_log
from tests.chaos.cluster import short_cluster
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


def test_what_cannot_be_commanded_is_refused_at_once() -> None:
    inside = prism("halt")
    assert inside.returncode == 2
    assert "inside the process of `prism up`: end that one with Ctrl-C" in inside.stderr
    scope = prism("halt", "--broker=kafka://127.0.0.1:1", "--symbol=BTC")
    assert "--symbol BTC: write venue:symbol" in scope.stderr
    away = prism("flatten", "--broker=kafka://127.0.0.1:1")
    assert (away.returncode, away.stdout) == (1, "")
    assert "127.0.0.1:1" in away.stderr
