"""What price structure says: where the price stands among levels that were traded before."""

from __future__ import annotations

from collections.abc import Iterator

from agents.interpretation.sentences.base import (
    TIMEFRAMES,
    Phrase,
    Phrases,
    Values,
    over_timeframes,
)
from agents.interpretation.sentences.figures import percent, points, price, whole


def _order_block(values: Values) -> Iterator[str]:
    for stem, named in (("demand", "demand from"), ("supply", "supply from")):
        told = over_timeframes(values, stem, price)
        if told is not None:
            yield f"{named} {told}"
    told = over_timeframes(values, "fresh_blocks", whole)
    if told is not None:
        yield f"not tested since {told}"


def _value_area(values: Values) -> Iterator[str]:
    for timeframe in reversed(TIMEFRAMES):
        low, high = values.get(f"val_{timeframe}"), values.get(f"vah_{timeframe}")
        if low is not None and high is not None:
            yield f"value {price(low)} to {price(high)} on {timeframe}"
            break
    told = over_timeframes(values, "poc", price)
    if told is not None:
        yield f"most traded at {told}"
    told = over_timeframes(values, "volume_below", percent)
    if told is not None:
        yield f"volume traded below the price {told}"


def _vwap(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "vwap", price)
    if told is not None:
        yield f"VWAP {told}"
    told = over_timeframes(values, "vwap_distance", points)
    if told is not None:
        yield f"distance (±1 at 4σ) {told}"


def _levels(values: Values) -> Iterator[str]:
    for stem in ("support", "resistance"):
        told = over_timeframes(values, stem, price)
        if told is not None:
            yield f"{stem} {told}"


def _heat(values: Values) -> Iterator[str]:
    for stem, named in (("longs_under_water", "longs"), ("shorts_under_water", "shorts")):
        if stem in values:
            yield f"{named} under water {percent(values[stem])}"
    if "mean_entry" in values:
        yield f"mean entry {price(values['mean_entry'])}"


def _structure(values: Values) -> Iterator[str]:
    for timeframe in reversed(TIMEFRAMES):
        trend = values.get(f"structure_{timeframe}", 0.0)
        if trend:
            yield f"{'Higher' if trend > 0.0 else 'Lower'} highs and lows on {timeframe}"
        breakout = values.get(f"breakout_{timeframe}", 0.0)
        if breakout:
            where = "above" if breakout > 0.0 else "below"
            yield f"Price breaks out {where} its range on {timeframe}"


PHRASES = Phrases(
    {
        "order_block": Phrase(
            "Demand lies below the price",
            "Demand and supply are level",
            "Supply lies above the price",
            _order_block,
        ),
        "value_area": Phrase(
            "Price is accepted high in value",
            "Price is in the middle of value",
            "Price is accepted low in value",
            _value_area,
        ),
        "vwap": Phrase(
            "Distance from the VWAP speaks for a rise",
            "Distance from the VWAP speaks for nothing",
            "Distance from the VWAP speaks for a fall",
            _vwap,
        ),
        "support_resistance": Phrase(
            "Support is nearer or stronger than resistance",
            "Support and resistance are level",
            "Resistance is nearer or stronger than support",
            _levels,
        ),
        "position_heat": Phrase(
            "Recent shorts are under water",
            "Recent longs and shorts are under water alike",
            "Recent longs are under water",
            _heat,
        ),
    },
    _structure,
)
