"""The price structure dimension: readiness, direction, open interest, and odd markets."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pandas as pd
import pytest

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine, SymbolState
from agents.dimensions.timeframes import BASE_COVERAGE
from schemas.frame import NS_PER_S, Backfill, Derivatives, Frame, Known, TradeFlag
from schemas.score import DimensionScore
from schemas.series import Series, SeriesName
from tests.support.bars import MINUTE_NS, chance_table, history, trade_frame, walk

TIMEFRAME_MINUTES = (240, 15, 5, 1)
END_NS = 240 * 240 * MINUTE_NS
BAR_BASED = ("order_block", "value_area", "vwap", "support_resistance")


def machine() -> DimensionMachine:
    return DimensionMachine(registry.create("price_structure", {}))


def play(
    frames: list[Frame], past: list[Backfill] | None = None, series: Series | None = None
) -> list[DimensionScore]:
    drive = machine()
    state = drive.initial()
    for given in past or []:
        drive.backfill(state, given)
    if series is not None:
        drive.learn(state, series)
    return [score for frame in frames if (score := drive.step(state, frame)) is not None]


def full_history(table: pd.DataFrame) -> list[Backfill]:
    """The table as bars of each timeframe, coarsest first, all ending at ``END_NS``."""
    return [
        history(table, minutes=m, start_ns=END_NS - len(table) * m * MINUTE_NS)
        for m in TIMEFRAME_MINUTES
    ]


def waves(step: float, count: int = 120) -> pd.DataFrame:
    """A way up or down in waves of 15 bars, busier where it goes the way of the trend."""
    i = np.arange(count)
    close = pd.Series(3_000.0 + step * i + 6.0 * step * np.sin(i * 2 * np.pi / 15)).round(1)
    opened = close.shift(1, fill_value=3_000.0)
    ends = pd.concat([opened, close], axis=1)
    with_it = (close - opened) * step > 0
    return pd.DataFrame(
        {
            "open": opened,
            "high": ends.max(axis=1) + 0.5,
            "low": ends.min(axis=1) - 0.5,
            "close": close,
            "volume": np.where(with_it, 3.0, 1.0),
        }
    )


def with_interest(frame: Frame, interest: int) -> Frame:
    known = Derivatives(open_interest=Known(interest, 0, frame.close_ns))
    return msgspec.structs.replace(frame, derivatives=known)


def parts_of(score: DimensionScore) -> dict[str, float | None]:
    return {part.name: part.score for part in score.components}


def raw_of(score: DimensionScore) -> dict[str, float]:
    return {name: value for part in score.components for name, value in part.raw}


def assert_sound(scores: list[DimensionScore]) -> None:
    for score in scores:
        assert score.score is None or 0.0 <= score.score <= 100.0
        for part in score.components:
            assert part.score is None or 0.0 <= part.score <= 100.0
            assert all(math.isfinite(value) for _, value in part.raw), part


def test_readiness_grows_from_the_base_up_and_spot_has_no_heat() -> None:
    scores = play(walk(7 * 60, 5))
    assert scores[15].score is None
    assert scores[15].coverage == 0.0
    assert scores[30].coverage == pytest.approx(BASE_COVERAGE * 0.85)
    assert scores[5 * 22].coverage == pytest.approx(0.25 * 0.85)
    assert scores[15 * 22].coverage == pytest.approx(0.60 * 0.85)
    for score in scores[30:]:
        assert parts_of(score)["position_heat"] is None
        weights = {part.name: part.weight for part in score.components}
        assert weights["order_block"] == pytest.approx(0.25 / 0.85)
        assert weights["position_heat"] == 0.0


def test_history_makes_every_timeframe_ready_at_once_and_taints() -> None:
    frame = trade_frame(END_NS, 10_000)
    (score,) = play([frame], full_history(chance_table(100, 0)))
    assert score.coverage == pytest.approx(0.85)
    assert score.tainted
    names = raw_of(score)
    for stem in ("poc", "val", "vah", "volume_below", "cluster", "vwap", "vwap_distance"):
        assert {f"{stem}_{t}" for t in ("1m", "5m", "15m", "4h")} <= names.keys()
    for stem in ("range", "range_position", "structure", "fresh_blocks", "mitigated_blocks"):
        assert f"{stem}_4h" in names


def test_a_score_without_history_or_late_trades_is_not_tainted() -> None:
    frames = walk(40, 1)
    assert not play(frames)[-1].tainted
    late = trade_frame(40 * MINUTE_NS, 9, seq=41, flag=TradeFlag.RECOVERED_LATE)
    assert play([*frames, late])[-1].tainted


@pytest.mark.parametrize("step", [2.0, -2.0])
def test_a_trend_in_waves_leans_its_way_and_shows_its_structure(step: float) -> None:
    table = waves(step)
    last = round(float(table["close"].iloc[-1]) * 10)
    (score,) = play([trade_frame(END_NS, last)], full_history(table))
    parts, raw = parts_of(score), raw_of(score)
    for name in ("order_block", "value_area", "support_resistance"):
        value = parts[name]
        assert value is not None
        assert (value - 50.0) * step > 5.0, name
    assert raw["structure_15m"] == math.copysign(1.0, step)
    assert raw["range_position_15m"] * step > 0.0
    assert raw["val_15m"] < raw["poc_15m"] < raw["vah_15m"]


@pytest.mark.parametrize("side", [1, -1])
def test_a_price_far_from_the_vwap_is_stretched_and_one_near_it_is_strong(side: int) -> None:
    table = chance_table(100, 4)
    past = full_history(table)
    vwap = raw_of(play([trade_frame(END_NS, round(table["close"].iloc[-1] * 10))], past)[0])
    deviation = float(table["close"].iloc[-48:].std())
    for distance, strong in ((0.8, True), (8.0, False)):
        price = round((vwap["vwap_4h"] + side * distance * deviation) * 10)
        value = parts_of(play([trade_frame(END_NS, price)], past)[0])["vwap"]
        assert value is not None
        assert ((value - 50.0) * side > 0.0) == strong


def test_a_breakout_is_reported_on_its_side() -> None:
    table = chance_table(100, 4)
    past = full_history(table)
    for side, edge in ((1, table["high"].max()), (-1, table["low"].min())):
        (score,) = play([trade_frame(END_NS, round((edge + side * 5) * 10))], past)
        assert raw_of(score)["breakout_15m"] == side
        assert raw_of(score)["range_position_15m"] == side
    (inside,) = play([trade_frame(END_NS, round(table["close"].iloc[-1] * 10))], past)
    assert "breakout_15m" not in raw_of(inside)


def test_the_newest_trade_moves_every_timeframe_before_its_bar_closes() -> None:
    table = chance_table(100, 13)
    close = round(table["close"].iloc[-1] * 10)
    low, high = (play([trade_frame(END_NS, close + d)], full_history(table))[0] for d in (-90, 90))
    for name in ("value_area", "support_resistance"):
        before, after = parts_of(low)[name], parts_of(high)[name]
        assert before is not None
        assert after is not None
        assert after > before, name
    # Not so the blocks: higher is farther from demand and nearer to supply.
    assert parts_of(high)["order_block"] != parts_of(low)["order_block"]
    assert raw_of(high)["vwap_distance_4h"] > raw_of(low)["vwap_distance_4h"]


def test_a_minute_against_the_longer_timeframes_shows_as_divergence() -> None:
    past = full_history(waves(2.0))[:3] + full_history(waves(-2.0, 119))[3:]
    (score,) = play([trade_frame(END_NS, 30_000)], past)
    assert any(part.divergence != 0.0 for part in score.components)
    assert all(-10.0 <= part.divergence <= 10.0 for part in score.components)


@pytest.mark.parametrize("side", [1, -1])
def test_those_who_opened_on_the_wrong_side_are_under_water(side: int) -> None:
    frames = [
        with_interest(
            trade_frame(i * MINUTE_NS, 10_000 + side * (i % 3), seq=i + 1), 5_000 + 40 * i
        )
        for i in range(30)
    ]
    moved = [
        with_interest(trade_frame(i * MINUTE_NS, 10_000 - side * 200, seq=i + 1), 6_160)
        for i in range(30, 33)
    ]
    scores = play([*frames, *moved])
    assert parts_of(scores[3])["position_heat"] is None
    heat, raw = parts_of(scores[-1])["position_heat"], raw_of(scores[-1])
    assert heat is not None
    assert (heat - 50.0) * side < -20.0  # opened above: longs are under water
    assert raw["longs_under_water" if side > 0 else "shorts_under_water"] == pytest.approx(1.0)
    assert raw["mean_entry"] == pytest.approx(1_000.0, abs=0.3)


def interest_series(count: int, name: SeriesName = SeriesName.OPEN_INTEREST) -> Series:
    """A rise every 15 minutes up to ``END_NS``."""
    at_ns = tuple(END_NS - (count - i) * 15 * MINUTE_NS for i in range(count))
    values = tuple(1_000.0 + 10.0 * i for i in range(count))
    return Series("generated", "TEST/USDT", name, "test", END_NS, at_ns, values)


def test_past_open_interest_is_placed_at_the_prices_of_the_bars_known_then() -> None:
    table = waves(-2.0)
    frame = trade_frame(END_NS, round(float(table["close"].iloc[-1]) * 10))
    (score,) = play([frame], full_history(table), interest_series(40))
    heat, raw = parts_of(score)["position_heat"], raw_of(score)
    assert heat is not None
    assert heat < 30.0  # bought all the way down
    assert raw["longs_under_water"] > 0.8
    # The middle of the bar that holds each time, the finest that is remembered; 15 m beyond 6 h.
    assert score.coverage == pytest.approx(1.0)
    oldest = table.iloc[-40:]
    low, high = float(oldest["low"].min()), float(oldest["high"].max())
    assert low <= raw["mean_entry"] <= high


def test_without_bars_past_open_interest_has_no_place_and_other_series_are_ignored() -> None:
    frame = trade_frame(END_NS, 10_000)
    (score,) = play([frame], None, interest_series(40))
    assert parts_of(score)["position_heat"] is None
    past = full_history(chance_table(60, 2))
    (score,) = play([frame], past, interest_series(40, SeriesName.FUNDING_RATE))
    assert parts_of(score)["position_heat"] is None


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_a_value_that_is_no_open_interest_is_passed_over(value: float) -> None:
    good = interest_series(40)
    values = (*good.value[:20], value, *good.value[21:])
    bad = msgspec.structs.replace(good, value=values)
    past = full_history(chance_table(60, 2))
    assert_sound(play([trade_frame(END_NS, 10_000)], past, bad))


def test_past_open_interest_holds_nothing_that_is_not_yet_due() -> None:
    good = interest_series(40)
    early = msgspec.structs.replace(
        good, at_ns=(*good.at_ns, END_NS + 60 * MINUTE_NS), value=(*good.value, 9_000.0)
    )
    past = full_history(chance_table(60, 2))
    frames = [
        with_interest(trade_frame(END_NS + i * MINUTE_NS, 10_000, seq=i + 1), 1_400 + i)
        for i in range(5)
    ]
    assert play(frames, past, early) == play(frames, past, good)


def test_open_interest_that_is_no_longer_heard_makes_heat_not_ready_again() -> None:
    frames = [
        with_interest(trade_frame(i * MINUTE_NS, 10_000 + i, seq=i + 1), 5_000 + i)
        for i in range(10)
    ]
    deaf = [trade_frame((10 + 30 * i) * MINUTE_NS, 10_000, seq=11 + i) for i in range(6)]
    scores = play([*frames, *deaf])
    assert parts_of(scores[9])["position_heat"] is not None
    assert parts_of(scores[10])["position_heat"] is not None
    assert parts_of(scores[-1])["position_heat"] is None


def test_after_a_long_silence_the_base_starts_anew_and_is_not_ready() -> None:
    before = walk(100, 3)
    frames = [trade_frame((i + 500) * MINUTE_NS, 10_000, seq=101 + i) for i in range(30)]
    scores = play([*before, *frames])
    assert "poc_1m" in raw_of(scores[99])
    # The first bar to close finds none before it.
    assert "poc_1m" not in raw_of(scores[101])
    assert raw_of(scores[-1])["poc_1m"] == 1_000.0  # of the time after, alone


def test_a_flat_market_is_neutral() -> None:
    scores = play([trade_frame(i * MINUTE_NS, 10_001, seq=i + 1) for i in range(400)])
    assert_sound(scores)
    assert scores[-1].score == 50.0
    assert all(parts_of(scores[-1])[name] == 50.0 for name in BAR_BASED)


def test_one_trade_an_hour_gives_sound_scores_and_honest_readiness() -> None:
    scores = play(walk(30, 7, step_ns=60 * MINUTE_NS))
    assert_sound(scores)
    assert scores[-1].score is not None
    assert scores[-1].coverage < 0.61  # 30 hours are 7 bars of 4 h


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_a_jump_by_half_gives_sound_scores(factor: float) -> None:
    calm = walk(200, 8)
    price = round(calm[-1].trades.price[-1] * factor)
    after = [trade_frame(i * MINUTE_NS, price, seq=i + 1) for i in range(200, 203)]
    scores = play([*calm, *after])
    assert_sound(scores)
    parts, raw = parts_of(scores[200]), raw_of(scores[200])
    assert raw["breakout_1m"] == math.copysign(1.0, factor - 1.0)
    for name in ("value_area", "support_resistance"):
        value = parts[name]
        assert value is not None
        assert (value - 50.0) * (factor - 1.0) > 0.0, name
    assert parts["vwap"] is not None
    assert (parts["vwap"] - 50.0) * (factor - 1.0) < 0.0  # as far as it gets


def test_history_in_one_piece_or_in_many_gives_the_same_state() -> None:
    table = chance_table(300, 9)
    drive = machine()
    whole, pieces = drive.initial(), drive.initial()
    drive.backfill(whole, history(table, minutes=1))
    for start in range(0, 300, 37):
        part = table.iloc[start : start + 37].reset_index(drop=True)
        drive.backfill(pieces, history(part, minutes=1, start_ns=start * MINUTE_NS))
    assert drive.encode(pieces) == drive.encode(whole)


def test_what_comes_later_changes_no_score_before_with_history_in_between() -> None:
    frames = walk(160, 9)
    past = history(chance_table(30, 1, price=900.0), minutes=240, start_ns=-30 * 240 * MINUTE_NS)

    def run(upto: int) -> list[bytes]:
        drive = machine()
        state = drive.initial()
        found = []
        for i, frame in enumerate(frames[:upto]):
            if i == 60:
                drive.backfill(state, past)
            found.append(msgspec.msgpack.encode(drive.step(state, frame)))
        return found

    assert run(101) == run(160)[:101]


def test_a_state_full_of_everything_stays_small_and_resumes_exactly() -> None:
    drive = machine()
    state: SymbolState = drive.initial()
    for given in full_history(chance_table(300, 2)):
        drive.backfill(state, given)
    drive.learn(state, interest_series(100))
    encoded = drive.encode(state)
    assert 15_000 < len(encoded) < 40_000
    revived = drive.decode(encoded)
    frames = [
        with_interest(trade_frame(END_NS + i * NS_PER_S, 10_000 + i, seq=i + 1), 2_000 + i)
        for i in range(70)
    ]
    for frame in frames:
        assert drive.step(revived, frame) == drive.step(state, frame)
    assert drive.encode(revived) == drive.encode(state)
