"""A thousand seeds of disturbance, one digest: what the embedded broker may do changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import NamedTuple

import pytest

from agents.pipeline import Pipeline
from agents.runtime.cursor import Admission, Cursor
from cli.feeds import GeneratedFeed
from schemas.frame import Frame, Message
from schemas.settings import Settings, settings_from
from tests.chaos.inside import Inside
from tests.chaos.outputs import digests

FRAMES = 360
SEEDS = range(1_000)
AT_ONCE = 10
"""Markets in one event loop: a role mostly waits, for the others and for its own start."""


class Market(NamedTuple):
    """A short market, and what it gives undisturbed."""

    settings: Settings
    frames: list[Frame]
    expected: dict[str, list[Message]]


def short_settings(**broker: object) -> Settings:
    """Settings under which 12 s of market give signals of both sides, and snapshots matter."""
    return settings_from(
        {
            "frames": {"score_interval_ms": 300},
            "dimensions": {
                "options": {"orderbook": {"warmup_s": 1}, "orderflow": {"warmup_s": 1}}
            },
            "signals": {
                "long_threshold": 52, "short_threshold": 48, "exit_band": 1, "hysteresis": 0,
                "reliability_floor": 0, "cooldown_s": 0.5,
            },
            "runtime": {"snapshot_interval_s": 1, "absent_after_s": 600, "heartbeat_s": 600},
            "broker": {"partitions": 4, **broker},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def market() -> Market:
    settings = short_settings()
    frames = list(islice(GeneratedFeed(settings, seed=7).frames(lambda _: None), FRAMES))
    pipeline = Pipeline(settings)
    expected: dict[str, list[Message]] = {}
    for frame in frames:
        for topic, message in pipeline.process(frame):
            expected.setdefault(topic.name, []).append(message)
    return Market(settings, frames, expected)


async def disturbed(market: Market, seed: int) -> dict[str, tuple[int, str]]:
    """Digests of the market run on a disturbed broker, its roles killed and stopped on the way."""
    rng = Random(f"scenario {seed}")
    settings = short_settings(url=f"embedded://seed-{seed}?seed={seed}")
    keys = tuple(sorted({frame.key for frame in market.frames}))
    runtime = settings.runtime.model_copy(update={"symbols": keys})
    settings = settings.model_copy(update={"runtime": runtime})
    names = rng.choice([["worker", "execution"], ["worker1", "worker2", "execution"]])
    restarts = {rng.randrange(1, FRAMES): rng.choice(names) for _ in range(rng.randrange(1, 4))}
    async with Inside(settings) as inside:
        await inside.start(*rng.sample(names, len(names)))
        for number, frame in enumerate(market.frames):
            await inside.publisher.publish(frame)
            if not rng.randrange(20):
                await asyncio.sleep(rng.random() / 4)
            if number in restarts:
                name = restarts[number]
                await (inside.kill if rng.randrange(3) else inside.stop)(name)
                await inside.start(name)
        return await inside.finish(market.expected)


async def failures(market: Market, seeds: Sequence[int]) -> dict[int, str]:
    """What went wrong, by seed."""
    wanted = digests(market.expected)

    async def judge(seed: int) -> str:
        try:
            found = await disturbed(market, seed)
        except (AssertionError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}"
        return "" if found == wanted else f"digests differ: {found}, not {wanted}"

    verdicts = {}
    queue = list(seeds)

    async def work() -> None:
        while queue:
            seed = queue.pop(0)
            verdicts[seed] = await judge(seed)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return {seed: text for seed, text in verdicts.items() if text}
