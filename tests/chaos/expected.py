"""What an undisturbed run gives: the synchronous pipeline over the same recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.pipeline import Pipeline
from schemas.frame import Frame, Message
from schemas.settings import Settings
from streams.merge import merge
from streams.recordings import sources_from

SYMBOLS = ("binanceusdm:BTC/USDT:USDT", "binanceusdm:ETH/USDT:USDT")
"""Those of the recordings that the scenarios on Kafka play."""


def pipeline_outputs(
    paths: Sequence[Path], settings: Settings
) -> tuple[list[Frame], dict[str, list[Message]]]:
    """The frames, and every record that they give, by topic."""
    recordings = sources_from(paths)
    frames = list(merge(*(recording.frames(settings.frames) for recording in recordings)))
    pipeline = Pipeline(settings)
    outputs: dict[str, list[Message]] = {}
    for frame in frames:
        for record in pipeline.process(frame):
            outputs.setdefault(record.topic.name, []).append(record.message)
    outputs.pop("alerts", None)
    return frames, outputs
