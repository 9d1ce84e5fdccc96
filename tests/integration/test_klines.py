"""Klines as a source: the same every time, ready where bars suffice, silent where they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agents.indicators.bars import TIMEFRAMES
from agents.pipeline import Pipeline
from cli.feeds import FileFeed
from schemas.frame import Frame, Message
from schemas.health import DeadLetter
from schemas.score import ConfluenceScore, DimensionScore
from schemas.series import Series
from schemas.settings import Settings, settings_from
from streams.history.times import time_ns
from streams.merge import FeedMessage
from tests.chaos.inside import Inside
from tests.chaos.outputs import Outputs, digests
from tests.support.klines import HOUR_NS, MINUTE_NS, cut
from tests.support.prism import lines_of, prism, summary_of

pytestmark = pytest.mark.needs_market_data

DAYS = 12
"""4h bars of ten days make every indicator ready; the slowest takes 54."""
WHOLE_DAY = (time_ns("2025-05-22 00:00:00"), time_ns("2025-05-23 00:00:00"))


@pytest.fixture(scope="module")
def klines(market_data: Path) -> Path:
    return market_data / "klines-2025-05"


@pytest.fixture(scope="module")
def btc(klines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first days of the 1m bars of BTC."""
    start_ns = time_ns("2025-05-04 00:00:00")
    folder = tmp_path_factory.mktemp("klines")
    source = klines / "BTC_USDT_USDT-1m-futures.feather"
    return cut(source, folder, start_ns, start_ns + DAYS * 24 * HOUR_NS)


def decided(messages: Sequence[FeedMessage], settings: Settings) -> list[Message]:
    pipeline = Pipeline(settings)
    return [record.message for m in messages for record in pipeline.process(m)]


def enabled(*names: str) -> Settings:
    return settings_from({"dimensions": {"enabled": list(names)}})


