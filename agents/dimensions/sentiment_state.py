"""What the sentiment dimension keeps of a symbol, and where each value goes that it hears."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.indicators.bar import PRICE_SCALE
from agents.indicators.bars import MINUTE_NS, TIMEFRAMES, MarketBars
from agents.indicators.forced_periods import ForcedPeriods
from agents.indicators.funding import FundingRate
from agents.indicators.leverage import OpenPositions
from agents.indicators.liquidation_run import LiquidationRun
from agents.indicators.long_short import LongShortRatio
from agents.indicators.mood import Mood, MoodView
from agents.indicators.outside_mood import OutsideMood
from agents.indicators.premium import Premium
from agents.indicators.taker_counts import TakerCounts
from agents.indicators.taker_volume import TakerVolume
from schemas.frame import Frame, Known
from schemas.series import SeriesName

AHEAD_NS = MINUTE_NS
"""A value stamped further ahead of its frame has a wrong clock; it would hide those that follow."""

COUNT_BARS = 10
"""Bars that the number of trades remembers, as the volume's balance does."""


def _counts() -> list[TakerCounts]:
    half_life_s = math.log(2.0) * COUNT_BARS * 60.0
    return [TakerCounts(half_life_s=half_life_s * minutes) for _, minutes in TIMEFRAMES]


@dataclass
class SentimentState:
    """Everything kept of one symbol; lists are by timeframe."""

    outside: OutsideMood
    bars: MarketBars = field(default_factory=MarketBars)
    moods: list[Mood] = field(default_factory=lambda: [Mood() for _ in TIMEFRAMES])
    takers: list[TakerVolume] = field(default_factory=lambda: [TakerVolume() for _ in TIMEFRAMES])
    counts: list[TakerCounts] = field(default_factory=_counts)
    fresh_buys: int = 0
    fresh_sells: int = 0
    """Trades since the last tick."""
    ratio: LongShortRatio = field(default_factory=LongShortRatio)
    funding: FundingRate = field(default_factory=FundingRate)
    premium: Premium = field(default_factory=Premium)
    interest: OpenPositions = field(default_factory=OpenPositions)
    run: LiquidationRun = field(default_factory=LiquidationRun)
    periods: ForcedPeriods = field(default_factory=ForcedPeriods)
    views: list[MoodView] = field(default_factory=list)
    viewed_at: int = -1
    """What the bars' moods last said, and the version of the bars that they said it of."""

    def hear(self, frame: Frame) -> None:
        """Take in what the frame knows of the derivatives, as far as it is news."""
        given = frame.derivatives
        latest_ns = frame.close_ns + AHEAD_NS
        if given.next_funding_ns is not None:
            self.funding.expect(given.next_funding_ns, now_ns=frame.close_ns)
        _tell(given.funding_rate, latest_ns, self.funding.update)
        _tell(given.long_short_ratio, latest_ns, self.ratio.update)
        _tell(given.open_interest, latest_ns, self.interest.update)
        mark = given.mark_price
        if mark is not None and self.premium.heard.at_ns < mark.known_ns <= latest_ns:
            self._hear_mark(mark, given.index_price)

    def taker(self, name: SeriesName) -> Callable[[float, int], object]:
        """What takes in a value of a series and its time."""
        match name:
            case SeriesName.FEAR_GREED:
                return self.outside.fear_greed.update
            case SeriesName.NEWS:
                return self.outside.news.update
            case SeriesName.SOCIAL:
                return self.outside.social.update
            case SeriesName.FUNDING_RATE:
                return self.funding.settle
            case SeriesName.OPEN_INTEREST:
                return self.interest.update
            case SeriesName.LONG_SHORT_RATIO:
                return self.ratio.update
            case SeriesName.LONG_LIQUIDATIONS:
                return self.periods.longs.update
            case SeriesName.SHORT_LIQUIDATIONS:
                return self.periods.shorts.update

    def _hear_mark(self, mark: Known, index: Known | None) -> None:
        """The premium of a new mark: over the index, or of the last price where there is none."""
        if index is not None:
            self.premium.update(_price(mark) - _price(index), mark.known_ns)
            return
        base = self.bars.series[0]
        bar = base.closed[-1] if base.forming is None and base.closed else base.forming
        if bar is not None:
            self.premium.update(bar.close - _price(mark), mark.known_ns)


def _tell(known: Known | None, latest_ns: int, update: Callable[[float, int], object]) -> None:
    if known is not None and known.known_ns <= latest_ns:
        update(float(known), known.known_ns)


def _price(known: Known) -> float:
    """In units of 1e-8 as bars are: whole numbers, so that differences are exact."""
    scale: int = 10**known.exponent
    return known.mantissa * PRICE_SCALE / scale
