"""What each source makes ready, component by component, through all six dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from agents.dimensions import registry
from agents.pipeline import Pipeline
from schemas.frame import NS_PER_S, Frame
from schemas.score import DimensionScore
from streams.history.times import time_ns
from streams.merge import FeedMessage
from tests.support.bundle import bundle
from tests.support.klines import HOUR_NS
from tests.support.six import DIMENSIONS, all_six, may_klines, recorded, scores_of

pytestmark = pytest.mark.needs_market_data

TICKS_NS = 600 * NS_PER_S
"""How long before its end NEXO is scored; until then its frames are folded without a score."""

BTC, NEXO, KLINES, BUNDLE = "BTC USD-M", "NEXO", "klines", "bundle"

READY: dict[str, set[str]] = {
    "orderbook.liquidity": {BTC, NEXO},
    "orderbook.imbalance": {BTC, NEXO},
    "orderbook.impact": {BTC, NEXO},
    "orderflow.trade_flow": {BTC, NEXO},
    "orderflow.market_making": {BTC, NEXO},
    "orderflow.toxicity": {BTC, NEXO},
    "price_structure.order_block": {NEXO, KLINES, BUNDLE},
    "price_structure.value_area": {NEXO, KLINES, BUNDLE},
    "price_structure.vwap": {NEXO, KLINES, BUNDLE},
    "price_structure.support_resistance": {NEXO, KLINES, BUNDLE},
    "price_structure.position_heat": {BUNDLE},
    "sentiment.long_short_ratio": set(),
    "sentiment.funding": {BUNDLE},
    "sentiment.funding_volatility": {BUNDLE},
    "sentiment.liquidations": set(),
    "sentiment.volume_sentiment": {NEXO, KLINES, BUNDLE},
    "sentiment.market_mood": {NEXO, KLINES, BUNDLE},
    "sentiment.risk": {BUNDLE},
    "technical.ao": {NEXO, KLINES, BUNDLE},
    "technical.macd": {NEXO, KLINES, BUNDLE},
    "technical.rsi": {NEXO, KLINES, BUNDLE},
    "technical.williams_r": {NEXO, KLINES, BUNDLE},
    "technical.cci": {NEXO, KLINES, BUNDLE},
    "technical.atr": {NEXO, KLINES, BUNDLE},
    "volume.volume_delta": {NEXO},
    "volume.adl": {NEXO, KLINES, BUNDLE},
    "volume.cmf": {NEXO, KLINES, BUNDLE},
    "volume.relative_volume": {NEXO, KLINES, BUNDLE},
    "volume.obv": {NEXO, KLINES, BUNDLE},
    "volume.divergence": {NEXO, KLINES, BUNDLE},
}
"""Which sources make a component ready at their end.

Six minutes of BTC are no bars of 5m; the recording has no channel of derivatives. NEXO is spot.
Klines have no book, no trades and nothing of who took. The bundle adds funding, mark, open
interest, fear and greed; the long/short ratio and liquidations no source of these has.
"""

COVERAGE = {
    BTC: dict.fromkeys(DIMENSIONS, 0.0) | {"orderbook": 1.0, "orderflow": 1.0},
    NEXO: {
        "orderbook": 1.0,
        "orderflow": 1.0,
        "price_structure": 0.85 * 0.6,
        "sentiment": 0.25 * 0.6,
        "technical": 0.6,
        "volume": 0.6,
    },
    KLINES: {
        "orderbook": 0.0,
        "orderflow": 0.0,
        "price_structure": 0.85,
        "sentiment": 0.17,
        "technical": 1.0,
        "volume": 0.725,
    },
    BUNDLE: {
        "orderbook": 0.0,
        "orderflow": 0.0,
        "price_structure": 1.0,
        "sentiment": 0.57,
        "technical": 1.0,
        "volume": 0.725,
    },
}
"""The share of each dimension that is ready. Of a day of NEXO 5m and 15m are (25% and 35%); its six
bars of 4h are too few for every indicator, so nothing that is made of bars has more than 0.6.
"""


def last_scores(messages: Iterable[FeedMessage]) -> dict[str, DimensionScore]:
    """The last score of each dimension."""
    scores = scores_of(Pipeline(all_six()), messages)
    return {score.dimension: score for score in scores if isinstance(score, DimensionScore)}


def scored_at_the_end(frames: Iterable[Frame], end_ns: int) -> Iterator[Frame]:
    """Every frame, ticks but the last ones as frames like others: a whole day in little time."""
    for frame in frames:
        late = frame.close_ns > end_ns - TICKS_NS
        yield frame if late or not frame.is_tick else msgspec.structs.replace(frame, is_tick=False)


def messages_of(source: str, market_data: Path, folder: Path) -> Iterable[FeedMessage]:
    if source == BTC:
        return recorded(market_data, "BTC_usdm_20240808")
    if source == NEXO:
        end_ns = time_ns("2024-07-24 16:00:00")
        return scored_at_the_end(recorded(market_data, "NEXO_spot_23_24"), end_ns)
    if source == BUNDLE:
        return bundle(market_data)
    begin_ns = time_ns("2025-05-22 00:00:00")
    return may_klines(market_data, folder, begin_ns, begin_ns + HOUR_NS, history_days=10)


def test_the_table_names_every_component() -> None:
    found = registry.dimensions()
    assert sorted(found) == sorted(DIMENSIONS)
    names = {f"{d}.{part.name}" for d in DIMENSIONS for part in found[d].components}
    assert set(READY) == names


@pytest.mark.parametrize("source", [BTC, NEXO, KLINES, BUNDLE])
def test_a_source_makes_ready_what_it_holds_and_nothing_else(
    source: str, market_data: Path, tmp_path: Path
) -> None:
    scores = last_scores(messages_of(source, market_data, tmp_path))
    found = {
        f"{score.dimension}.{part.name}"
        for score in scores.values()
        for part in score.components
        if part.ready
    }
    coverage = {name: score.coverage for name, score in scores.items()}
    assert found == {name for name, sources in READY.items() if source in sources}
    assert coverage == pytest.approx(COVERAGE[source], abs=1e-6)
    ready = {name for name, score in scores.items() if score.ready}
    assert ready == {name for name, share in COVERAGE[source].items() if share}