def test_a_replay_of_klines_is_the_same_every_time(btc: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "a", tmp_path / "b"]
    for seed, out in enumerate(outs):
        options = ("--set=dimensions.enabled=[technical]", "--set=signals.reliability_floor=0")
        env = {"PYTHONHASHSEED": str(seed)}
        done = prism("replay", btc, "--out", out, *options, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert f"history  {summary_of(out)['frames']:,} bars" in done.stdout
    first, second = (summary_of(out) for out in outs)
    assert first["digests"] == second["digests"]
    assert first["frames"] == first["ticks"] == first["history_bars"] > (DAYS - 1) * 1_440
    assert first["scores"] == {"technical": first["frames"]}
    assert first["signals"] == first["orders"] == first["dead_letters"] == 0
    (source,) = first["sources"]
    assert (source["venue"], source["symbol"]) == ("klines", "BTC/USDT:USDT")
    assert source["streams"] == {"klines": first["frames"]}
    table = pq.read_table(outs[0] / "confluence_scores.parquet", columns=["score"])
    assert table["score"].null_count < 60


def test_every_timeframe_of_technical_is_ready_and_what_needs_more_says_that_it_is_not(
    btc: Path,
) -> None:
    settings = enabled("technical", "orderbook", "orderflow")
    feed = FileFeed([btc], settings)
    given = decided(list(feed.messages(lambda _: None)), settings)
    scores = [m for m in given if isinstance(m, DimensionScore)]
    technical = [score for score in scores if score.dimension == "technical"]
    start_ns = technical[0].tick_ns
    ready_after: dict[str, int] = {}
    for score in technical:
        for name, _ in (pair for part in score.components for pair in part.raw):
            ready_after.setdefault(name, (score.tick_ns - start_ns) // MINUTE_NS)
    for timeframe, minutes in TIMEFRAMES:
        for indicator, warm_up in (("rsi", 15), ("macd_histogram", 54), ("ao", 54)):
            # The first bar that was not seen from its start is none.
            assert ready_after[f"{indicator}_{timeframe}"] <= (warm_up + 1) * minutes
    assert ready_after["rsi_4h"] > 13 * 240
    assert technical[-1].coverage == 1.0
    assert all(score.tainted for score in technical)
    others = [score for score in scores if score.dimension != "technical"]
    assert len(others) == 2 * len(technical)
    assert {(score.score, score.coverage, score.fitness) for score in others} == {(None, 0.0, 0.0)}
    joined = [m for m in given if isinstance(m, ConfluenceScore)]
    assert len(joined) == len(technical)
    assert {score.reliability for score in joined} == {0.0}
    assert {score.signal_id for score in joined} == {None}
    told = {score.withheld for score in joined if score.score is not None}
    assert told == {"no two-sided book, so no price to act on"}


def test_the_day_bundle_gives_frames_with_derivatives_and_series(
    market_data: Path, klines: Path, tmp_path: Path
) -> None:
    day = cut(klines / "BTC_USDT_USDT-1m-futures.feather", tmp_path, *WHOLE_DAY)
    out = tmp_path / "out"
    sources = [
        day,
        *(klines / f"BTC_USDT_USDT-8h-{kind}.feather" for kind in ("mark", "funding_rate")),
    ]
    database = market_data / "derivatives" / "binance_oi_202504_202505.sqlite"
    series = [
        f"open_interest={database}",
        f"fear_greed={market_data / 'sentiment' / 'fear_greed_daily.csv'}",
    ]
    letters: list[DeadLetter] = []
    feed = FileFeed(sources, Settings(), series=series)
    messages = list(feed.messages(letters.append))
    frames = [m for m in messages if isinstance(m, Frame)]
    assert len(frames) == 1_440
    noon = frames[719]
    assert noon.close_ns == time_ns("2025-05-22 12:00:00")
    known = {
        name: getattr(noon.derivatives, name)
        for name in ("mark_price", "funding_rate", "open_interest")
    }
    assert {name: str(value.decimal()) for name, value in known.items()} == {
        "mark_price": "111005.8",
        "funding_rate": "0.0001",
        "open_interest": "90520.392",
    }
    assert known["open_interest"].known_ns == noon.close_ns
    assert known["funding_rate"].known_ns == time_ns("2025-05-22 08:00:00")
    for frame in frames:
        state = frame.derivatives
        assert state.mark_price is not None
        assert state.open_interest is not None
        assert 0 <= frame.close_ns - state.mark_price.known_ns < 8 * HOUR_NS
        assert 0 <= frame.close_ns - state.open_interest.known_ns < HOUR_NS
    told = [m for m in messages if isinstance(m, Series)]
    assert {m.name.value for m in told} == {"fear_greed", "funding_rate", "open_interest"}
    moods = [m for m in told if m.name.value == "fear_greed"]
    # The index of a day is told when the day is over: that of the 21st first, the 22nd's at last.
    assert (moods[-2].value[-1], moods[-2].at_ns[-1]) == (70.0, WHOLE_DAY[0])
    assert (moods[-1].value, moods[-1].at_ns, moods[-1].known_ns) == (
        (72.0,),
        (WHOLE_DAY[1],),
        WHOLE_DAY[1],
    )
    assert {letter.reason for letter in letters} == {"repeated", "unknown_clock"}

    named = [part for text in series for part in ("--series", text)]
    done = prism("replay", *sources, *named, "--out", out)
    assert done.returncode == 0
    assert "1,910 inputs could not be used (repeated 687, unknown_clock 1223)" in done.stderr
    summary = summary_of(out)
    assert len(lines_of(out / "dead_letters.jsonl")) == len(letters) == 1_910
    assert summary["series_values"] == {
        name: sum(len(m.at_ns) for m in told if m.name.value == name)
        for name in ("fear_greed", "funding_rate", "open_interest")
    }


def test_history_and_series_through_faust_are_what_the_pipeline_makes_of_them(
    market_data: Path, klines: Path, tmp_path: Path
) -> None:
    start_ns = time_ns("2025-05-05 00:00:00")
    paths = [
        cut(
            klines / f"{coin}_USDT_USDT-1m-futures.feather",
            tmp_path,
            start_ns,
            start_ns + HOUR_NS * 5,
        )
        for coin in ("BTC", "ETH")
    ]
    paths.append(klines / "BTC_USDT_USDT-8h-funding_rate.feather")
    mood = f"fear_greed={market_data / 'sentiment' / 'fear_greed_hourly.csv'}"
    names = ["technical", "orderflow"]
    base = {
        "dimensions": {"enabled": names},
        "broker": {"url": "embedded://klines", "partitions": 4},
    }
    feed = FileFeed(paths, Settings(), series=[mood])
    settings = settings_from({**base, "runtime": {"symbols": feed.keys(), "absent_after_s": 900.0}})
    messages = list(feed.messages(lambda _: None))
    assert {type(message).__name__ for message in messages} == {"Backfill", "Series", "Frame"}
    expected: dict[str, list[Message]] = {}
    pipeline = Pipeline(settings)
    for message in messages:
        for record in pipeline.process(message):
            expected.setdefault(record.topic.name, []).append(record.message)
    ready = [m for m in expected["dimension.scores"] if isinstance(m, DimensionScore) and m.ready]
    assert len(ready) > 400
    assert asyncio.run(on_embedded(messages, settings, expected)) == digests(expected)


async def on_embedded(
    messages: Sequence[FeedMessage], settings: Settings, expected: Outputs
) -> dict[str, tuple[int, str]]:
    async with Inside(settings) as roles:
        await roles.start("worker", "execution")
        await roles.play(messages)
        return await roles.finish(expected)


def test_what_is_no_klines_is_one_clear_line(market_data: Path, tmp_path: Path) -> None:
    database = market_data / "derivatives" / "binance_oi_202504_202505.sqlite"
    done = prism("replay", database, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("prism: error: ")
    assert "--series open_interest=FILE" in done.stderr
    assert "Traceback" not in done.stderr
