"""Bands that volatility, volume and liquidity move: within bounds, recorded, without a side."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.bands import BandBounds, band_share, band_stretch
from agents.indicators.conditions import MarketConditions
from agents.indicators.liquidity import BookLiquidity
from agents.indicators.rsi import rsi_band
from schemas.frame import NS_PER_S, Backfill, Book, Frame
from schemas.score import DimensionScore
from tests.support.bars import END_NS, chance_table, full_history
from tests.support.markets import mirrored, random_market, refined, rescaled
from tests.support.played import machine, play, raw_of

ratios = st.none() | st.floats(0, 1e9)
bounds = st.builds(BandBounds, st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 0.3))
TIMEFRAMES = ("1m", "5m", "15m", "4h")


def test_worked_example() -> None:
    # 0.10 log2(sqrt 2) + 0.05 (half the usual volume) + 0.05 (held to twice as poor)
    stretch = band_stretch(BandBounds(), volatility=math.sqrt(2.0), volume=0.5, liquidity=4.0)
    assert stretch == pytest.approx(1.15)
    assert [rsi_band(50.0 + x, stretch) for x in (5.7, 5.8, 22.9, 23.1)] == [0, 1, 1, 2]


@given(bounds, ratios, ratios, ratios)
def test_a_stretch_stays_within_the_bounds(
    limits: BandBounds, volatility: float | None, volume: float | None, liquidity: float | None
) -> None:
    stretch = band_stretch(limits, volatility=volatility, volume=volume, liquidity=liquidity)
    assert abs(stretch - 1.0) <= math.fsum(limits) + 1e-12
    wilder = band_stretch(limits, volatility=4.0, volume=volume, liquidity=liquidity)
    calmer = band_stretch(limits, volatility=0.1, volume=volume, liquidity=liquidity)
    assert calmer <= wilder
    assert band_share(None, limits.volatility) == 0.0


@given(st.floats(0, 100), st.floats(0.7, 1.3))
def test_the_bands_of_the_rsi_have_no_side(rsi: float, stretch: float) -> None:
    away = rsi - 50.0
    assert rsi_band(50.0 + away, stretch) == -rsi_band(50.0 - away, stretch)


def frame_of(second: int, *, mid: int = 1_000, traded: float = 0.0, qty: int = 100) -> Frame:
    """A tick whose book is ``qty`` deep on both sides and whose spread is 2."""
    book = Book(second, None, (mid - 1,), (qty,), (mid + 1,), (qty,))
    return Frame("v", "s", 1, second, 0, second * NS_PER_S, True, 0, 0, book=book)


def test_conditions_are_ratios_of_a_minute_to_half_an_hour() -> None:
    conditions = MarketConditions()
    mids, volumes, depths = [], [], []
    for second in range(2_000):
        busy = second >= 1_940
        mid = 1_000 + (3 if busy else 1) * (second % 2)
        volume, qty = (5.0, 25) if busy else (1.0, 100)
        mids.append(mid)
        volumes.append(volume)
        depths.append(2 * qty)
        conditions.update(frame_of(second, mid=mid, qty=qty), volume=volume)

    def rate(values: list[float], half_life_s: float) -> float:
        weights = [0.5 ** ((1_999 - i) / half_life_s) for i in range(1, 2_000)]
        mean = math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)
        # What comes each second is taken as if it came at its end.
        kept: float = 0.5 ** (1.0 / half_life_s)
        return mean / ((1.0 - kept) * half_life_s / math.log(2.0))

    path = [float(abs(b - a)) for a, b in itertools.pairwise(mids)]
    expected = rate(path, 60.0) / rate(path, 1_800.0)
    assert conditions.volatility == pytest.approx(expected, rel=1e-9)
    expected = rate(volumes[1:], 60.0) / rate(volumes[1:], 1_800.0)
    assert conditions.volume == pytest.approx(expected, rel=1e-9)
    before = [0.5 ** ((1_998 - i) / 600.0) for i in range(1, 1_999)]
    usual = math.fsum(w * d for w, d in zip(before, depths[1:-1], strict=True)) / math.fsum(before)
    assert conditions.liquidity.depth == pytest.approx(50 / usual, rel=1e-9)
    assert conditions.liquidity.spread == pytest.approx(1.0)
    assert conditions.liquidity.poverty == pytest.approx(math.sqrt(usual / 50), rel=1e-9)


def test_without_a_sound_book_liquidity_is_not_known_and_moves_nothing() -> None:
    liquidity = BookLiquidity()
    for second in range(5):
        liquidity.update(frame_of(second))
    assert liquidity.poverty == pytest.approx(1.0)
    crossed = Book(9, None, (1_001,), (5,), (1_000,), (5,))
    for book in (None, crossed):
        liquidity.update(msgspec.structs.replace(frame_of(6), book=book))
        assert liquidity.poverty is None
    assert MarketConditions(liquidity=liquidity).stretch(BandBounds()) == 1.0


def last(name: str, frames: list[Frame], past: list[Backfill] | None = None) -> DimensionScore:
    scores, _ = play(machine(name), [*(past or []), *frames])
    return scores[-1]


@pytest.mark.parametrize("name", ["orderflow", "orderbook", "technical"])
def test_the_mirrored_market_and_other_units_have_the_same_bands(name: str) -> None:
    interval_ns = 600 * NS_PER_S if name == "technical" else 100_000_000
    per_tick = 1 if name == "technical" else 10
    frames = random_market(4, 1_500, interval_ns=interval_ns, frames_per_tick=per_tick)
    plain = raw_of(last(name, frames))
    edges = [key for key in plain if "stretch" in key or "usual" in key or "multiple" in key]
    edges = [key for key in edges if key not in ("vpin_usual", "usual_spread_bps")]
    edges = [key for key in edges if not key.startswith("wall_bid") and "wall_ask" not in key]
    assert edges
    assert any(abs(plain[key] - 1.0) > 0.01 for key in edges)
    for others in (
        [mirrored(frame, 120_001) for frame in frames],
        [rescaled(frame, price=7, qty=3) for frame in frames],
        [refined(frame, price=2, qty=1) if i > 700 else frame for i, frame in enumerate(frames)],
    ):
        told = raw_of(last(name, others))
        assert {key: told[key] for key in edges} == pytest.approx({k: plain[k] for k in edges})


def wider(scale: float) -> list[Backfill]:
    """A history whose last fifteen bars range ``scale`` times as far as those before."""
    table = chance_table(120, 3)
    middle = (table["high"] + table["low"]) / 2
    for name in ("open", "high", "low", "close"):
        stretched = (middle + scale * (table[name] - middle)).round(1)
        table[name] = table[name].where(table.index < 105, stretched)
    return full_history(table)


def test_a_wilder_market_is_overbought_later_and_says_so() -> None:
    frame = frame_of(END_NS // NS_PER_S)
    calm, wild = (raw_of(last("technical", [frame], wider(scale))) for scale in (1.0, 6.0))
    for timeframe in TIMEFRAMES:
        assert wild[f"volatility_to_usual_{timeframe}"] > calm[f"volatility_to_usual_{timeframe}"]
        assert wild[f"band_stretch_{timeframe}"] > calm[f"band_stretch_{timeframe}"] + 0.02
        for told in (calm, wild):
            stretch = band_stretch(
                BandBounds(),
                volatility=told[f"volatility_to_usual_{timeframe}"],
                volume=told[f"volume_to_usual_{timeframe}"],
                liquidity=None,
            )
            assert told[f"band_stretch_{timeframe}"] == pytest.approx(stretch, rel=1e-12)
            band = rsi_band(told[f"rsi_{timeframe}"], told[f"band_stretch_{timeframe}"])
            assert told[f"rsi_band_{timeframe}"] == band


def test_the_band_in_force_decides_what_is_a_wall_and_what_is_large() -> None:
    frames = random_market(6, 1_000)
    still = {"bands_volatility": 0.0, "bands_volume": 0.0, "bands_liquidity": 0.0}
    found, held = (
        raw_of(play(machine("orderbook", **options), frames)[0][-1]) for options in ({}, still)
    )
    assert held["wall_multiple"] == 5.0
    stretch = band_stretch(
        BandBounds(),
        volatility=found["volatility_to_usual"],
        volume=found["volume_to_usual"],
        liquidity=math.sqrt(found["spread_to_usual"] / found["depth_to_usual"]),
    )
    assert found["wall_multiple"] == pytest.approx(5.0 * stretch, rel=1e-9)
    assert found["large_multiple"] == pytest.approx(8.0 * stretch, rel=1e-9)
    found, held = (
        raw_of(play(machine("orderflow", **options), frames)[0][-1]) for options in ({}, still)
    )
    assert found["large_size"] == pytest.approx(held["large_size"] * stretch, rel=1e-9)
