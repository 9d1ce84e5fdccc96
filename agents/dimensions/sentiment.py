"""The crowd: how it is placed, what it pays, who is forced out, and in what mood it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agents.dimensions import sentiment_readings as readings
from agents.dimensions.base import ComponentSpec, Dimension, Reading
from agents.dimensions.options import SentimentOptions
from agents.dimensions.sentiment_state import SentimentState
from agents.indicators.bar_series import ClosedBar
from agents.indicators.mood import Mood
from agents.indicators.outside_mood import OutsideMood
from agents.indicators.taker_counts import taker_counts
from agents.indicators.taker_volume import TakerVolume
from schemas.frame import Backfill, Frame
from schemas.series import Series


class Sentiment(Dimension[SentimentState]):
    """How the crowd stands: with it while it is calm, against it when it is extreme.

    - **long_short_ratio** of accounts (:class:`LongShortRatio`), ``x`` its standing in the last
      week: confirming to ``|x| = 1``, turning, contrarian from 3; half of it until it lasts.
    - **funding** (:class:`FundingRate`), with momentum and premium: confirming to 30% a year,
      turning, contrarian from 100%.
    - **funding_volatility**: against a rate that leaves its habit and accelerates, scaled by how
      unstable it is; a steady rate scores 50.
    - **liquidations** (:class:`LiquidationRun`, :class:`ForcedPeriods`): with the forced side while
      a run goes on, against it once it is exhausted; 70% events, 30% periods where both are told.
    - **volume_sentiment**: ``50 + 50 (0.4 tanh(2.5 V) + 0.4 tanh(2.5 N) + 0.2 tanh(2.5 I))`` per
      timeframe: balance of the takers' volume and of their number of trades, and price impact.
    - **market_mood**: ``50 + 50 B`` per timeframe with the bars' mood ``B`` (:class:`Mood`);
      from outside fear and greed (20%), news (10%), social media (10%) beside the bars (60%) when
      they have come (:class:`OutsideMood` says which are contrarian). They never stand alone.
    - **risk** ``50 - 50 c R``: how large the risk is has no direction, so it scales the side ``c``
      on which the crowd is (funding and ratio; 50 while neither is known). ``R = 0.4 leverage +
      0.3 margin + 0.3 maintenance`` in [0, 1] (:mod:`agents.indicators.leverage`). No tiers of a
      venue reach a dimension, so margin and maintenance are proxies from assumed leverage and
      maintenance rate, which are among the raw values.

    In the mirrored market funding changes its sign, ratios are inverted, the sides of liquidations
    swapped, fear and greed ``f`` is ``100 - f`` and a tone its negative: every component is signed.
    ``risk`` alone knows moves in percent of the price, which a reflection at a pivot does not keep;
    its tolerance says so. What a venue does not tell is not ready: spot has neither funding,
    ratio nor risk. A value is believed for three of its usual distances (:class:`Heard`).
    """

    name = "sentiment"
    state_version = 4
    components = (
        ComponentSpec("long_short_ratio", 0.20, tolerance=1e-6),
        ComponentSpec("funding", 0.15, tolerance=1e-6),
        ComponentSpec("funding_volatility", 0.10, tolerance=1e-6),
        ComponentSpec("liquidations", 0.15, tolerance=1e-6),
        ComponentSpec("volume_sentiment", 0.10, tolerance=1e-6),
        ComponentSpec("market_mood", 0.15, tolerance=1e-6),
        ComponentSpec("risk", 0.15, tolerance=0.5),
    )
    options_type = SentimentOptions
    state_type = SentimentState

    def __init__(self, options: SentimentOptions) -> None:
        self.options = options

    def initial(self) -> SentimentState:
        """State of a symbol of which nothing is known."""
        return SentimentState(outside=OutsideMood(half_life_s=self.options.news_half_life_s))

    def fold(self, state: SentimentState, frame: Frame) -> None:
        """Take one frame into the state."""
        closed = state.bars.update(frame)
        if closed:
            self._close(state, closed)
        state.run.update(frame)
        if frame.trades.side:
            buys, sells = taker_counts(frame)
            state.fresh_buys += buys
            state.fresh_sells += sells
        if frame.is_tick:
            for counts in state.counts:
                counts.add(state.fresh_buys, state.fresh_sells)
                counts.tick(frame.close_ns)
            state.fresh_buys = state.fresh_sells = 0
            state.hear(frame)

    def backfill(self, state: SentimentState, history: Backfill) -> None:
        """Take bars of history into the state."""
        self._close(state, state.bars.backfill(history))

    def learn(self, state: SentimentState, series: Series) -> None:
        """Take values of a series into the state; what is no number or not yet due is left out."""
        take = state.taker(series.name)
        for at_ns, value in zip(series.at_ns, series.value, strict=True):
            if at_ns <= series.known_ns and math.isfinite(value):
                take(value, at_ns)

    def is_tainted(self, state: SentimentState) -> bool:
        """Whether history or late trades are in what the bars remember."""
        return state.bars.tainted

    def read(self, state: SentimentState, frame: Frame) -> tuple[Reading, ...]:
        """Readings of every component at the tick ``frame``."""
        now_ns = frame.close_ns
        bars = state.bars.forming()
        if state.viewed_at != state.bars.version:
            state.views = [
                mood.closed if bar is None else mood.peek(bar)
                for mood, bar in zip(state.moods, bars, strict=True)
            ]
            state.viewed_at = state.bars.version
        moods = state.views
        o = self.options
        crowd = readings.crowd_side(state, now_ns)
        return (
            readings.long_short_ratio(state, now_ns),
            readings.funding(state, now_ns),
            readings.funding_volatility(state, now_ns),
            readings.liquidations(state, now_ns),
            readings.volume_sentiment(state, bars, apart=o.divergence_threshold),
            readings.market_mood(moods, state.outside, now_ns, apart=o.divergence_threshold),
            readings.risk(
                state,
                moods,
                now_ns,
                crowd=crowd,
                leverage=o.assumed_leverage,
                maintenance=o.assumed_maintenance_share / o.assumed_leverage,
            ),
        )

    @staticmethod
    def _close(state: SentimentState, closed: Sequence[ClosedBar]) -> None:
        for bar in closed:
            rank = bar.timeframe
            if bar.fresh:
                state.moods[rank], state.takers[rank] = Mood(), TakerVolume()
            state.moods[rank].update(bar.bar)
            state.takers[rank].update(bar.bar)
