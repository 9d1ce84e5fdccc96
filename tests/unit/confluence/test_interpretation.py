"""Sentences say what the values say, of every component, and never fail."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from agents.indicators.bar import Bar
from agents.indicators.relative_volume import RelativeVolume
from agents.indicators.vwap import vwap_score
from agents.interpretation.interpret import interpret
from agents.interpretation.phrasebook import component_sentence, dimension_patterns, phrases
from schemas.frame import NS_PER_S
from schemas.score import (
    NEUTRAL,
    ComponentReading,
    ConfluenceScore,
    Contribution,
    DimensionScore,
    ReliabilityPart,
)
from tests.support.markets import random_market
from tests.support.messages import score_of

COMPONENTS = [
    (dimension, spec.name)
    for dimension, kind in registry.dimensions().items()
    for spec in kind.components
]
every_component = pytest.mark.parametrize(("dimension", "component"), COMPONENTS)

NAMED = {
    "technical": ("ao", "macd", "rsi", "williams_r", "cci", "atr"),
    "volume": ("volume_delta", "adl", "cmf", "relative_volume", "obv", "divergence"),
    "orderflow": ("trade_flow", "market_making", "toxicity"),
    "orderbook": ("liquidity", "imbalance", "impact"),
    "price_structure": ("order_block", "value_area", "vwap", "support_resistance", "position_heat"),
    "sentiment": (
        "long_short_ratio", "funding", "funding_volatility", "liquidations", "volume_sentiment",
        "market_mood", "risk",
    ),
}  # fmt: skip
"""What the six dimensions are to consist of."""

KNOWN_RAW = (
    "cvd_standing", "cvd_window", "intensity", "large_imbalance", "oi_trend", "oi_change",
    "cascade", "liquidation_side", "liquidated", "vpin", "vpin_usual", "drift_bps",
    "inventory_standing", "refresh_bid_s", "refresh_ask_s", "usual_spread_bps",
    "effective_half_spread_bps", "realised_half_spread_bps", "depth_200bps_bid",
    "depth_200bps_ask", "spread_bps", "reach_bps", "spread_to_usual", "depth_reach_bid",
    "depth_reach_ask", "lean_standing", "ofi_standing", "distance_weighted", "buy_cost_bps",
    "sell_cost_bps", "reference_notional", "wall_bid_bps", "wall_bid_multiple", "large_pulled_ask",
    "large_placed_ask", "ao_5m", "macd_histogram_4h", "momentum_shift_1m", "rsi_1m", "rsi_band_1m",
    "williams_r_15m", "cci_5m", "atr_5m", "adx_4h", "bollinger_1m", "trend_exhaustion_4h",
    "doji_5m", "engulfing_1m", "band_stretch_1m", "williams_r_band_15m", "cci_band_5m",
    "bollinger_band_1m", "evidence", "never_heard_of",
)  # fmt: skip

numbers = st.floats(allow_nan=False, allow_infinity=False)
some_raw = st.dictionaries(st.sampled_from(KNOWN_RAW), numbers).map(lambda raw: tuple(raw.items()))
bounded = st.floats(0.0, 100.0)
readings = st.builds(
    ComponentReading,
    name=st.sampled_from([*(name for _, name in COMPONENTS), "never_heard_of"]),
    score=st.none() | bounded,
    weight=st.floats(0.0, 1.0),
    contribution=st.floats(-50.0, 50.0),
    divergence=st.floats(-10.0, 10.0),
    raw=some_raw,
)


def part(name: str, score: float | None, weight: float = 0.5, **raw: float) -> ComponentReading:
    push = 0.0 if score is None else weight * (score - NEUTRAL)
    return ComponentReading(
        name, score, 0.0 if score is None else weight, push, raw=tuple(raw.items())
    )


def dimension_of(name: str, *parts: ComponentReading) -> DimensionScore:
    ready = [p for p in parts if p.ready]
    score = NEUTRAL + math.fsum(p.contribution for p in ready) if ready else None
    return msgspec.structs.replace(score_of(name, score), components=parts)


def verdict_of(weights: Mapping[str, float], *scores: DimensionScore) -> ConfluenceScore:
    parts = tuple(
        Contribution(s.dimension, s.score, w, w * (s.score - NEUTRAL))
        if (w := weights[s.dimension]) and s.score is not None
        else Contribution(s.dimension, None, 0.0, 0.0)
        for s in scores
    )
    ready = [p for p in parts if p.score is not None]
    score = NEUTRAL + math.fsum(p.contribution for p in ready) if ready else None
    trust = (ReliabilityPart("fitness", 0.9), ReliabilityPart("readiness", 0.25))
    first = scores[0]
    return ConfluenceScore(
        first.venue, first.symbol, first.tick_ns, 1, 1, score, 0.5, 61_234.5, parts, trust,
        68.0, 35.0,
    )  # fmt: skip


FLOW = dimension_of(
    "orderflow",
    part("trade_flow", 40.0, 0.4, cvd_standing=-1.5),
    part("market_making", 60.0, 0.3),
    part("toxicity", 56.0, 0.3, drift_bps=0.25),
)
BOOK = dimension_of("orderbook", part("imbalance", 90.0), part("impact", 66.0))
BOTH = verdict_of({"orderflow": 0.5, "orderbook": 0.5}, FLOW, BOOK)


def test_phrases_are_there_for_every_component_of_the_six_dimensions() -> None:
    for dimension, components in NAMED.items():
        assert set(components) <= set(phrases()[dimension].components)


@every_component
def test_every_component_says_something_else_for_each_lean(dimension: str, component: str) -> None:
    bullish, neutral, bearish = (
        component_sentence(dimension, part(component, score)) for score in (80.0, 50.0, 20.0)
    )
    assert len({bullish.split("(")[0], neutral.split("(")[0], bearish.split("(")[0]}) == 3
    for sentence in (bullish, neutral, bearish):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    waiting = component_sentence(dimension, part(component, None))
    assert waiting == f"{component.replace('_', ' ').capitalize()} is not ready."


@pytest.mark.parametrize("dimension", sorted(registry.dimensions()))
def test_what_a_dimension_gives_is_told_with_evidence_(
    dimension: str,
) -> None:
    lives_on_bars = dimension not in {"orderflow", "orderbook"}
    frames = random_market(7, 1_500, interval_ns=10**9 * (600 if lives_on_bars else 1) // 10)
    drive = DimensionMachine(registry.create(dimension, {}))
    state = drive.initial()
    last = [s for frame in frames if (s := drive.step(state, frame)) is not None][-1]
    for reading in last.components:
        if reading.ready and reading.raw:
            assert ": " in component_sentence(dimension, reading), reading


def test_a_component_that_no_file_knows_degrades_to_its_name_and_raw_values() -> None:
    reading = part("moon_phase", 71.0, days_to_full=3.25, tide=-0.5)
    assert (
        component_sentence("astrology", reading)
        == "Moon phase leans bullish (71): days to full 3.25; tide −0.5."
    )
    assert component_sentence("orderbook", reading).startswith("Moon phase leans bullish (71)")


def test_a_band_is_told_as_far_as_the_market_moved_it() -> None:
    reading = part("rsi", 73.0, rsi_5m=73.0, rsi_band_5m=2.0, band_stretch_5m=1.1)
    assert component_sentence("technical", reading).endswith("overbought on 5m (above 72).")
    reading = part("rsi", 25.0, rsi_4h=25.0, rsi_band_4h=-2.0, band_stretch_4h=0.9)
    assert component_sentence("technical", reading).endswith("oversold on 4h (below 32).")
    reading = part("cci", 10.0, cci_1m=-180.0, cci_band_1m=-1.0)
    assert component_sentence("technical", reading).endswith("oversold on 1m.")
    reading = part("atr", 60.0, bollinger_1m=1.2, bollinger_band_1m=1.0)
    assert component_sentence("technical", reading).endswith("above the bands in force on 1m.")


def test_a_flow_of_few_trades_says_so() -> None:
    reading = part("trade_flow", 52.0, evidence=0.2)
    assert "few trades, so it counts for 20%" in component_sentence("orderflow", reading)
    assert "few trades" not in component_sentence(
        "orderflow", part("trade_flow", 60.0, evidence=0.8)
    )


def test_raw_values_under_other_names_degrade_too() -> None:
    sentence = component_sentence("orderflow", part("toxicity", 20.0, vpin_of_tomorrow=0.5))
    assert sentence == "Selling seems informed (20): vpin of tomorrow 0.5."


def test_the_lean_of_a_sentence_holds_the_timeframes_bonus() -> None:
    reading = ComponentReading("rsi", 53.0, 0.2, 1.8, 6.0, (("rsi_4h", 53.0), ("rsi_1m", 78.4)))
    assert component_sentence("technical", reading) == (
        "Gains outweigh losses (59): RSI 1m 78, 4h 53; timeframes that disagree add +6.0."
    )


@pytest.mark.parametrize(
    ("dimension", "reading", "expected"),
    [
        (
            "orderflow",
            part("trade_flow", 30.0, cvd_standing=-1.5, cvd_window=-34.2, oi_trend=-0.5,
                 oi_change=0.004),
            "Sellers take the initiative (30): CVD −1.2σ; 34.2 net sold in its window; "
            "open interest +0.4% confirms the down-move.",
        ),
        (
            "orderflow",
            part("trade_flow", 62.0, oi_trend=0.3, oi_change=-0.01, intensity=2.0),
            "Buyers take the initiative (62): trading at 2× its usual pace; "
            "open interest −1% marks a weak up-move.",
        ),
        (
            "orderbook",
            part("liquidity", 50.0, depth_50bps_bid=412.0, depth_50bps_ask=380.0, spread_bps=0.12,
                 spread_to_usual=1.2),
            "Depth is as balanced as usual (50): 412 bid against 380 offered within 0.5% of the "
            "mid; spread 0.12 bps (1.2× its usual).",
        ),
        (
            "orderbook",
            part("impact", 70.0, buy_cost_bps=0.8, sell_cost_bps=0.3, reference_notional=12_000.0,
                 wall_ask_bps=4.2, wall_ask_multiple=6.1),
            "Selling moves the price less than buying (70): buying a notional of 12,000 costs "
            "0.8 bps, selling it 0.3 bps; ask wall of 6.1× the usual level 4.2 bps away.",
        ),
        (
            "technical",
            part("atr", 50.0, atr_5m=12.5, adx_5m=40.0, adx_4h=31.2, bollinger_5m=-0.84),
            "The range has no direction (50): ATR 5m 12.5; ADX 31 on 4h: a trend; "
            "position in the Bollinger bands (±1) 5m −0.8.",
        ),
        (
            "technical",
            part("macd", 60.0, macd_histogram_5m=3.1, macd_histogram_15m=-0.4,
                 momentum_shift_5m=1.0),
            "MACD points up (60): histogram 5m +3.1, 15m −0.4; turns up on 5m.",
        ),
    ],
)  # fmt: skip
def test_worked_sentences(dimension: str, reading: ComponentReading, expected: str) -> None:
    assert component_sentence(dimension, reading) == expected


def test_selling_into_a_price_that_holds_is_told_as_absorbed() -> None:
    assert list(dimension_patterns(FLOW)) == [
        "Selling is absorbed: CVD −1.2σ while the mid moves +0.25 bps after trades."
    ]


@pytest.mark.parametrize(
    ("cvd", "drift", "said"),
    [
        (-1.5, -0.25, None),
        (1.5, 0.25, None),
        (-1.0, 0.25, None),
        (1.5, -0.25, "Buying is absorbed"),
    ],
)
def test_only_unusual_flow_that_the_price_does_not_follow_is_absorbed(
    cvd: float, drift: float, said: str | None
) -> None:
    flow = dimension_of(
        "orderflow",
        part("trade_flow", 40.0, cvd_standing=cvd),
        part("toxicity", 60.0, drift_bps=drift),
    )
    told = [pattern.partition(":")[0] for pattern in dimension_patterns(flow)]
    assert told == ([] if said is None else [said])


def test_a_cascade_names_who_is_forced_and_a_pulled_order_its_side() -> None:
    flow = dimension_of(
        "orderflow", part("toxicity", 30.0, cascade=1.0, liquidation_side=-1.0, liquidated=41.5)
    )
    assert list(dimension_patterns(flow)) == ["Liquidation cascade: longs must sell, 41.5 lately."]
    book = dimension_of(
        "orderbook", part("imbalance", 30.0, large_pulled_bid=2.5, large_placed_bid=1.0)
    )
    (told,) = dimension_patterns(book)
    assert told.startswith("Large bids are pulled: 2.5 gone")


def test_what_is_not_ready_shows_no_pattern() -> None:
    flow = dimension_of("orderflow", part("toxicity", None, cascade=1.0, liquidated=41.5))
    assert list(dimension_patterns(flow)) == []


def test_reasons_are_ranked_by_what_they_add_to_the_whole() -> None:
    told = interpret(BOTH, [FLOW, BOOK])
    assert [(r.component, round(r.points, 9)) for r in told.bullish] == [
        ("imbalance", 10.0),
        ("impact", 4.0),
        ("market_making", 1.5),
        ("toxicity", 0.9),
    ]
    assert [(r.component, round(r.points, 9)) for r in told.bearish] == [("trade_flow", -2.0)]
    whole = math.fsum(reason.points for reason in (*told.bullish, *told.bearish))
    assert whole == pytest.approx(BOTH.score - NEUTRAL if BOTH.score is not None else None)


def test_the_headlines_name_score_price_and_what_carries_it() -> None:
    told = interpret(BOTH, [FLOW, BOOK])
    assert told.headline == (
        "BTC/USDT:USDT leans bullish at 64.4, price 61,234.5: orderbook +14.0, orderflow +0.4."
    )
    assert [words.headline for words in told.dimensions] == [
        "Orderflow leans nowhere at 50.8: carried by market making +3.0, against trade flow −4.0.",
        "Orderbook is bullish at 78.0: carried by imbalance +20.0.",
    ]


def test_between_the_thresholds_the_nearer_one_and_what_stands_in_the_way_are_told() -> None:
    assert interpret(BOTH, [FLOW, BOOK]).change == (
        "3.6 points more reach the long threshold 68.",
        "Most in the way stands trade flow (orderflow) with −2.0; "
        "with it at 50 the score would be 66.4.",
    )


@pytest.mark.parametrize(
    ("book_score", "expected"),
    [
        (90.0, "The score is 22.0 points above the long threshold 68; a larger fall ends that."),
        (10.0, "The score is 25.0 points below the short threshold 35; a larger rise ends that."),
        (40.0, "5.0 points less reach the short threshold 35."),
    ],
)
def test_the_distance_to_the_threshold_is_told(book_score: float, expected: str) -> None:
    book = dimension_of("orderbook", part("impact", book_score, 1.0))
    assert interpret(verdict_of({"orderbook": 1.0}, book), [book]).change[0] == expected


def test_notes_tell_the_weakest_part_of_reliability_and_what_is_missing() -> None:
    waiting = dimension_of("technical", part("ao", None))
    verdict = verdict_of({"orderbook": 1.0, "technical": 0.0}, BOOK, waiting)
    verdict = msgspec.structs.replace(verdict, tainted=True, withheld="long: cool-down, 2.0 s left")
    assert interpret(verdict, [BOOK, waiting]).notes == (
        "Reliability 0.50; weakest is readiness at 0.25.",
        "A signal was withheld, long: cool-down, 2.0 s left.",
        "Not ready: technical.",
        "History or recovered data is in it.",
    )


def test_without_any_score_it_says_so() -> None:
    waiting = dimension_of("technical", part("ao", None))
    told = interpret(verdict_of({"technical": 1.0}, waiting), [waiting])
    assert "has no score" in told.headline
    assert told.dimensions[0].headline == "Technical is not ready."
    assert told.dimensions[0].components == ("Ao is not ready.",)
    assert told.bullish == told.bearish == ()


@given(
    flow=st.lists(readings, max_size=4),
    score=st.none() | bounded,
    whole=st.none() | bounded,
    dimension=st.sampled_from([*NAMED, "never_heard_of"]),
    weight=st.floats(0.0, 1.0),
)
def test_no_finite_values_are_too_wild_for_words(
    flow: list[ComponentReading],
    score: float | None,
    whole: float | None,
    dimension: str,
    weight: float,
) -> None:
    given_score = msgspec.structs.replace(score_of(dimension, score), components=tuple(flow))
    verdict = msgspec.structs.replace(
        BOTH, score=whole, contributions=(Contribution(dimension, score, weight, 0.0),)
    )
    told = interpret(verdict, [given_score])
    assert told == interpret(verdict, [given_score])
    assert len(told.dimensions[0].components) == len(flow)
    for line in (*told.change, *told.notes, told.headline, *told.dimensions[0].components):
        assert line.endswith(".")
        assert "nan" not in line
        assert len(line) < 500


def test_bar_dimensions_and_sentiment_tell_their_figures() -> None:
    """Worked examples; a raw value that is renamed in its dimension must be renamed here too."""
    told = {
        ("volume", "cmf"): ({"cmf_smooth_5m": -0.192}, ["CMF 5m −0.192"]),
        ("volume", "relative_volume"): (
            {"relative_volume_4h": 2.0, "volume_trend_4h": 0.25},
            ["short against long mean 4h 2×", "5 bars against 20 4h +25%"],
        ),
        ("price_structure", "value_area"): (
            {"val_5m": 944.2, "vah_5m": 958.95, "poc_5m": 944.5, "volume_below_5m": 0.4},
            ["value 944.2 to 958.95 on 5m", "most traded at 5m 944.5",
             "volume traded below the price 5m 40%"],
        ),
        ("sentiment", "funding"): (
            {"funding_annual": 0.1095, "funding_momentum": -0.5},
            ["funding +10.9% a year", "−50% against its last day"],
        ),
        ("sentiment", "market_mood"): (
            {"mood_trend_4h": 0.5, "fear_greed": 71.0, "news_lean": -0.25, "social_lean": 0.4},
            ["trend 4h +0.5", "fear and greed 71", "news −0.2", "social media +0.4"],
        ),
        ("sentiment", "risk"): (
            {"maintenance_reach": 0.2, "crowd_side": 1.0},
            ["a usual day uses 25% of the room to liquidation", "the crowd's side +1.0"],
        ),
        ("sentiment", "liquidations"): (
            {"liquidated_longs": 5.0, "liquidated_shorts": 0.001, "liquidations_normal": 1.0,
             "cascade": 1.0},
            ["longs closed by force 5", "a cascade is under way"],
        ),
    }  # fmt: skip
    for (dimension, component), (values, wanted) in told.items():
        module = importlib.import_module(f"agents.interpretation.sentences.{dimension}")
        assert list(module.PHRASES.components[component].evidence(values)) == wanted


def test_a_price_far_above_its_vwap_is_bearish_but_not_said_to_be_below_it() -> None:
    reading = part("vwap", vwap_score(0.75), vwap_distance_5m=0.75)
    assert component_sentence("price_structure", reading) == (
        "Distance from the VWAP speaks for a fall (38): distance (±1 at 4σ) 5m +0.8."
    )


def test_volume_below_its_usual_is_not_said_to_be_unusual() -> None:
    thin = RelativeVolume()
    for i in range(56):
        thin.update(Bar(i, 1.0, 2.0, 1.0, 2.0, volume=9.0 if i < 51 else 5.0))
    view = thin.peek(Bar(56, 1.0, 2.0, 1.0, 2.0, volume=5.0))
    assert view is not None
    assert view.ratio < 0.6
    reading = part("relative_volume", 50.0 + 50.0 * view.lean, relative_volume_5m=view.ratio)
    said = component_sentence("volume", reading)
    assert said.startswith("Volume carries an up-move (")
    assert "0.561×" in said


@pytest.mark.parametrize("dimension", ["volume", "price_structure", "sentiment"])
def test_the_figures_that_sentences_look_for_are_given(dimension: str) -> None:
    machine = DimensionMachine(registry.create(dimension, {}))
    state, last = machine.initial(), None
    for frame in random_market(7, 900, frames_per_tick=1, interval_ns=600 * NS_PER_S):
        last = machine.step(state, frame) or last
    assert last is not None
    module = importlib.import_module(f"agents.interpretation.sentences.{dimension}")
    silent = [
        part.name
        for part in last.components
        if part.raw and not list(module.PHRASES.components[part.name].evidence(dict(part.raw)))
    ]
    assert silent == []
