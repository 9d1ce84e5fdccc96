"""Participation: what volume says of the moves of the bars of every timeframe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.dimensions.base import ComponentSpec, Dimension, Push, Reading
from agents.dimensions.options import VolumeOptions
from agents.dimensions.timeframes import combine, over_timeframes
from agents.indicators.bar import PRICE_SCALE
from agents.indicators.bar_series import ClosedBar
from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.indicators.blend import scores
from agents.indicators.volumes import Volumes, VolumeView
from schemas.frame import Backfill, Frame

TOLERANCE = 1e-6
"""Points: sums of volumes in other units round differently."""


@dataclass
class VolumeState:
    """Everything kept of one symbol."""

    bars: MarketBars
    timeframes: list[Volumes]
    readings: tuple[Reading, ...] = ()
    read_at: int = -1
    """What was last read, and the version of the bars that it was read of."""


class Volume(Dimension[VolumeState]):
    """Volume indicators on 5m (25%), 15m (35%) and 4h (40%), the forming bars included.

    Each component is scored on every timeframe and combined by :func:`timeframes.combine`; 1m bars
    (the base) carry it alone until a longer timeframe is ready, and pull as a divergence after.
    Above 50 the buyers have the volume.

    - **volume_delta** ``50 + 50 tanh(0.6 d (0.5 + ADX / 50))``: ``d`` the aggressors' buys less
      sells over the volume of 20 bars, in its usual size before them. More buying in the last 20
      bars never lowers it.
    - **adl** ``50 + 50 tanh(0.6 z)``: ``z`` Chaikin's oscillator of the line in its usual size.
    - **cmf** ``50 + 50 tanh(0.6 z)``: ``z`` the CMF 20, smoothed by 0.5, in its usual size.
    - **relative_volume** ``50 + 50 tanh(2 b) s``: ``s`` the sigmoid of 5 bars' volume against the
      50 before, ``b`` the direction of those 5.
    - **obv** ``100 / (1 + exp(-z))``: ``z`` the line's z-score in its last 50 values.
    - **divergence** ``50 + 50 tanh(0.5 (v - p))``: the drift over 20 bars of CVD and OBV, each for
      half, less that of the price: contrarian where volume does not follow the price.

    Warm-up per timeframe: 20 to 55 bars. History that does not tell who took leaves volume_delta
    not ready, and divergence to the OBV, at a coverage without CVD's half. Raw values carry their
    timeframe's name: the lines and their oscillators, the divergence of each line, VWAP of 20 bars,
    volume trend (5 bars against 20) and volume volatility (deviation over mean of 50).
    """

    name = "volume"
    state_version = 3
    components = (
        ComponentSpec(
            "volume_delta",
            0.20,
            tolerance=TOLERANCE,
            monotone={Push.BUYING: 1, Push.SELLING: -1},
        ),
        ComponentSpec("adl", 0.15, tolerance=TOLERANCE),
        ComponentSpec("cmf", 0.15, tolerance=TOLERANCE),
        ComponentSpec("relative_volume", 0.20, tolerance=TOLERANCE),
        ComponentSpec("obv", 0.15, tolerance=TOLERANCE),
        ComponentSpec("divergence", 0.15, tolerance=TOLERANCE),
    )
    options_type = VolumeOptions
    state_type = VolumeState

    def __init__(self, options: VolumeOptions) -> None:
        self.options = options

    def initial(self) -> VolumeState:
        """State of a symbol of which nothing is known."""
        return VolumeState(bars=MarketBars(), timeframes=[Volumes() for _ in TIMEFRAMES])

    def fold(self, state: VolumeState, frame: Frame) -> None:
        """Take one frame into the state."""
        closed = state.bars.update(frame)
        if closed:
            self._close(state, closed)

    def backfill(self, state: VolumeState, history: Backfill) -> None:
        """Take history into the state."""
        self._close(state, state.bars.backfill(history))

    def is_tainted(self, state: VolumeState) -> bool:
        """Whether history or late trades are in what the bars remember."""
        return state.bars.tainted

    def read(self, state: VolumeState, frame: Frame) -> tuple[Reading, ...]:  # noqa: ARG002
        """Readings of every component at the tick ``frame``; they change only with the bars."""
        if state.read_at != state.bars.version:
            state.readings, state.read_at = self._read(state), state.bars.version
        return state.readings

    def _read(self, state: VolumeState) -> tuple[Reading, ...]:
        apart = self.options.divergence_threshold
        views = [
            volumes.closed if bar is None else volumes.peek(bar)
            for volumes, bar in zip(state.timeframes, state.bars.forming(), strict=True)
        ]
        return (
            _volume_delta(views, apart=apart),
            _adl(views, apart=apart),
            _cmf(views, apart=apart),
            _relative_volume(views, apart=apart),
            _obv(views, apart=apart),
            _divergence(views, apart=apart),
        )

    @staticmethod
    def _close(state: VolumeState, closed: Sequence[ClosedBar]) -> None:
        for bar in closed:
            if bar.fresh:
                state.timeframes[bar.timeframe] = Volumes()
            state.timeframes[bar.timeframe].update(bar.bar)


_Raw = list[tuple[str, float]]


def _names(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{timeframe}" for timeframe, _ in TIMEFRAMES)


_DELTA = _names("delta_ratio")
_ADL, _ADL_OSCILLATOR = _names("adl"), _names("adl_oscillator")
_CMF, _CMF_SMOOTH = _names("cmf"), _names("cmf_smooth")
_RELATIVE, _DIRECTION = _names("relative_volume"), _names("volume_direction")
_TREND, _VOLATILITY, _VWAP = _names("volume_trend"), _names("volume_volatility"), _names("vwap")
_OBV, _OBV_Z = _names("obv"), _names("obv_z")
_CVD, _CVD_APART = _names("cvd"), _names("divergence_cvd")
_OBV_APART, _ADL_APART = _names("divergence_obv"), _names("divergence_adl")


def _reading(name: str, leans: Sequence[float | None], raw: _Raw, *, apart: float) -> Reading:
    return over_timeframes(name, scores(leans), raw, threshold=apart)


def _volume_delta(views: Sequence[VolumeView], *, apart: float) -> Reading:
    raw = [(_DELTA[i], view.delta.ratio) for i, view in enumerate(views) if view.delta is not None]
    return _reading("volume_delta", [view.delta_lean for view in views], raw, apart=apart)


def _adl(views: Sequence[VolumeView], *, apart: float) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        if view.adl is not None:
            raw.append((_ADL[rank], view.adl.line))
            if view.adl.oscillator is not None:
                raw.append((_ADL_OSCILLATOR[rank], view.adl.oscillator))
    return _reading("adl", [view.adl_lean for view in views], raw, apart=apart)


def _cmf(views: Sequence[VolumeView], *, apart: float) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        if view.cmf is not None:
            raw.append((_CMF[rank], view.cmf.value))
            raw.append((_CMF_SMOOTH[rank], view.cmf.smooth))
    return _reading("cmf", [view.cmf_lean for view in views], raw, apart=apart)


def _relative_volume(views: Sequence[VolumeView], *, apart: float) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        if view.relative is not None:
            raw.append((_RELATIVE[rank], view.relative.ratio))
            raw.append((_DIRECTION[rank], view.relative.direction))
            raw.append((_VOLATILITY[rank], view.relative.volatility))
        if view.trend is not None:
            raw.append((_TREND[rank], view.trend))
        if view.vwap is not None:
            raw.append((_VWAP[rank], view.vwap / PRICE_SCALE))
    leans = [None if view.relative is None else view.relative.lean for view in views]
    return _reading("relative_volume", leans, raw, apart=apart)


def _obv(views: Sequence[VolumeView], *, apart: float) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        if view.obv is not None:
            raw.append((_OBV[rank], view.obv.line))
            if view.obv.z is not None:
                raw.append((_OBV_Z[rank], view.obv.z))
    return _reading("obv", [view.obv_lean for view in views], raw, apart=apart)


def _divergence(views: Sequence[VolumeView], *, apart: float) -> Reading:
    raw: _Raw = []
    cvd: list[float | None] = []
    for rank, view in enumerate(views):
        lines = view.divergence
        cvd.append(None if lines is None else lines.cvd)
        if lines is not None:
            for names, value in (
                (_CVD, lines.bought),
                (_CVD_APART, lines.cvd),
                (_OBV_APART, lines.obv),
                (_ADL_APART, lines.adl),
            ):
                if value is not None:
                    raw.append((names[rank], value))
    whole = combine(scores([view.divergence_lean for view in views]), threshold=apart)
    coverage = (whole.coverage + combine(cvd).coverage) / 2  # what there is of OBV, and of CVD
    return Reading("divergence", whole.score, tuple(raw), whole.divergence, coverage)
