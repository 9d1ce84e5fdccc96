"""What the chart says: momentum, trend and range over the timeframes."""

from __future__ import annotations

from collections.abc import Iterator

from agents.interpretation.sentences.base import (
    TIMEFRAMES,
    Phrase,
    Phrases,
    Values,
    over_timeframes,
)
from agents.interpretation.sentences.figures import number, points, whole

TREND_ADX, RANGE_ADX = 25.0, 20.0
"""A trend above the first, none below the second. Source: Wilder (1978)."""

TIRED = 0.1
"""Trend exhaustion (-1 to 1) from which it is told."""

_PATTERNS = (
    "doji",
    "engulfing",
    "marubozu",
    "harami",
    "hammer",
    "hanging_man",
    "three_white_soldiers",
    "three_black_crows",
)


def _signed(value: float) -> str:
    return number(value, signed=True)


def _ao(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "ao", _signed)
    if told is not None:
        yield f"AO {told}"


def _macd(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "macd_histogram", _signed)
    if told is not None:
        yield f"histogram {told}"
    for timeframe in TIMEFRAMES:
        shift = values.get(f"momentum_shift_{timeframe}", 0.0)
        if shift:
            yield f"turns {'up' if shift > 0.0 else 'down'} on {timeframe}"


def _rsi(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "rsi", whole)
    if told is not None:
        yield f"RSI {told}"
    for band, named in ((2.0, "overbought"), (-2.0, "oversold")):
        where = [t for t in TIMEFRAMES if values.get(f"rsi_band_{t}") == band]
        if where:
            edges = ", ".join(f"{t} ({_rsi_edge(values, t, band)})" for t in where)
            yield f"{named} on {edges}"


def _rsi_edge(values: Values, timeframe: str, band: float) -> str:
    """The edge in force: 70 or 30, as far as the market moved it."""
    away = 10.0 * band * values.get(f"band_stretch_{timeframe}", 1.0)
    return f"{'above' if band > 0.0 else 'below'} {number(50.0 + away)}"


def _beyond(values: Values, stem: str) -> Iterator[str]:
    """Timeframes on which an oscillator is beyond its bands."""
    for side, named in ((1.0, "overbought"), (-1.0, "oversold")):
        where = [t for t in TIMEFRAMES if values.get(f"{stem}_band_{t}") == side]
        if where:
            yield f"{named} on {', '.join(where)}"


def _williams_r(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "williams_r", whole)
    if told is not None:
        yield f"%R {told}"
    yield from _beyond(values, "williams_r")


def _cci(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "cci", whole)
    if told is not None:
        yield f"CCI {told}"
    yield from _beyond(values, "cci")


def _atr(values: Values) -> Iterator[str]:
    told = over_timeframes(values, "atr", number)
    if told is not None:
        yield f"ATR {told}"
    for timeframe in reversed(TIMEFRAMES):
        adx = values.get(f"adx_{timeframe}")
        if adx is not None:
            trend = "a trend" if adx > TREND_ADX else "no trend" if adx < RANGE_ADX else "undecided"
            yield f"ADX {whole(adx)} on {timeframe}: {trend}"
            break
    told = over_timeframes(values, "bollinger", points)
    if told is not None:
        yield f"position in the Bollinger bands (±1) {told}"
    for side, named in ((1.0, "above"), (-1.0, "below")):
        where = [t for t in TIMEFRAMES if values.get(f"bollinger_band_{t}") == side]
        if where:
            yield f"{named} the bands in force on {', '.join(where)}"


def _patterns(values: Values) -> Iterator[str]:
    for timeframe in reversed(TIMEFRAMES):
        exhaustion = values.get(f"trend_exhaustion_{timeframe}", 0.0)
        if abs(exhaustion) >= TIRED:
            move = "up-move" if exhaustion > 0.0 else "down-move"
            yield f"The {move} on {timeframe} tires: its momentum turns"
        for pattern in _PATTERNS:
            lean = values.get(f"{pattern}_{timeframe}")
            if lean is not None:
                named = pattern.replace("_", " ").capitalize()
                meaning = "" if pattern == "doji" else _meaning(lean)
                yield f"{named} on {timeframe}{meaning}"


def _meaning(lean: float) -> str:
    return ", bullish" if lean > 0.0 else ", bearish"


PHRASES = Phrases(
    {
        "ao": Phrase("Momentum is up", "Momentum is flat", "Momentum is down", _ao),
        "macd": Phrase(
            "MACD points up",
            "MACD points nowhere",
            "MACD points down",
            _macd,
        ),
        "rsi": Phrase("Gains outweigh losses", "Gains equal losses", "Losses outweigh gains", _rsi),
        "williams_r": Phrase(
            "Price is high in its range",
            "Price is in the middle of its range",
            "Price is low in its range",
            _williams_r,
        ),
        "cci": Phrase(
            "Price is above its usual level",
            "Price is at its usual level",
            "Price is below its usual level",
            _cci,
        ),
        "atr": Phrase(
            "The range points up",
            "The range has no direction",
            "The range points down",
            _atr,
        ),
    },
    _patterns,
)
