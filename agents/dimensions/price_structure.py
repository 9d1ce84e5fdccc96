"""The terrain: where the market turned, traded and opened positions, and where the price stands."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from agents.dimensions.base import ComponentSpec, Dimension, Reading
from agents.dimensions.options import PriceStructureOptions
from agents.dimensions.timeframes import over_timeframes
from agents.indicators.bar import PRICE_SCALE
from agents.indicators.bar_series import ClosedBar
from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.indicators.blend import score, scores
from agents.indicators.clamp import clamp
from agents.indicators.levels import align
from agents.indicators.position_heat import HeatView, PositionHeat
from agents.indicators.structure import Structure, StructureView
from agents.indicators.vwap import vwap_score
from schemas.frame import Backfill, Frame
from schemas.series import Series, SeriesName

TOLERANCE = 1e-6
"""Points: sums over rows of a mirrored or rescaled market round differently."""


_Pairs = tuple[tuple[str, float], ...]


@dataclass
class PriceStructureState:
    """Everything kept of one symbol."""

    bars: MarketBars
    timeframes: list[Structure]
    heat: PositionHeat
    blocks: list[_Pairs] = field(default_factory=lambda: [()] * len(TIMEFRAMES))
    turns: list[_Pairs] = field(default_factory=lambda: [()] * len(TIMEFRAMES))
    """Per timeframe: raw values of order blocks and of structure as of its last closed bar."""
    readings: tuple[Reading, ...] = ()
    read_at: int = -1
    """What was last read of the bars, and the version of them that it was read of."""


class PriceStructure(Dimension[PriceStructureState]):
    """Where the price stands in the structure of 5m (25%), 15m (35%) and 4h (40%) bars.

    Above 50 what supports outweighs what resists. The first four components are scored on every
    timeframe and combined by :func:`timeframes.combine`; 1m (the base) stands in until a longer
    one is ready. The present price is that of the last trade.

    - **order_block** ``50 + 50 (D - S) / (D + S + 0.25)``: demand and supply blocks by strength
      (volume against its mean 60%, swing size 40%), nearness, and half once mitigated.
    - **value_area** ``50 + 50 (0.5 tanh(0.6 p) + 0.3 tanh(0.6 c) + 0.2 b)``: ``p`` the position in
      the value area (0 at the POC, ±1 at its ends), ``c`` the distance from the volume clusters
      that hold the price, in their spreads, ``b`` the volume below less that above, of all.
    - **vwap** ``75 - 50 d`` above and ``25 + 50 d`` below, joined at the VWAP (:func:`vwap_score`).
    - **support_resistance** ``50 + 50 (S - R) / (S + R + 0.25)``: levels below and above, by
      touches, volume, nearness and how many timeframes share them.
    - **position_heat** ``50 + 50 h``: whether those who opened lately are under water above the
      price (longs, below 50) or below it (shorts). Not ready without open interest (spot).

    What is fitted (rows, clusters, levels) is fitted to closed bars, when one closes; the forming
    bar joins the profile and the VWAP, wears blocks off, and moves the price in all of them.
    Everything is measured in the symbol's own bar ranges, deviations and volumes, so scores have no
    unit, and nothing favours a side. Warm-up: 20 bars per timeframe, 5 values of open interest.
    Raw values carry their timeframe's name; market structure (1 higher highs and lows, -1 lower),
    the range of the last 72 bars, the position in it (±1 at its ends) and a breakout stand beside
    support and resistance.
    """

    name = "price_structure"
    state_version = 5
    components = tuple(
        ComponentSpec(name, weight, tolerance=TOLERANCE)
        for name, weight in (
            ("order_block", 0.25),
            ("value_area", 0.20),
            ("vwap", 0.20),
            ("support_resistance", 0.20),
            ("position_heat", 0.15),
        )
    )
    options_type = PriceStructureOptions
    state_type = PriceStructureState

    def __init__(self, options: PriceStructureOptions) -> None:
        self.options = options

    def initial(self) -> PriceStructureState:
        """State of a symbol of which nothing is known."""
        return PriceStructureState(
            bars=MarketBars(),
            timeframes=[Structure() for _ in TIMEFRAMES],
            heat=PositionHeat(half_life_s=self.options.heat_half_life_s),
        )

    def fold(self, state: PriceStructureState, frame: Frame) -> None:
        """Take one frame into the state."""
        closed = state.bars.update(frame)
        if closed:
            self._close(state, closed)
        if frame.is_tick:
            price = _price(state.bars)
            if price is not None:
                state.heat.update(frame, price=price)

    def backfill(self, state: PriceStructureState, history: Backfill) -> None:
        """Take history into the state."""
        self._close(state, state.bars.backfill(history))

    def learn(self, state: PriceStructureState, series: Series) -> None:
        """Take past open interest into the heat, at the prices of the bars known so far.

        So history of bars comes first; a change at a time of which no bar is remembered counts
        only as the open interest from which the next one is measured. What is not yet due is left
        out.
        """
        if series.name is SeriesName.OPEN_INTEREST:
            for at_ns, interest in zip(series.at_ns, series.value, strict=True):
                if at_ns <= series.known_ns and 0.0 < interest < math.inf:
                    price = _price_at(state, at_ns)
                    state.heat.sample(at_ns, interest=interest, price=price)

    def is_tainted(self, state: PriceStructureState) -> bool:
        """Whether history or late trades are in what the bars remember."""
        return state.bars.tainted

    def read(self, state: PriceStructureState, frame: Frame) -> tuple[Reading, ...]:
        """Readings of every component at the tick ``frame``."""
        price = _price(state.bars)
        if price is None:
            return tuple(Reading(spec.name, None) for spec in self.components)
        if state.read_at != state.bars.version:
            state.readings, state.read_at = self._read(state, price), state.bars.version
        heat = _position_heat(state.heat.view(price, at_ns=frame.close_ns))
        return (*state.readings, heat)

    def _read(self, state: PriceStructureState, price: float) -> tuple[Reading, ...]:
        """Readings of the components on bars; they change only with the bars."""
        apart = self.options.divergence_threshold
        views = [
            structure.view(price, bar)
            for structure, bar in zip(state.timeframes, state.bars.forming(), strict=True)
        ]
        return (
            _order_block(views, state, apart=apart),
            _value_area(views, apart=apart),
            _vwap(views, price, apart=apart),
            _support_resistance(views, state, price, apart=apart),
        )

    @staticmethod
    def _close(state: PriceStructureState, closed: Sequence[ClosedBar]) -> None:
        for bar in closed:
            if bar.fresh:
                state.timeframes[bar.timeframe] = Structure()
            state.timeframes[bar.timeframe].update(bar.bar)
        for rank in sorted({bar.timeframe for bar in closed}):
            structure = state.timeframes[rank]
            structure.refit()
            state.blocks[rank] = _blocks_told(structure, rank)
            state.turns[rank] = _turns_told(structure, rank)
        if closed:
            usuals = [structure.blocks.usual or 0.0 for structure in state.timeframes]
            align([structure.levels for structure in state.timeframes], usuals)


def _names(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{timeframe}" for timeframe, _ in TIMEFRAMES)


_DEMAND, _SUPPLY, _FRESH = _names("demand"), _names("supply"), _names("fresh_blocks")
_MITIGATED = _names("mitigated_blocks")
_POC, _VAL, _VAH, _CLUSTER = _names("poc"), _names("val"), _names("vah"), _names("cluster")
_BELOW, _VWAP, _DISTANCE = _names("volume_below"), _names("vwap"), _names("vwap_distance")
_SUPPORT, _RESISTANCE = _names("support"), _names("resistance")
_STRUCTURE, _RANGE, _IN_RANGE = _names("structure"), _names("range"), _names("range_position")
_BREAKOUT = _names("breakout")
_PRICE_OF = attrgetter("price")

_Raw = list[tuple[str, float]]


def _price(bars: MarketBars) -> float | None:
    """Price of the last trade, in units of 1e-8."""
    base = bars.series[0]
    if base.forming is not None:
        return base.forming.close
    # Only longer history may be there yet.
    last = [series.closed[-1] for series in bars.series if series.closed]
    return last[0].close if last else None


def _price_at(state: PriceStructureState, at_ns: int) -> float | None:
    """Price at a past time, from the finest bar that is remembered."""
    for structure, series in zip(state.timeframes, state.bars.series, strict=True):
        price = structure.price_at(at_ns, period_ns=series.period_ns)
        if price is not None:
            return price
    return None


def _blocks_told(structure: Structure, rank: int) -> _Pairs:
    """How many blocks are fresh and mitigated, and the nearest end of either kind."""
    blocks = structure.blocks.blocks
    if not blocks:
        return ()
    worn, demand, supply = 0, -math.inf, math.inf
    for block in blocks:
        worn += block.mitigated
        if block.side < 0:
            supply = min(supply, block.low)
        else:
            demand = max(demand, block.high)
    raw = [(_FRESH[rank], float(len(blocks) - worn)), (_MITIGATED[rank], float(worn))]
    if demand > -math.inf:
        raw.append((_DEMAND[rank], demand / PRICE_SCALE))
    if supply < math.inf:
        raw.append((_SUPPLY[rank], supply / PRICE_SCALE))
    return tuple(raw)


def _turns_told(structure: Structure, rank: int) -> _Pairs:
    """Market structure, and the height of the closed bars' range."""
    raw = []
    turns = structure.swings.structure
    if turns is not None:
        raw.append((_STRUCTURE[rank], float(turns)))
    if structure.profile.rows:
        raw.append((_RANGE[rank], structure.profile.span / PRICE_SCALE))
    return tuple(raw)


