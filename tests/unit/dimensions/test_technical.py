"""The technical dimension: readiness, history, and markets that hardly are one."""

from __future__ import annotations

import math
import random

import msgspec
import pytest

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine, SymbolState
from agents.dimensions.timeframes import BASE_COVERAGE
from agents.indicators.bar import Bar
from agents.indicators.rsi import Rsi
from agents.pipeline import Pipeline
from agents.runtime.folds import DimensionFold
from schemas.frame import Backfill, Frame, TradeFlag
from schemas.score import DimensionScore
from schemas.settings import Settings
from tests.support.bars import (
    END_NS,
    MINUTE_NS,
    chance_table,
    full_history,
    history,
    trade_frame,
    trending,
    walk,
)


def machine() -> DimensionMachine:
    return DimensionMachine(registry.create("technical", {}))


def play(frames: list[Frame], past: list[Backfill] | None = None) -> list[DimensionScore]:
    drive = machine()
    state = drive.initial()
    for given in past or []:
        drive.backfill(state, given)
    return [score for frame in frames if (score := drive.step(state, frame)) is not None]


def assert_sound(scores: list[DimensionScore]) -> None:
    for score in scores:
        assert score.score is None or 0.0 <= score.score <= 100.0
        for part in score.components:
            assert part.score is None or 0.0 <= part.score <= 100.0
            assert all(math.isfinite(value) for _, value in part.raw), part


def raw_of(score: DimensionScore) -> dict[str, float]:
    return {name: value for part in score.components for name, value in part.raw}


def test_readiness_grows_from_the_base_up() -> None:
    scores = play(walk(6 * 60, 5))
    assert scores[10].score is None
    assert scores[10].coverage == 0.0
    assert scores[70].coverage == pytest.approx(BASE_COVERAGE, abs=0.06)
    assert all(part.score is not None for part in scores[70].components)
    by_five_minutes = scores[59 * 5].coverage
    assert by_five_minutes == pytest.approx(0.25 + 0.35 * 0.5, abs=0.12)
    coverages = [score.coverage for score in scores]
    assert coverages == sorted(coverages)


def test_history_makes_every_timeframe_ready_at_once_and_taints() -> None:
    frame = trade_frame(END_NS, 10_000)
    (score,) = play([frame], full_history(chance_table(60, 2)))
    assert score.coverage == pytest.approx(1.0)
    assert score.tainted
    names = raw_of(score)
    for stem in ("rsi", "ao", "ao_acceleration", "macd_histogram", "williams_r", "cci", "atr"):
        assert {f"{stem}_{t}" for t in ("1m", "5m", "15m", "4h")} <= names.keys()
    assert {"adx_4h", "bollinger_4h", "trend_exhaustion_4h", "rsi_band_4h"} <= names.keys()


def test_a_score_without_history_or_late_trades_is_not_tainted() -> None:
    frames = walk(70, 1)
    assert not play(frames)[-1].tainted
    late = trade_frame(70 * MINUTE_NS, 9, seq=71, flag=TradeFlag.RECOVERED_LATE)
    assert play([*frames, late])[-1].tainted


@pytest.mark.parametrize("step", [2.0, -2.0])
def test_every_component_leans_the_way_of_a_clear_trend(step: float) -> None:
    table = trending(step)
    last = round(float(table["close"].iloc[-1] + step) * 10)
    (score,) = play([trade_frame(END_NS, last)], full_history(table))
    for part in score.components:
        assert part.score is not None
        assert (part.score - 50.0) * step > 5.0, part.name
    assert raw_of(score)["adx_15m"] > 25.0


def test_the_newest_trade_moves_every_timeframe_before_its_bar_closes() -> None:
    past = full_history(chance_table(100, 4))
    close = round(chance_table(100, 4)["close"].iloc[-1] * 10)
    low, high = (play([trade_frame(END_NS, close + jump)], past)[0] for jump in (-300, 300))
    for before, after in zip(low.components, high.components, strict=True):
        assert before.score is not None
        assert after.score is not None
        assert after.score > before.score, after.name
    assert raw_of(high)["rsi_4h"] > raw_of(low)["rsi_4h"]


