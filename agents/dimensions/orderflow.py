"""The trading market: who takes, how makers answer, and how much the takers seem to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.dimensions.base import ComponentSpec, Dimension, Push, Reading
from agents.dimensions.options import OrderflowOptions
from agents.indicators.blend import blend, score, squash
from agents.indicators.cascade import LiquidationCascade
from agents.indicators.conditions import MarketConditions
from agents.indicators.cvd import CvdSlope
from agents.indicators.evidence import TapeEvidence
from agents.indicators.ewma import Ewma
from agents.indicators.flow import AggressorFlow, Pressure
from agents.indicators.kyle import KyleLambda
from agents.indicators.maker_quotes import MakerQuotes, QuoteSide
from agents.indicators.open_interest import OpenInterestTrend
from agents.indicators.quantile import StepQuantile
from agents.indicators.quotes import aggressor_volumes, twice_mid
from agents.indicators.rate import EventRate
from agents.indicators.spread import TradeSpreads
from agents.indicators.standing import Standing
from agents.indicators.vpin import Vpin
from schemas.frame import Frame

INTEREST_FRAMES = (("1m", 60.0, 5.0), ("15m", 900.0, 60.0), ("4h", 14_400.0, 600.0))
"""Timeframes on which open interest is told beside the window that is scored (5 min): name, window
and distance of samples in s."""


@dataclass
class OrderflowState:
    """Everything kept of one symbol."""

    conditions: MarketConditions
    evidence: TapeEvidence
    flow: AggressorFlow
    cvd: CvdSlope
    cvd_standing: Standing
    interest: OpenInterestTrend
    interest_frames: list[OpenInterestTrend]
    quotes: MakerQuotes
    inventory: Standing
    vpin: Vpin
    usual_vpin: Ewma
    spreads: TradeSpreads
    drift: Standing
    kyle: KyleLambda
    implied: Standing
    cascade: LiquidationCascade


class Orderflow(Dimension[OrderflowState]):
    """Trade flow, market making and toxicity; above 50 the buyers are the stronger.

    - **trade flow** ``50 + 50 (E (0.35 C + 0.25 A + 0.20 L) + 0.20 O)``: ``C = tanh(0.6 z)`` of
      the CVD's slope over a minute in its own mean absolute size; ``A`` the aggressive imbalance,
      shrunk where trading is slow, stretched by ``tanh(2.5 x)``; ``L`` the same of large trades
      (above a size that :func:`band_stretch` moves); ``O`` the price's move confirmed or weakened
      by open interest. What is not ready (``O`` where a venue has no open interest) leaves its
      weight to the others.
    - **market making** ``50 + 50 (0.35 R + 0.30 U + 0.35 I)``: ``R`` how much faster the bid comes
      back after trades than the ask, ``U`` which side mends a wide spread,
      ``I = tanh(0.6 z)`` the net quantity put to the bid over the ask: makers who want to buy.
    - **toxicity** ``50 + 50 E (0.5 V + 0.25 M + 0.25 K)``, signed by the flow:
      ``V = tanh(1.5 x)`` of the latest buckets' direction times VPIN over its usual value;
      ``M = tanh(0.6 z)`` the move of the mid after trades (adverse selection with its sign);
      ``K = tanh(0.6 z)`` the move that Kyle's lambda implies for the net flow of the last seconds.

    ``E`` is the evidence (:class:`TapeEvidence`): a lean that rests on a handful of trades counts
    for little, and without new trades it comes to rest.
    Every ``z`` is a standing: in mean absolute deviations of the symbol's own past. Open interest
    is told on 1m, 15m and 4h, too, once half of the window is there. Liquidation
    cascades, effective and realised spread and lambda are reported raw.
    """

    name = "orderflow"
    state_version = 5
    components = (
        ComponentSpec("trade_flow", 0.40, monotone={Push.BUYING: 1, Push.SELLING: -1}),
        ComponentSpec("market_making", 0.30),
        ComponentSpec("toxicity", 0.30),
    )
    options_type = OrderflowOptions
    state_type = OrderflowState

    def __init__(self, options: OrderflowOptions) -> None:
        self.options = options
        self._bounds = options.band_bounds

    def initial(self) -> OrderflowState:
        """State of a symbol of which nothing is known."""
        o = self.options
        past, warmup = o.history_half_life_s, o.warmup_s

        def rate() -> EventRate:
            return EventRate(half_life_s=past, warmup_s=warmup)

        def standing() -> Standing:
            return Standing(half_life_s=past, warmup_s=warmup, centred=False)

        return OrderflowState(
            conditions=MarketConditions(),
            evidence=TapeEvidence(half_life_s=o.evidence_half_life_s, doubt=o.evidence_doubt),
            flow=AggressorFlow(
                all=Pressure(half_life_s=o.flow_half_life_s, rate=rate()),
                large=Pressure(half_life_s=o.large_half_life_s, rate=rate()),
                size=StepQuantile(odds=o.large_odds),
            ),
            cvd=CvdSlope(sample_s=o.cvd_sample_s, window=o.cvd_samples),
            cvd_standing=standing(),
            interest=OpenInterestTrend(window_s=o.open_interest_window_s),
            interest_frames=[
                OpenInterestTrend(
                    window_s=window_s, sample_s=sample_s, ready=1 + round(window_s / sample_s / 2)
                )
                for _, window_s, sample_s in INTEREST_FRAMES
            ],
            quotes=MakerQuotes(
                half_life_s=o.quotes_half_life_s,
                bid=QuoteSide(timeout_s=o.refresh_timeout_s),
                ask=QuoteSide(sign=-1, timeout_s=o.refresh_timeout_s),
            ),
            inventory=standing(),
            vpin=Vpin(bucket_s=o.bucket_s, window=o.buckets, rate=rate()),
            usual_vpin=Ewma(half_life_s=past),
            spreads=TradeSpreads(horizon_s=o.horizon_s),
            drift=standing(),
            kyle=KyleLambda(half_life_s=o.impact_half_life_s),
            implied=standing(),
            cascade=LiquidationCascade(half_life_s=o.cascade_half_life_s),
        )

    def fold(self, state: OrderflowState, frame: Frame) -> None:
        """Take one frame into the state."""
        bought = sold = 0.0
        if frame.trades.qty:
            scale = 10**frame.qty_exponent
            buys, sells = aggressor_volumes(frame.trades)
            bought, sold = buys / scale, sells / scale
        traded = bought + sold
        state.conditions.update(frame, volume=traded)
        state.evidence.update(frame, volume=traded)
        stretch = state.conditions.stretch(self._bounds) if frame.is_tick else 1.0
        state.flow.update(frame, bought=bought, sold=sold, stretch=stretch)
        state.cvd.update(bought - sold, frame.close_ns)
        state.quotes.update(frame, bought=bought, sold=sold)
        state.vpin.update(frame, bought=bought, sold=sold)
        state.spreads.update(frame)
        state.kyle.update(frame, delta=bought - sold)
        state.cascade.update(frame)
        if frame.is_tick:
            self._stand(state, frame)

    def read(self, state: OrderflowState, frame: Frame) -> tuple[Reading, ...]:
        """Readings of every component at the tick ``frame``."""
        scale = _bps_per_price(frame)
        evidence = state.evidence.at(frame.close_ns)
        return (
            self._trade_flow(state, evidence),
            self._market_making(state, scale),
            self._toxicity(state, scale, evidence),
        )

    @staticmethod
    def _stand(state: OrderflowState, frame: Frame) -> None:
        """Hold the measures of a tick against the symbol's past, and let them join it."""
        at_ns = frame.close_ns
        state.interest.update(frame)
        for trend in state.interest_frames:
            trend.update(frame)
        state.cvd_standing.update(state.cvd.value, at_ns)
        state.inventory.update(state.quotes.inventory, at_ns)
        if state.vpin.value is not None:
            state.usual_vpin.update(state.vpin.value, at_ns)
        state.drift.update(state.spreads.drift, at_ns)
        slope = state.kyle.value
        # A negative slope says that flow does not move the price; it does not turn flow around.
        net = state.flow.all.buy - state.flow.all.sell
        state.implied.update(None if slope is None else max(slope, 0.0) * net, at_ns)

    @staticmethod
    def _trade_flow(state: OrderflowState, evidence: float) -> Reading:
        flow, interest = state.flow, state.interest
        lean = blend(
            (
                (0.35, _times(squash(state.cvd_standing.value, gain=0.6), evidence)),
                (0.25, _times(squash(flow.value, gain=2.5), evidence)),
                (0.20, _times(squash(flow.large.value, gain=2.5), evidence)),
                (0.20, interest.value),
            )
        )
        if flow.value is None:
            lean = None  # open interest alone is no view of the flow
        raw = _known(
            ("cvd_slope_per_s", state.cvd.value),
            ("cvd_standing", state.cvd_standing.value),
            ("cvd_window", state.cvd.recent_delta),
            ("aggressive_imbalance", flow.value),
            ("intensity", flow.intensity),
            ("large_imbalance", flow.large.value),
            ("large_size", flow.threshold),
            ("evidence", evidence),
            ("oi_trend", interest.value),
            ("oi_change", interest.interest_change),
            ("oi_price_correlation", interest.correlation),
        )
        told = raw + _interest_told(state.interest_frames) + state.conditions.raw
        return Reading("trade_flow", score(lean), told)

    @staticmethod
    def _market_making(state: OrderflowState, bps: float | None) -> Reading:
        quotes = state.quotes
        lean = blend(
            (
                (0.35, quotes.refresh),
                (0.30, quotes.upkeep),
                (0.35, squash(state.inventory.value, gain=0.6)),
            )
        )
        if state.inventory.value is None:
            lean = None  # one refresh or one wide spread is no view of the makers yet
        raw = _known(
            ("refresh_asymmetry", quotes.refresh),
            ("refresh_bid_s", quotes.refresh_time(quotes.bid)),
            ("refresh_ask_s", quotes.refresh_time(quotes.ask)),
            ("upkeep", quotes.upkeep),
            ("inventory", quotes.inventory),
            ("inventory_standing", state.inventory.value),
            ("usual_spread_bps", _times(quotes.usual_spread.value, bps)),
        )
        return Reading("market_making", score(lean), raw)

    @staticmethod
    def _toxicity(state: OrderflowState, bps: float | None, evidence: float) -> Reading:
        vpin, direction, usual = state.vpin.value, state.vpin.direction, state.usual_vpin.value
        informed = None
        if vpin is not None and direction is not None and usual is not None and usual > 0.0:
            informed = direction * vpin / usual
        lean = blend(
            (
                (0.50, squash(informed, gain=1.5)),
                (0.25, squash(state.drift.value, gain=0.6)),
                (0.25, squash(state.implied.value, gain=0.6)),
            )
        )
        lean = _times(lean, evidence)
        cascade = state.cascade
        raw = _known(
            ("vpin", vpin),
            ("vpin_usual", usual),
            ("flow_direction", direction),
            ("effective_half_spread_bps", _times(state.spreads.effective, bps)),
            ("realised_half_spread_bps", _times(state.spreads.realised, bps)),
            ("drift_bps", _times(state.spreads.drift, bps)),
            ("lambda_bps_per_unit", _times(state.kyle.value, bps)),
            ("implied_standing", state.implied.value),
            ("liquidation_side", cascade.value),
            ("liquidated", cascade.longs + cascade.shorts),
            ("cascade", 1.0 if cascade.on else 0.0),
        )
        return Reading("toxicity", score(lean), raw)


_OI_CHANGE = tuple(f"oi_change_{name}" for name, _, _ in INTEREST_FRAMES)
_OI_CORRELATION = tuple(f"oi_price_correlation_{name}" for name, _, _ in INTEREST_FRAMES)


def _interest_told(trends: Sequence[OpenInterestTrend]) -> tuple[tuple[str, float], ...]:
    """Change of open interest by timeframe, and its correlation with the price."""
    raw = []
    for rank, trend in enumerate(trends):
        if trend.value is not None:
            if trend.interest_change is not None:
                raw.append((_OI_CHANGE[rank], trend.interest_change))
            if trend.correlation is not None:
                raw.append((_OI_CORRELATION[rank], trend.correlation))
    return tuple(raw)


def _known(*pairs: tuple[str, float | None]) -> tuple[tuple[str, float], ...]:
    """The pairs that have a value."""
    return tuple([(name, value) for name, value in pairs if value is not None])


def _times(value: float | None, factor: float | None) -> float | None:
    return None if value is None or factor is None else value * factor


def _bps_per_price(frame: Frame) -> float | None:
    """Basis points of mid in one unit of price, ``None`` without a mid."""
    twice = twice_mid(frame)
    return None if twice is None else 20_000.0 * 10**frame.price_exponent / twice
