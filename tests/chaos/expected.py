"""What an undisturbed run gives: the synchronous pipeline over the same recordings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.pipeline import Pipeline
from schemas.frame import Frame, Message
from schemas.settings import Settings
from streams.merge import merge
from streams.recordings import sources_from

SYMBOLS = ("binanceusdm:BTC/USDT:USDT", "binanceusdm:ETH/USDT:USDT")
"""Those of the recordings that the scenarios on Kafka play."""


def frames_of(paths: Sequence[Path], settings: Settings) -> Iterator[Frame]:
    """Frames of the recordings in the order of the log; a day of them in memory would be 1 GB."""
    return merge(*(recording.frames(settings.frames) for recording in sources_from(paths)))


def pipeline_outputs(paths: Sequence[Path], settings: Settings) -> dict[str, list[Message]]:
    """Every record that the recordings give, by topic."""
    pipeline = Pipeline(settings)
    outputs: dict[str, list[Message]] = {}
    for frame in frames_of(paths, settings):
        for record in pipeline.process(frame):
            outputs.setdefault(record.topic.name, []).append(record.message)
    outputs.pop("alerts", None)
    return outputs
