"""The chart: momentum, trend and range of the bars of every timeframe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.dimensions.base import ComponentSpec, Dimension, Reading
from agents.dimensions.options import TechnicalOptions
from agents.dimensions.timeframes import over_timeframes
from agents.indicators.bands import band_share, band_stretch
from agents.indicators.bar import PRICE_SCALE
from agents.indicators.bar_series import ClosedBar
from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.indicators.blend import scores
from agents.indicators.candles import patterns
from agents.indicators.liquidity import BookLiquidity
from agents.indicators.rsi import rsi_band
from agents.indicators.technicals import Technicals, TechnicalView
from schemas.frame import Backfill, Frame

_Raw = list[tuple[str, float]]

TOLERANCE = 1e-6
"""Points: volume-weighted means of a mirrored or rescaled series round differently."""


@dataclass
class TechnicalState:
    """Everything kept of one symbol."""

    bars: MarketBars
    timeframes: list[Technicals]
    patterns: list[_Raw]
    """Per timeframe: what its last closed bar completed, 100 bullish to -100 bearish."""
    ratios: list[_Raw]
    """Per timeframe: what moved its bands as of the last closed bar."""
    steady: list[float] = field(default_factory=lambda: [1.0] * len(TIMEFRAMES))
    """Per timeframe: the stretch of its bands by volatility and volume of closed bars."""
    liquidity: BookLiquidity = field(default_factory=BookLiquidity)
    views: list[TechnicalView] = field(default_factory=list)
    viewed_at: int = -1
    """What the indicators last said, and the version of the bars that they said it of."""


class Technical(Dimension[TechnicalState]):
    """Technical indicators on 5m (25%), 15m (35%) and 4h (40%), the forming bars included.

    Each component is scored on every timeframe and combined by :func:`timeframes.combine`; 1m bars
    (the base) carry it alone until a longer timeframe is ready, and pull as a divergence after.
    All are momentum readings: above 50 is an up-move, nothing is contrarian.

    - **ao** ``50 + 50 (0.5 tanh(0.6 v) + 0.3 tanh(0.6 c) + 0.2 tanh(0.6 h))``: the volume-weighted
      awesome oscillator, its change and its historical trend, each in its own usual size.
    - **macd** ``50 + 50 tanh(0.6 z)``: ``z`` the histogram of 12/26/9 in its usual size.
    - **rsi** the RSI 14 itself.
    - **williams_r** ``100 + %R`` of 14 bars.
    - **cci** ``50 + 50 tanh(CCI / 200)`` of 20 bars.
    - **atr** ``50 + 50 tanh(m / (ATR sqrt(14))) ATR^2 / (ATR^2 + U^2)``: expansion of the range in
      the direction of the net move; 50 without one.

    **Bands** are told beside the oscillators, not scored: RSI 30/45/55/70 (-2..2), and overbought
    (1) or oversold (-1) beyond ±30 from the middle of %R, ±100 of the CCI and two deviations of
    Bollinger. On each timeframe all are ``band_stretch`` times as far out (:func:`band_stretch`):
    by ATR and volume of its closed bars over their usual, which stand still while a bar forms, and
    by the poverty of the book where there is one. Stretch and ratios are told with the RSI.

    Sizes are of the symbol's own last 100 bars, so scores have no unit. Warm-up per timeframe: 14
    to 54 bars. Raw values carry their timeframe's name: oscillators, the ADX, the position
    in the Bollinger bands (±1 on them), trend exhaustion, momentum shifts (the MACD histogram
    crossing zero) and the candlestick patterns that the last closed bar completed.
    """

    name = "technical"
    state_version = 5
    components = tuple(
        ComponentSpec(name, weight, tolerance=TOLERANCE)
        for name, weight in (
            ("ao", 0.20),
            ("macd", 0.15),
            ("rsi", 0.20),
            ("williams_r", 0.15),
            ("cci", 0.15),
            ("atr", 0.15),
        )
    )
    options_type = TechnicalOptions
    state_type = TechnicalState

    def __init__(self, options: TechnicalOptions) -> None:
        self.options = options
        self._bounds = options.band_bounds

    def initial(self) -> TechnicalState:
        """State of a symbol of which nothing is known."""
        return TechnicalState(
            bars=MarketBars(),
            timeframes=[Technicals() for _ in TIMEFRAMES],
            patterns=[[] for _ in TIMEFRAMES],
            ratios=[[] for _ in TIMEFRAMES],
        )

    def fold(self, state: TechnicalState, frame: Frame) -> None:
        """Take one frame into the state."""
        closed = state.bars.update(frame)
        if closed:
            self._close(state, closed)
        if frame.is_tick:
            state.liquidity.update(frame)

    def backfill(self, state: TechnicalState, history: Backfill) -> None:
        """Take history into the state."""
        self._close(state, state.bars.backfill(history))

    def is_tainted(self, state: TechnicalState) -> bool:
        """Whether history or late trades are in what the bars remember."""
        return state.bars.tainted

    def read(self, state: TechnicalState, frame: Frame) -> tuple[Reading, ...]:  # noqa: ARG002
        """Readings of every component at the tick ``frame``."""
        apart = self.options.divergence_threshold
        if state.viewed_at != state.bars.version:
            state.views, state.viewed_at = _views(state), state.bars.version
        views = state.views
        thin = band_share(state.liquidity.poverty, self._bounds.liquidity)
        stretches = [steady + thin for steady in state.steady]
        return (
            _ao(views, apart=apart),
            _macd(views, state, apart=apart),
            _rsi(views, state, stretches, apart=apart),
            _williams_r(views, stretches, apart=apart),
            _cci(views, stretches, apart=apart),
            _atr(views, state, stretches, apart=apart),
        )

    def _close(self, state: TechnicalState, closed: Sequence[ClosedBar]) -> None:
        for bar in closed:
            if bar.fresh:
                state.timeframes[bar.timeframe] = Technicals()
            state.timeframes[bar.timeframe].update(bar.bar)
        for rank in sorted({bar.timeframe for bar in closed}):
            completed = patterns(state.bars.series[rank].closed)
            state.patterns[rank] = [
                (f"{name}_{TIMEFRAMES[rank][0]}", float(lean)) for name, lean in completed
            ]
            technicals = state.timeframes[rank]
            volatility, volume = technicals.volatility_ratio, technicals.volume_ratio
            state.steady[rank] = band_stretch(self._bounds, volatility=volatility, volume=volume)
            told = ((_VOLATILITY[rank], volatility), (_VOLUME[rank], volume))
            state.ratios[rank] = [(name, ratio) for name, ratio in told if ratio is not None]


def _names(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{timeframe}" for timeframe, _ in TIMEFRAMES)


_AO, _CHANGE, _ACCELERATION = _names("ao"), _names("ao_change"), _names("ao_acceleration")
_HISTOGRAM, _SHIFT = _names("macd_histogram"), _names("momentum_shift")
_RSI, _RSI_BAND, _STRETCH = _names("rsi"), _names("rsi_band"), _names("band_stretch")
_VOLATILITY, _VOLUME = _names("volatility_to_usual"), _names("volume_to_usual")
_WILLIAMS_R_BAND, _CCI_BAND = _names("williams_r_band"), _names("cci_band")
_BOLLINGER_BAND = _names("bollinger_band")
_WILLIAMS_R, _CCI, _ATR = _names("williams_r"), _names("cci"), _names("atr")
_ADX, _BOLLINGER, _EXHAUSTION = _names("adx"), _names("bollinger"), _names("trend_exhaustion")


def _views(state: TechnicalState) -> list[TechnicalView]:
    """What every timeframe says, the forming bar on top."""
    return [
        technicals.closed if bar is None else technicals.peek(bar)
        for technicals, bar in zip(state.timeframes, state.bars.forming(), strict=True)
    ]


def _ao(views: Sequence[TechnicalView], *, apart: float) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        ao = view.ao
        if ao is None:
            continue
        raw.append((_AO[rank], ao.value / PRICE_SCALE))
        raw.append((_CHANGE[rank], ao.change / PRICE_SCALE))
        raw.append((_ACCELERATION[rank], ao.acceleration / PRICE_SCALE))
    found = scores([None if view.ao is None else view.ao.lean for view in views])
    return over_timeframes("ao", found, raw, threshold=apart)


def _macd(views: Sequence[TechnicalView], state: TechnicalState, *, apart: float) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        if view.macd is not None:
            raw.append((_HISTOGRAM[rank], view.macd / PRICE_SCALE))
            shift = state.timeframes[rank].momentum_shift(view)
            if shift:
                raw.append((_SHIFT[rank], float(shift)))
    found = scores([view.macd_lean for view in views])
    return over_timeframes("macd", found, raw, threshold=apart)


def _beyond(raw: _Raw, name: str, away: float, edge: float) -> None:
    """Tell a value beyond its band: above (1) or below (-1); nothing of one within."""
    if away > edge:
        raw.append((name, 1.0))
    elif away < -edge:
        raw.append((name, -1.0))


def _rsi(
    views: Sequence[TechnicalView],
    state: TechnicalState,
    stretches: Sequence[float],
    *,
    apart: float,
) -> Reading:
    raw: _Raw = []
    found = [view.rsi for view in views]
    for rank, rsi in enumerate(found):
        if rsi is not None:
            stretch = stretches[rank]
            raw.append((_RSI[rank], rsi))
            raw.append((_RSI_BAND[rank], float(rsi_band(rsi, stretch))))
            raw.append((_STRETCH[rank], stretch))
            raw += state.ratios[rank]
    liquidity = state.liquidity
    if liquidity.spread is not None and liquidity.depth is not None:
        raw.append(("spread_to_usual", liquidity.spread))
        raw.append(("depth_to_usual", liquidity.depth))
    return over_timeframes("rsi", found, raw, threshold=apart)


def _williams_r(
    views: Sequence[TechnicalView], stretches: Sequence[float], *, apart: float
) -> Reading:
    raw: _Raw = []
    found: list[float | None] = []
    for rank, view in enumerate(views):
        value = view.williams_r
        if value is None:
            found.append(None)
            continue
        found.append(100.0 + value)
        raw.append((_WILLIAMS_R[rank], value))
        _beyond(raw, _WILLIAMS_R_BAND[rank], value + 50.0, 30.0 * stretches[rank])
    return over_timeframes("williams_r", found, raw, threshold=apart)


def _cci(views: Sequence[TechnicalView], stretches: Sequence[float], *, apart: float) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        cci = view.cci
        if cci is not None:
            raw.append((_CCI[rank], cci))
            _beyond(raw, _CCI_BAND[rank], cci, 100.0 * stretches[rank])
    found = scores([view.cci_lean for view in views])
    return over_timeframes("cci", found, raw, threshold=apart)


def _atr(
    views: Sequence[TechnicalView],
    state: TechnicalState,
    stretches: Sequence[float],
    *,
    apart: float,
) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        if view.atr is not None:
            raw.append((_ATR[rank], view.atr / PRICE_SCALE))
        if view.adx is not None:
            raw.append((_ADX[rank], view.adx))
        band = view.band
        if band is not None:
            raw.append((_BOLLINGER[rank], band))
            _beyond(raw, _BOLLINGER_BAND[rank], band, stretches[rank])
        exhaustion = view.exhaustion
        if exhaustion is not None:
            raw.append((_EXHAUSTION[rank], exhaustion))
        raw += state.patterns[rank]
    found = scores([view.atr_lean for view in views])
    return over_timeframes("atr", found, raw, threshold=apart)
