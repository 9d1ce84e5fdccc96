"""No score knows the future: where the input ends changes nothing of what was said before.

All six dimensions and the confluence, byte for byte. The cut goes through the files, so that a
feed which looks ahead is caught as well as a dimension that does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.pipeline import Pipeline
from schemas.codec import encode
from schemas.frame import Frame
from schemas.score import ConfluenceScore
from schemas.settings import Settings
from streams.history.times import time_ns
from streams.merge import FeedMessage
from streams.recordings import sources_from
from tests.golden.sources import golden_paths
from tests.support.klines import MINUTE_NS
from tests.support.prism import first_lines, write_recording
from tests.support.six import DIMENSIONS, all_six, may_klines, scores_of

pytestmark = pytest.mark.needs_market_data

RECORDED_S = 240.0
BARS = 400
HISTORY_DAYS = 10
BARS_NS = time_ns("2025-05-21 12:00:00")
_chance = random.Random("where the input ends")
CUTS = [round(_chance.uniform(0.02, 0.98), 3) for _ in range(6)]
"""Shares of the input that are kept."""


class Run(NamedTuple):
    """A log, and the encoded scores of each of its frames."""

    messages: list[FeedMessage]
    said: list[bytes]
    ready: set[str]
    """Dimensions that are ready at the end."""


def run_of(messages: Sequence[FeedMessage]) -> Run:
    scores = list(scores_of(Pipeline(all_six()), messages))
    verdict = scores[-1]
    assert isinstance(verdict, ConfluenceScore)
    ready = {part.dimension for part in verdict.contributions if part.score is not None}
    return Run(list(messages), [encode(score) for score in scores], ready)


def assert_no_future(part: Run, whole: Run, ticks: int) -> None:
    """What the cut input says of its first ticks is what the whole says of them."""
    told = ticks * (len(DIMENSIONS) + 1)
    assert len(part.said) >= told > 0
    assert part.said[:told] == whole.said[:told]


# --- a recording: trades, book, derivatives


@pytest.fixture(scope="module")
def lines(market_data: Path) -> list[bytes]:
    (path,) = golden_paths(market_data, "BTC_usdm_20240808")
    return first_lines(path, seconds=RECORDED_S)


def frames_of(lines: list[bytes], folder: Path) -> list[FeedMessage]:
    (recording,) = sources_from([write_recording(folder / "btcusdt.gz", lines)])
    return list(recording.frames(Settings().frames))


@pytest.fixture(scope="module")
def btc(lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = run_of(frames_of(lines, tmp_path_factory.mktemp("whole")))
    assert len(run.said) > RECORDED_S * 0.9 * (len(DIMENSIONS) + 1)
    return run


@pytest.mark.parametrize("share", CUTS)
def test_the_end_of_a_recording_changes_nothing_before_it(
    btc: Run, lines: list[bytes], tmp_path: Path, share: float
) -> None:
    kept = lines[: round(share * len(lines))]
    messages = frames_of(kept, tmp_path)
    # The line at the cut falls within an interval; the frame of that one is not whole.
    cut_ns = int(kept[-1][:19])
    whole = [m for m in messages if isinstance(m, Frame) and m.close_ns <= cut_ns]
    assert_no_future(run_of(messages), btc, sum(frame.is_tick for frame in whole))


# --- klines: bars of every timeframe, history ahead of them


@pytest.fixture(scope="module")
def may(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    end_ns = BARS_NS + BARS * MINUTE_NS
    folder = tmp_path_factory.mktemp("klines")
    run = run_of(may_klines(market_data, folder, BARS_NS, end_ns, history_days=HISTORY_DAYS))
    assert len(run.said) == BARS * (len(DIMENSIONS) + 1)
    assert run.ready == {"price_structure", "sentiment", "technical", "volume"}
    return run


@pytest.mark.parametrize("share", CUTS)
def test_the_end_of_klines_changes_nothing_before_it(
    may: Run, market_data: Path, tmp_path: Path, share: float
) -> None:
    bars = round(share * BARS)
    end_ns = BARS_NS + bars * MINUTE_NS
    messages = may_klines(market_data, tmp_path, BARS_NS, end_ns, history_days=HISTORY_DAYS)
    assert_no_future(run_of(messages), may, bars)


# --- state that is written down in mid-stream and read again


@pytest.mark.parametrize("source", ["btc", "may"])
def test_states_written_and_read_in_mid_stream_go_on_as_they_were(
    source: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(source)
    pipeline = Pipeline(all_six())
    said: list[bytes] = []
    thirds = len(run.messages) // 3
    for begin in range(0, len(run.messages), thirds):
        said += map(encode, scores_of(pipeline, run.messages[begin : begin + thirds]))
        written_and_read(pipeline)
    assert said == run.said


def written_and_read(pipeline: Pipeline) -> None:
    """Every state of dimensions and join through its codec."""
    machines = {machine.name: machine for machine in pipeline._machines}
    for (name, key), state in pipeline._states.items():
        drive = machines[name]
        pipeline._states[name, key] = drive.decode(drive.encode(state))
    join = pipeline._join
    for key, joined in pipeline._join_states.items():
        pipeline._join_states[key] = join.decode(join.encode(joined))
