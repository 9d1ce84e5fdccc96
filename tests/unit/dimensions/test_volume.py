"""The volume dimension: readiness, history that does not tell who took, and odd markets."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pandas as pd
import pytest

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from agents.indicators.bar_series import LONGEST_GAP
from agents.pipeline import Pipeline
from schemas.frame import Backfill, Frame
from schemas.score import ComponentReading, DimensionScore
from schemas.settings import Settings
from tests.support.bars import (
    END_NS,
    MINUTE_NS,
    chance_table,
    full_history,
    trade_frame,
    trending,
    walk,
    with_takers,
)

WITHOUT_TAKERS = ("adl", "cmf", "relative_volume", "obv", "divergence")


def machine() -> DimensionMachine:
    return DimensionMachine(registry.create("volume", {}))


def play(frames: list[Frame], past: list[Backfill] | None = None) -> list[DimensionScore]:
    drive = machine()
    state = drive.initial()
    for given in past or []:
        drive.backfill(state, given)
    return [score for frame in frames if (score := drive.step(state, frame)) is not None]


def parts(score: DimensionScore) -> dict[str, ComponentReading]:
    return {part.name: part for part in score.components}


def raw_of(score: DimensionScore) -> dict[str, float]:
    return {name: value for part in score.components for name, value in part.raw}


def leaning(step: float, count: int = 120) -> pd.DataFrame:
    """A way up or down that volume and its takers go too, the more the longer it lasts.

    Bars close nearer the end of their range that the move goes to.
    """
    table = trending(step, count)
    rng = np.random.default_rng(1)
    growth = np.linspace(0.2, 1.0, count) ** 4
    volume = 1.0 + 5.0 * growth + rng.exponential(0.1, count)
    share = 0.5 + math.copysign(0.4, step) * growth
    sign = math.copysign(0.2, step)
    return table.assign(
        volume=volume,
        bought=volume * share,
        high=table["high"] + 0.3 - sign,
        low=table["low"] - 0.3 - sign,
    ).round({"high": 1, "low": 1})


def assert_sound(scores: list[DimensionScore]) -> None:
    for score in scores:
        assert score.score is None or 0.0 <= score.score <= 100.0
        for part in score.components:
            assert part.score is None or 0.0 <= part.score <= 100.0
            assert all(math.isfinite(value) for _, value in part.raw), part


def test_history_with_takers_makes_everything_ready_at_once_and_taints() -> None:
    past = full_history(with_takers(chance_table(80, 2), 3))
    (score,) = play([trade_frame(END_NS, 10_000)], past)
    assert score.coverage == pytest.approx(1.0)
    assert score.tainted
    stems = (
        *("delta_ratio", "adl", "adl_oscillator", "cmf", "cmf_smooth", "relative_volume"),
        *("volume_direction", "volume_trend", "volume_volatility", "vwap", "obv", "obv_z"),
        *("cvd", "divergence_cvd", "divergence_obv", "divergence_adl"),
    )
    names = raw_of(score).keys()
    assert {f"{stem}_{t}" for stem in stems for t in ("1m", "5m", "15m", "4h")} == names


def test_klines_that_do_not_tell_who_took_ready_all_but_the_delta() -> None:
    (score,) = play([trade_frame(END_NS, 10_000)], full_history(chance_table(80, 2)))
    by_name = parts(score)
    assert by_name["volume_delta"].score is None
    assert by_name["volume_delta"].raw == ()
    assert all(by_name[name].score is not None for name in WITHOUT_TAKERS)
    assert score.coverage == pytest.approx(0.15 + 0.15 + 0.20 + 0.15 + 0.15 / 2)
    names = raw_of(score).keys()
    assert "divergence_obv_4h" in names
    assert not [name for name in names if name.startswith(("cvd", "divergence_cvd", "delta"))]


def test_unknown_takers_leave_the_other_scores_as_they_are() -> None:
    table = chance_table(80, 2)
    frame = trade_frame(END_NS, 10_000)
    (known,) = play([frame], full_history(with_takers(table, 3)))
    (unknown,) = play([frame], full_history(table))
    for name in ("adl", "cmf", "relative_volume", "obv"):
        assert parts(known)[name].score == parts(unknown)[name].score


def test_after_history_without_takers_the_delta_waits_for_bars_that_tell() -> None:
    live = walk(60 * 6, 4)
    shifted = [
        msgspec.structs.replace(
            frame,
            open_ns=frame.open_ns + END_NS,
            close_ns=frame.close_ns + END_NS,
            trades=msgspec.structs.replace(
                frame.trades, exchange_ns=tuple(t + END_NS for t in frame.trades.exchange_ns)
            ),
        )
        for frame in live
    ]
    scores = play(shifted, full_history(chance_table(80, 2)))
    ready = [parts(score)["volume_delta"].score is not None for score in scores]
    first = ready.index(True)
    # Two windows of 20 that share no bar, nine more to compare with, and the forming one.
    assert first == 20 + 20 + 9
    assert all(ready[first:])
    # The divergence does not wait, and sees the CVD of 1m after 20 of them.
    assert parts(scores[0])["divergence"].score is not None
    names = [raw_of(score).keys() for score in scores]
    assert "divergence_cvd_1m" not in names[18]
    assert "divergence_cvd_1m" in names[19]
    assert "divergence_cvd_4h" not in names[-1]


@pytest.mark.parametrize("step", [2.0, -2.0])
def test_every_component_leans_the_way_of_a_move_that_volume_carries(step: float) -> None:
    table = leaning(step)
    last = round(float(table["close"].iloc[-1] + step) * 10)
    (score,) = play([trade_frame(END_NS, last)], full_history(table))
    for name, part in parts(score).items():
        assert part.score is not None
        if name != "divergence":
            assert (part.score - 50.0) * step > 5.0, name


@pytest.mark.parametrize("step", [2.0, -2.0])
def test_a_move_against_which_the_takers_trade_diverges(step: float) -> None:
    table = leaning(step)
    against = table.assign(bought=table["volume"] - table["bought"])
    last = round(float(table["close"].iloc[-1] + step) * 10)
    frame = trade_frame(END_NS, last)
    (carried,), (lonely,) = play([frame], full_history(table)), play([frame], full_history(against))
    before, after = parts(carried)["divergence"].score, parts(lonely)["divergence"].score
    assert before is not None
    assert after is not None
    assert (after - 50.0) * step < -20.0
    assert (after - before) * step < 0.0


def test_readiness_grows_from_the_base_up() -> None:
    scores = play(walk(6 * 60, 5))
    assert scores[5].score is None
    assert scores[5].coverage == 0.0
    coverages = [score.coverage for score in scores]
    assert coverages == sorted(coverages)
    assert 0.12 < coverages[60] < 0.35
    assert 0.25 < coverages[-1] < 0.61


def test_a_flat_market_with_even_takers_is_neutral() -> None:
    frames = [trade_frame(i * MINUTE_NS, 10_001, 10_001, seq=i + 1) for i in range(900)]
    scores = play(frames)
    assert_sound(scores)
    assert all(part.score == 50.0 for part in scores[-1].components)


def test_a_market_that_falls_silent_becomes_neutral_again() -> None:
    moving = walk(300, 6)
    quiet = [trade_frame(i * MINUTE_NS, seq=i + 1) for i in range(300, 1_500)]
    scores = play([*moving, *quiet])
    assert_sound(scores)
    by_name = parts(scores[-1])
    for name in by_name:
        assert by_name[name].score == pytest.approx(50.0, abs=1e-3), name


def test_one_trade_an_hour_gives_sound_scores() -> None:
    scores = play(walk(30, 7, step_ns=60 * MINUTE_NS))
    assert_sound(scores)
    assert scores[-1].score is not None
    assert scores[-1].coverage < 0.61


def test_a_silence_too_long_to_fill_starts_a_timeframe_anew() -> None:
    before = walk(300, 9)
    at_ns = (300 + 2 * LONGEST_GAP) * MINUTE_NS
    after = [trade_frame(at_ns + i * MINUTE_NS, 10_000 + i, seq=301 + i) for i in range(3)]
    scores = play([*before, *after])
    assert "cmf_1m" in raw_of(scores[299])
    assert not [
        name for name in raw_of(scores[-1]) if name.startswith("cmf") and name.endswith("_1m")
    ]
    assert "cmf_5m" in raw_of(scores[-1])


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_a_jump_by_half_gives_sound_scores(factor: float) -> None:
    calm = walk(200, 8)
    price = round(calm[-1].trades.price[-1] * factor)
    after = [trade_frame(i * MINUTE_NS, price, seq=i + 1) for i in range(200, 203)]
    assert_sound(play([*calm, *after]))


def test_history_reaches_the_dimension_through_the_pipeline() -> None:
    past = full_history(with_takers(chance_table(80, 2), 3))
    frame = trade_frame(END_NS, 10_000)
    (direct,) = play([frame], past)
    pipeline = Pipeline(Settings(dimensions={"enabled": ("volume",)}))
    for given in past:
        assert pipeline.process(given) == []
    assert direct in [record.message for record in pipeline.process(frame)]


def test_a_state_full_of_everything_stays_small_and_resumes_exactly() -> None:
    drive = machine()
    state = drive.initial()
    for given in full_history(with_takers(chance_table(300, 2), 3)):
        drive.backfill(state, given)
    encoded = drive.encode(state)
    assert len(encoded) < 35_000
    revived = drive.decode(encoded)
    frame = trade_frame(END_NS, 10_000)
    assert drive.step(revived, frame) == drive.step(state, frame)
    assert drive.encode(revived) == drive.encode(state)
