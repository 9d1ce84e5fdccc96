"""Sentiment on recorded data: the day bundle of 2025-05-22, and two years of daily values."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.indicators.forced_periods import ForcedPeriods
from agents.indicators.long_short import EXTREME, LongShortRatio
from schemas.frame import NS_PER_S
from schemas.score import DimensionScore
from tests.support.bundle import bundle
from tests.support.played import machine, play, raw_of, scores_of

DAY_NS = 86_400 * NS_PER_S
COMPONENTS = (
    "long_short_ratio",
    "funding",
    "funding_volatility",
    "liquidations",
    "volume_sentiment",
    "market_mood",
    "risk",
)


# --- the day bundle of 2025-05-22: klines, funding, mark, open interest, fear and greed


@pytest.fixture(scope="module")
def day(market_data: Path) -> list[DimensionScore]:
    return play(machine("sentiment"), bundle(market_data))[0]


@pytest.mark.needs_market_data
def test_the_bundle_makes_ready_what_it_holds(day: list[DimensionScore]) -> None:
    assert len(day) == 288
    for score in day:
        ready = {name for name, value in scores_of(score).items() if value is not None}
        assert ready == set(COMPONENTS) - {"long_short_ratio", "liquidations"}
    # Of the takers the klines tell nothing: a fifth of volume_sentiment is ready. Funding lacks the
    # premium until its marks, eight hours apart, have a past.
    share = 0.85 * 0.15 + 0.10 + 0.2 * 0.10 + 0.15 + 0.15
    assert day[0].coverage == pytest.approx(share)
    assert day[-1].coverage == pytest.approx(share + 0.15 * 0.15)
    assert all(score.tainted for score in day)


@pytest.mark.needs_market_data
@pytest.mark.parametrize(
    ("left_out", "components", "raw"),
    [
        ("klines", {"volume_sentiment", "market_mood", "risk"}, "price_impact_4h"),
        ("funding", {"funding", "funding_volatility", "risk"}, "funding_annual"),
        ("mark", {"funding"}, "premium_standing"),
        ("open_interest", {"risk"}, "open_interest_growth"),
        ("fear_greed", {"market_mood"}, "fear_greed_lean"),
    ],
)
def test_sentiment_uses_every_input_of_the_bundle(
    market_data: Path,
    day: list[DimensionScore],
    left_out: str,
    components: set[str],
    raw: str,
) -> None:
    whole = day[-1]
    messages = bundle(market_data, without=frozenset({left_out}))
    less = play(machine("sentiment"), messages)[0][-1]
    a, b = scores_of(whole), scores_of(less)
    assert components <= {name for name in COMPONENTS if a[name] != b[name]}
    assert raw in raw_of(whole)
    assert raw not in raw_of(less)
    assert whole.score != less.score


@pytest.mark.needs_market_data
def test_the_bundle_is_read_as_it_is(day: list[DimensionScore]) -> None:
    raw = raw_of(day[-1])
    assert raw["day_volume"] == pytest.approx(246_067.033)  # the venue's own daily bar
    assert raw["funding_annual"] == pytest.approx(0.1095)  # 0.01% per 8 h
    assert raw["open_interest"] == pytest.approx(88_030.201)
    assert raw_of(day[0])["fear_greed"] == 72.0


@pytest.mark.needs_market_data
def test_the_bundle_resumes_in_mid_day(market_data: Path, day: list[DimensionScore]) -> None:
    messages = list(bundle(market_data))
    drive = machine("sentiment")
    head, state = play(drive, messages[:400])
    tail, _ = play(drive, messages[400:], drive.decode(drive.encode(state)))
    assert [*head, *tail] == day


# --- two years of daily values: 2022 and 2023


def daily(market_data: Path, file: str, column: str) -> list[tuple[int, float]]:
    """Values of a column; a day's value is known at its end."""
    with (market_data / "derivatives" / file).open() as lines:
        rows = csv.DictReader(lines)
        first = (rows.fieldnames or [""])[0]
        return [(_day_ns(row[first]) + DAY_NS, float(row[column])) for row in rows if row[column]]


def _day_ns(date: str) -> int:
    return round(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) * NS_PER_S


@pytest.mark.needs_market_data
def test_days_of_mass_liquidation_lean_the_way_the_price_went(market_data: Path) -> None:
    name = "BTCUSDT_PERP.A"
    close = dict(daily(market_data, "close_volume.csv", f"{name}_close"))
    shorts = dict(daily(market_data, "liquidations.csv", f"{name}_shortliq"))
    periods, leans = ForcedPeriods(), {}
    sizes = {}
    for at_ns, longs in daily(market_data, "liquidations.csv", f"{name}_longliq"):
        periods.longs.update(longs, at_ns)
        periods.shorts.update(shorts[at_ns], at_ns)
        lean = periods.lean(at_ns)
        sizes[at_ns] = longs + shorts[at_ns]
        if lean is not None:
            leans[at_ns] = lean
            assert -1.0 <= lean <= 1.0
    largest = sorted(leans, key=lambda at_ns: sizes[at_ns])[-12:]
    agree = [leans[at] * (close[at] - close[at - DAY_NS]) > 0.0 for at in largest]
    assert agree.count(True) >= 10
    worst = _day_ns("2022-11-09") + DAY_NS  # the exchange FTX fell
    assert leans[worst] < -0.15


@pytest.mark.needs_market_data
def test_a_crowd_is_extreme_on_few_days_though_always_long(market_data: Path) -> None:
    crowding, leans = [], []
    for symbol in ("BTCUSDT", "ETHUSDT", "DOGEUSDT", "SOLUSDT"):
        ratio = LongShortRatio()
        values = daily(market_data, "long_short.csv", f"{symbol}_PERP.A_ls_ratio")
        for at_ns, value in values:
            ratio.update(value, at_ns)
            x, lean = ratio.crowding(at_ns), ratio.lean(at_ns)
            if x is not None and lean is not None:
                crowding.append(x)
                leans.append(lean)
        assert sum(value > 1.0 for _, value in values) > 0.5 * len(values)
    assert len(leans) > 4 * 690
    assert 0.001 < sum(abs(x) >= EXTREME for x in crowding) / len(crowding) < 0.05
    assert 0.4 < sum(lean > 0.0 for lean in leans) / len(leans) < 0.6
    assert min(leans) < -0.5
    assert max(leans) > 0.5