def test_a_minute_against_the_longer_timeframes_shows_as_divergence() -> None:
    up, down = trending(2.0), trending(-2.0)
    past = full_history(up)[:3] + full_history(down)[3:]
    (score,) = play([trade_frame(END_NS, round(up["close"].iloc[-1] * 10))], past)
    by_name = {part.name: part for part in score.components}
    assert by_name["macd"].divergence != 0.0 or by_name["cci"].divergence != 0.0
    assert all(-10.0 <= part.divergence <= 10.0 for part in score.components)


def test_a_flat_market_is_neutral() -> None:
    scores = play([trade_frame(i * MINUTE_NS, 10_001, seq=i + 1) for i in range(900)])
    assert_sound(scores)
    assert scores[-1].score == 50.0
    assert all(part.score == 50.0 for part in scores[-1].components)


def test_a_market_that_falls_silent_becomes_neutral_again() -> None:
    moving = walk(300, 6)
    last = moving[-1].trades.price[-1]
    quiet = [trade_frame(i * MINUTE_NS, last, seq=i + 1) for i in range(300, 900)]
    end = play([*moving, *quiet])[-1]
    by_name = {part.name: part.score for part in end.components}
    for name in ("williams_r", "cci", "atr"):
        raw = raw_of(end)
        assert raw["williams_r_1m"] == -50.0
        assert raw["cci_1m"] == 0.0
        assert by_name[name] is not None


def test_one_trade_an_hour_gives_sound_scores_and_honest_readiness() -> None:
    hours = 30
    frames = walk(hours, 7, step_ns=60 * MINUTE_NS)
    scores = play(frames)
    assert_sound(scores)
    assert scores[-1].score is not None
    assert scores[-1].coverage < 0.61  # 30 hours are 7 bars of 4 h


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_a_jump_by_half_gives_sound_scores_on_its_side(factor: float) -> None:
    calm = walk(200, 8)
    price = round(calm[-1].trades.price[-1] * factor)
    after = [trade_frame(i * MINUTE_NS, price, seq=i + 1) for i in range(200, 203)]
    scores = play([*calm, *after])
    assert_sound(scores)
    assert scores[-1].score is not None
    assert (scores[-1].score - 50.0) * (factor - 1.0) > 0.0


def test_what_comes_later_changes_no_score_before_with_history_in_between() -> None:
    rng = random.Random(3)
    frames = walk(400, 9)
    past = history(chance_table(20, 1, price=9_000.0), minutes=240, start_ns=-20 * 240 * MINUTE_NS)
    cut = rng.randrange(100, 300)

    def run(upto: int) -> list[bytes]:
        drive = machine()
        state = drive.initial()
        found = []
        for i, frame in enumerate(frames[:upto]):
            if i == 90:
                drive.backfill(state, past)
            score = drive.step(state, frame)
            found.append(msgspec.msgpack.encode(score))
        return found

    assert run(cut) == run(400)[:cut]


def test_history_reaches_the_dimension_through_pipeline_and_fold_alike() -> None:
    settings = Settings(dimensions={"enabled": ("technical",)})
    past = full_history(chance_table(60, 2))
    frame = trade_frame(END_NS, 10_000)
    (direct,) = play([frame], past)
    pipeline = Pipeline(settings)
    for given in past:
        assert pipeline.process(given) == []
    records = [record.message for record in pipeline.process(frame)]
    assert direct in records
    fold = DimensionFold(machine())
    state = fold.initial()
    for given in past:
        assert list(fold.apply(state, given)) == []
    assert list(fold.apply(state, frame)) == [direct]


def test_a_state_full_of_everything_stays_small_and_resumes_exactly() -> None:
    drive = machine()
    state: SymbolState = drive.initial()
    for given in full_history(chance_table(300, 2)):
        drive.backfill(state, given)
    encoded = drive.encode(state)
    assert len(encoded) < 25_000
    revived = drive.decode(encoded)
    frame = trade_frame(END_NS, 10_000)
    assert drive.step(revived, frame) == drive.step(state, frame)
    assert drive.encode(revived) == drive.encode(state)


def test_peeking_changes_nothing() -> None:
    rsi = Rsi()
    for i in range(30):
        rsi.update(Bar.flat(i, 100.0 + i % 4))
    before = msgspec.msgpack.encode(rsi)
    assert rsi.peek(Bar.flat(31, 90.0)) != rsi.peek(Bar.flat(31, 110.0))
    assert msgspec.msgpack.encode(rsi) == before