def _order_block(
    views: Sequence[StructureView], state: PriceStructureState, *, apart: float
) -> Reading:
    first, second, third, last = state.blocks
    raw = first + second + third + last
    found = scores([view.blocks_lean for view in views])
    return over_timeframes("order_block", found, raw, threshold=apart)


def _value_area(views: Sequence[StructureView], *, apart: float) -> Reading:
    raw: _Raw = []
    for rank, view in enumerate(views):
        area = view.area
        if area is not None:
            raw += (
                (_POC[rank], area.poc / PRICE_SCALE),
                (_VAL[rank], area.low / PRICE_SCALE),
                (_VAH[rank], area.high / PRICE_SCALE),
                (_BELOW[rank], area.below),
            )
        if view.cluster is not None:
            raw.append((_CLUSTER[rank], view.cluster / PRICE_SCALE))
    found = scores([view.area_lean for view in views])
    return over_timeframes("value_area", found, raw, threshold=apart)


def _vwap(views: Sequence[StructureView], price: float, *, apart: float) -> Reading:
    raw: _Raw = []
    found: list[float | None] = []
    for rank, view in enumerate(views):
        vwap = view.vwap
        if vwap is None:
            found.append(None)
            continue
        distance = vwap.distance(price)
        found.append(vwap_score(distance))
        raw += ((_VWAP[rank], vwap.value / PRICE_SCALE), (_DISTANCE[rank], distance))
    return over_timeframes("vwap", found, raw, threshold=apart)


