"""All six dimensions and the confluence over real markets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from agents.pipeline import Pipeline
from cli.feeds import FileFeed
from schemas.frame import Frame
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import Settings, settings_from
from streams.merge import FeedMessage
from streams.recordings import sources_from
from tests.golden.sources import golden_paths
from tests.support.klines import HOUR_NS, cut

DIMENSIONS = ("orderbook", "orderflow", "price_structure", "sentiment", "technical", "volume")


def all_six() -> Settings:
    """Settings with every dimension enabled."""
    return settings_from({"dimensions": {"enabled": list(DIMENSIONS)}})


def scores_of(
    pipeline: Pipeline, messages: Iterable[FeedMessage]
) -> Iterator[DimensionScore | ConfluenceScore]:
    """What dimensions and confluence say of the messages, in order."""
    for message in messages:
        for _, given in pipeline.process(message):
            if isinstance(given, DimensionScore | ConfluenceScore):
                yield given


def recorded(market_data: Path, name: str) -> Iterator[Frame]:
    """The frames of a recording with golden values."""
    (recording,) = sources_from(golden_paths(market_data, name))
    return recording.frames(Settings().frames)


def may_klines(
    market_data: Path, folder: Path, begin_ns: int, end_ns: int, *, history_days: int
) -> list[FeedMessage]:
    """1m bars of BTC in May 2025, with 5m bars made of those of some days before them as history.

    The beginning is best the end of a 4h bar, or history has no bar of that timeframe that fits.
    """
    source = market_data / "klines-2025-05" / "BTC_USDT_USDT-1m-futures.feather"
    (folder / "before").mkdir(exist_ok=True)
    before = cut(source, folder / "before", begin_ns - history_days * 24 * HOUR_NS, begin_ns)
    fives = before.with_name(before.name.replace("-1m-", "-5m-"))
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    minutes = pd.read_feather(before).set_index("date")
    minutes.resample("5min").agg(how).reset_index().to_feather(fives)
    bars = cut(source, folder, begin_ns, end_ns)
    return list(FileFeed([bars], Settings(), history=[fives]).messages(lambda _: None))
