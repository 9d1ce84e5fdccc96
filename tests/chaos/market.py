"""A short generated market on which much happens, for many runs."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from agents.pipeline import Pipeline
from cli.feeds import GeneratedFeed
from schemas.frame import Frame, Message
from schemas.settings import Settings, settings_from
from streams.simulator.generated import DEFAULT_MARKETS, VENUE

FRAMES = 360


class Market(NamedTuple):
    """Frames, and what they give undisturbed."""

    frames: list[Frame]
    expected: dict[str, list[Message]]


def short_settings(**broker: object) -> Settings:
    """Settings under which 12 s of market give signals of both sides, and snapshots matter."""
    return settings_from(
        {
            "frames": {"score_interval_ms": 300},
            "dimensions": {
                "enabled": ["orderbook", "orderflow"],  # in 12 s no bar closes
                "options": {"orderbook": {"warmup_s": 1}, "orderflow": {"warmup_s": 1}}
            },
            "signals": {
                "long_threshold": 52, "short_threshold": 48, "exit_band": 1, "hysteresis": 0,
                "reliability_floor": 0, "cooldown_s": 0.5,
            },
            "runtime": {
                "symbols": [f"{VENUE}:{spec.symbol}" for spec in DEFAULT_MARKETS],
                "snapshot_interval_s": 1, "absent_after_s": 600, "heartbeat_s": 600,
                "session_timeout_s": 6,
            },
            "broker": {"partitions": 4, **broker},
        }
    )  # fmt: skip


def short_market() -> Market:
    """Some 120 frames of each of three symbols."""
    settings = short_settings()
    frames = list(islice(GeneratedFeed(settings, seed=7).messages(lambda _: None), FRAMES))
    pipeline = Pipeline(settings)
    expected: dict[str, list[Message]] = {}
    for frame in frames:
        for topic, message in pipeline.process(frame):
            expected.setdefault(topic.name, []).append(message)
    return Market(frames, expected)
