"""Candlestick patterns by TA-Lib's definitions."""

from __future__ import annotations

from collections.abc import Sequence

from agents.indicators.bar import Bar

HISTORY = 13
"""Bars that the longest pattern looks back on: three candles, each held to the ten before it."""


def patterns(bars: Sequence[Bar]) -> list[tuple[str, int]]:
    """Patterns that the last of these bars completes: (name, 100 bullish or -100 bearish).

    A doji leans nowhere and says 100, as in TA-Lib; an engulfing or harami whose bodies share an
    end says 80. The set is what a market that never closes can show: the others of TA-Lib (stars,
    piercing lines) need a gap between bars. What is long, short or near is held to the mean of the
    5 or 10 bars before, by TA-Lib's default candle settings. Warm-up: ``HISTORY`` bars. Cost:
    O(1) per bar, for closed bars only.

    >>> flat = [Bar(0, 5.0, 7.0, 4.0, 6.0) for _ in range(13)]
    >>> patterns([*flat, Bar(0, 6.5, 7.0, 4.0, 4.5)])
    [('engulfing', -100)]
    """
    if len(bars) < HISTORY:
        return []
    i = len(bars) - 1
    found = [
        ("doji", 100 if _body(bars[i]) <= _mean_range(bars, i, 10) * 0.1 else 0),
        ("engulfing", _engulfing(bars[i - 1], bars[i])),
        ("marubozu", _marubozu(bars, i)),
        ("harami", _harami(bars, i)),
        ("hammer", _hammer(bars, i)),
        ("hanging_man", _hanging_man(bars, i)),
        ("three_white_soldiers", _three_white_soldiers(bars, i)),
        ("three_black_crows", _three_black_crows(bars, i)),
    ]
    return [(name, lean) for name, lean in found if lean]


def _body(bar: Bar) -> float:
    return abs(bar.close - bar.open)


def _color(bar: Bar) -> int:
    return 1 if bar.close >= bar.open else -1


def _upper(bar: Bar) -> float:
    return bar.high - max(bar.open, bar.close)


def _lower(bar: Bar) -> float:
    return min(bar.open, bar.close) - bar.low


def _mean_body(bars: Sequence[Bar], at: int) -> float:
    total = 0.0
    for bar in bars[at - 10 : at]:
        total += _body(bar)
    return total / 10


def _mean_range(bars: Sequence[Bar], at: int, count: int) -> float:
    total = 0.0
    for bar in bars[at - count : at]:
        total += bar.high - bar.low
    return total / count


def _engulfing(first: Bar, last: Bar) -> int:
    color = _color(last)
    if color == _color(first):
        return 0
    low, high = sorted((last.open, last.close))
    inner_low, inner_high = sorted((first.open, first.close))
    if not (low <= inner_low and high >= inner_high and (low < inner_low or high > inner_high)):
        return 0
    return color * (100 if low != inner_low and high != inner_high else 80)


def _marubozu(bars: Sequence[Bar], i: int) -> int:
    bar = bars[i]
    very_short = _mean_range(bars, i, 10) * 0.1
    bare = _upper(bar) < very_short and _lower(bar) < very_short
    return _color(bar) * 100 if bare and _body(bar) > _mean_body(bars, i) else 0


def _harami(bars: Sequence[Bar], i: int) -> int:
    first, last = bars[i - 1], bars[i]
    if _body(first) <= _mean_body(bars, i - 1) or _body(last) > _mean_body(bars, i):
        return 0
    low, high = sorted((last.open, last.close))
    outer_low, outer_high = sorted((first.open, first.close))
    if low < outer_low or high > outer_high:
        return 0
    return -_color(first) * (100 if low > outer_low and high < outer_high else 80)


def _long_legged(bars: Sequence[Bar], i: int) -> bool:
    """A short body on top of a long lower shadow, hardly any above."""
    bar = bars[i]
    return (
        _body(bar) < _mean_body(bars, i)
        and _lower(bar) > _body(bar)
        and _upper(bar) < _mean_range(bars, i, 10) * 0.1
    )


def _hammer(bars: Sequence[Bar], i: int) -> int:
    near = _mean_range(bars, i - 1, 5) * 0.2
    low = min(bars[i].open, bars[i].close) <= bars[i - 1].low + near
    return 100 if low and _long_legged(bars, i) else 0


def _hanging_man(bars: Sequence[Bar], i: int) -> int:
    near = _mean_range(bars, i - 1, 5) * 0.2
    high = min(bars[i].open, bars[i].close) >= bars[i - 1].high - near
    return -100 if high and _long_legged(bars, i) else 0


def _three_white_soldiers(bars: Sequence[Bar], i: int) -> int:
    one, two, three = bars[i - 2 : i + 1]
    if not (_color(one) == _color(two) == _color(three) == 1 and one.close < two.close):
        return 0
    if two.close >= three.close:
        return 0
    bare = all(_upper(bars[k]) < _mean_range(bars, k, 10) * 0.1 for k in (i - 2, i - 1, i))
    strides = _strides(bars, i - 1) and _strides(bars, i)
    return 100 if bare and strides and _body(three) > _mean_body(bars, i) else 0


def _strides(bars: Sequence[Bar], at: int) -> bool:
    """Opens within or near the body before, and is not far shorter than it."""
    before, bar = bars[at - 1], bars[at]
    usual = _mean_range(bars, at - 1, 5)
    within = before.open < bar.open <= before.close + usual * 0.2
    return within and _body(bar) > _body(before) - usual * 0.6


def _three_black_crows(bars: Sequence[Bar], i: int) -> int:
    zero, one, two, three = bars[i - 3 : i + 1]
    if _color(zero) != 1 or not (_color(one) == _color(two) == _color(three) == -1):
        return 0
    if not (one.open > two.open > one.close and two.open > three.open > two.close):
        return 0
    if not (zero.high > one.close > two.close > three.close):
        return 0
    bare = all(_lower(bars[k]) < _mean_range(bars, k, 10) * 0.1 for k in (i - 2, i - 1, i))
    return -100 if bare else 0