def _support_resistance(
    views: Sequence[StructureView], state: PriceStructureState, price: float, *, apart: float
) -> Reading:
    raw: _Raw = []
    for rank, structure in enumerate(state.timeframes):
        levels = structure.levels
        above = bisect_right(levels, price, key=_PRICE_OF)
        if above > 0:
            raw.append((_SUPPORT[rank], levels[above - 1].price / PRICE_SCALE))
        if above < len(levels):
            raw.append((_RESISTANCE[rank], levels[above].price / PRICE_SCALE))
        raw += state.turns[rank]
        profile = structure.profile
        if profile.rows:
            raw += _range(profile.low, profile.span, price, rank)
    found = scores([view.levels_lean for view in views])
    return over_timeframes("support_resistance", found, raw, threshold=apart)


def _range(low: float, span: float, price: float, rank: int) -> _Pairs:
    """Where in the closed bars' range the price stands, and whether it left it."""
    away = price - low
    if price < low:
        return ((_IN_RANGE[rank], -1.0 if span > 0.0 else 0.0), (_BREAKOUT[rank], -1.0))
    if price > low + span:
        return ((_IN_RANGE[rank], 1.0 if span > 0.0 else 0.0), (_BREAKOUT[rank], 1.0))
    place = (2.0 * away - span) / span if span > 0.0 else 0.0
    return ((_IN_RANGE[rank], clamp(place, -1.0, 1.0)),)


def _position_heat(view: HeatView | None) -> Reading:
    if view is None:
        return Reading("position_heat", None)
    raw: _Raw = [
        ("longs_under_water", view.above),
        ("shorts_under_water", view.below),
        ("opened_lately", view.recent),
    ]
    if view.entry is not None:
        raw.append(("mean_entry", view.entry / PRICE_SCALE))
    if view.concentration is not None:
        raw.append(("position_concentration", view.concentration))
    return Reading("position_heat", score(view.lean), tuple(raw))
