"""The resting market: how deep the book is, which way it leans, and what it costs to cross it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from agents.dimensions.base import ComponentSpec, Dimension, Push, Reading
from agents.dimensions.options import OrderbookOptions
from agents.indicators.blend import blend, score, squash
from agents.indicators.book_shape import (
    common_reach,
    concentration,
    distance_imbalance,
    fill_cost,
    is_sound,
    rank_imbalance,
    walls,
)
from agents.indicators.conditions import MarketConditions
from agents.indicators.ewma import Ewma
from agents.indicators.large_orders import LargeOrders
from agents.indicators.ofi import OrderFlowImbalance
from agents.indicators.quotes import aggressor_volumes
from agents.indicators.rate import EventRate
from agents.indicators.reversion import ReversionTime
from agents.indicators.standing import Standing
from schemas.frame import BAND_BPS, Book, DepthBands, Frame

DEPTHS = (5, 20, 50)
"""Ranks of the nested depths of the imbalance."""

BANDS = ((50, 0.5), (100, 0.3), (200, 0.2))
"""Bands of the liquidity lean in basis points (0.5%, 1%, 2% of mid), nearer ones weighing more."""


class BookView(msgspec.Struct):
    """What the book of one tick shows, in values (not mantissas); absent without a sound book."""

    depth: list[tuple[int, float, float]]
    """Known bands: (basis points, bid quantity, ask quantity)."""
    reach_bid: float
    reach_ask: float
    reach_bps: float
    spread_bps: float
    spread_ratio: float | None
    concentration: float
    distance: float
    wall_multiple: float
    """From how many times the other levels on a level was a wall."""
    buy_cost_bps: float | None
    sell_cost_bps: float | None
    reference_notional: float | None
    bid_walls: tuple[int, float, float]
    """(count, distance of the largest in bps, its multiple of the mean other level)."""
    ask_walls: tuple[int, float, float]


@dataclass
class OrderbookState:
    """Everything kept of one symbol."""

    imbalance: Ewma
    distance: Ewma
    depth_lean: Ewma
    ofi: OrderFlowImbalance
    conditions: MarketConditions
    volume: EventRate
    large: LargeOrders
    lean: Standing
    book_lean: Standing
    pressure: Standing
    cost_lean: Ewma
    cost: Standing
    cost_memory: ReversionTime
    fresh_volume: float = 0.0
    """Traded since the last tick."""
    view: BookView | None = None


class Orderbook(Dimension[OrderbookState]):
    """Liquidity, imbalance and impact of the book; above 50 the bid side is the stronger.

    Standings are distances from the symbol's own past in mean absolute deviations.

    - **liquidity** ``50 + 50 tanh(0.6 z) Q``: ``z`` is the standing of the depth asymmetry
      ``(bid - ask) / (bid + ask)`` weighted by time (50, 100, 200 bps weighing 5:3:2; for a band
      beyond what is known, the levels of the frame as far as both sides reach). Depth, spread and
      concentration as such lean nowhere: they scale the lean by the quality ``Q`` in (0, 1],
      ``Q = (1 / max(1, spread / usual) + 1 - concentration) / 2``: a lean of a torn or lumpy book
      counts for less.
    - **imbalance** ``50 + 50 (0.7 tanh(B + 0.4 z) + 0.3 tanh(0.6 y))``: ``B`` is the mean of two
      imbalances ``(bid - ask) / (bid + ask)``, that of the best 5, 20 and 50 levels and that of
      all levels by their distance, both weighted by time; ``z`` its standing (a book that always
      leans says little by leaning); ``y`` the pressure: order-flow imbalance from every touch
      change, in its own mean absolute size.
    - **impact** ``50 + 50 tanh(0.5 z)``: ``z`` is the mean of this tick's lean of cost,
      ``(buy - sell) / (buy + sell)`` for the reference order, and its past fading by half-life,
      in its own mean absolute size: above 50, selling moves the price less than buying.

    Walls and large orders are told by multiples of what is usual, which volatility, volume and
    liquidity move (:func:`band_stretch`). Raw values carry their units; large orders placed, pulled
    and filled near the touch are counted with a half-life of 5 minutes. Without a two-sided,
    uncrossed book no component is ready.
    """

    name = "orderbook"
    state_version = 3
    components = (
        ComponentSpec("liquidity", 0.35, monotone={Push.BID_DEPTH: 1, Push.ASK_DEPTH: -1}),
        ComponentSpec("imbalance", 0.35, monotone={Push.BID_DEPTH: 1, Push.ASK_DEPTH: -1}),
        ComponentSpec("impact", 0.30, monotone={Push.BID_DEPTH: 1, Push.ASK_DEPTH: -1}),
    )
    options_type = OrderbookOptions
    state_type = OrderbookState

    def __init__(self, options: OrderbookOptions) -> None:
        self.options = options

    def initial(self) -> OrderbookState:
        """State of a symbol of which nothing is known."""
        o = self.options
        past, warmup = o.history_half_life_s, o.warmup_s
        return OrderbookState(
            imbalance=Ewma(half_life_s=o.imbalance_half_life_s),
            distance=Ewma(half_life_s=o.imbalance_half_life_s),
            depth_lean=Ewma(half_life_s=o.imbalance_half_life_s),
            ofi=OrderFlowImbalance(half_life_s=o.pressure_half_life_s),
            conditions=MarketConditions(),
            volume=EventRate(half_life_s=past, warmup_s=warmup),
            large=LargeOrders(multiple=o.large_multiple),
            lean=Standing(half_life_s=past, warmup_s=warmup, floor=0.01),
            book_lean=Standing(half_life_s=past, warmup_s=warmup, floor=0.02),
            pressure=Standing(half_life_s=past, warmup_s=warmup, centred=False),
            cost_lean=Ewma(half_life_s=o.impact_half_life_s),
            cost=Standing(half_life_s=past, warmup_s=warmup, centred=False, floor=0.01),
            cost_memory=ReversionTime(),
        )

    def fold(self, state: OrderbookState, frame: Frame) -> None:
        """Take one frame into the state."""
        traded = 0.0
        if frame.trades.qty:
            bought, sold = aggressor_volumes(frame.trades)
            traded = (bought + sold) / 10**frame.qty_exponent
            state.fresh_volume += traded
        state.conditions.update(frame, volume=traded)
        state.ofi.update(frame)
        state.large.update(frame)
        book = frame.book
        sound = book is not None and is_sound(book)
        if book is not None and sound:
            state.imbalance.update(rank_imbalance(book, DEPTHS), frame.close_ns)
        if frame.is_tick:
            state.volume.update(state.fresh_volume, frame.close_ns)
            state.fresh_volume = 0.0
            state.view = self._look(state, frame, book) if book is not None and sound else None

    def read(self, state: OrderbookState, frame: Frame) -> tuple[Reading, ...]:
        """Readings of every component at the tick ``frame``."""
        view = state.view
        if view is None or frame.book is None:
            return tuple(Reading(spec.name, None) for spec in self.components)
        return (
            self._liquidity(state, view),
            self._imbalance(state, view),
            self._impact(state, view),
        )

    def _look(self, state: OrderbookState, frame: Frame, book: Book) -> BookView:
        """Measure the book of a tick, and let its measures join the symbol's past."""
        at_ns = frame.close_ns
        price_scale, qty_scale = 10**frame.price_exponent, 10**frame.qty_exponent
        conditions, bounds = state.conditions, self.options.band_bounds
        stretch = conditions.stretch(bounds)
        state.large.multiple = self.options.large_multiple * stretch
        wall = self.options.wall_multiple * stretch
        twice = book.bid_price[0] + book.ask_price[0]
        bps = 20_000.0 / twice  # price mantissas to basis points of mid
        spread = book.ask_price[0] - book.bid_price[0]
        depth = _known_depth(frame.bands)
        reach_bid, reach_ask, twice_reach = common_reach(book)
        state.lean.update(
            _over_time(state.depth_lean, _depth_lean(depth, reach_bid, reach_ask), at_ns), at_ns
        )
        state.pressure.update(state.ofi.value, at_ns)
        ratio = conditions.liquidity.spread
        near = distance_imbalance(book, spread if ratio is None else spread / ratio)
        _over_time(state.distance, near, at_ns)
        state.book_lean.update(_near_lean(state, near), at_ns)
        reference, buy, sell = self._cross(state, frame, book, twice)
        return BookView(
            depth=[(band, bid / qty_scale, ask / qty_scale) for band, bid, ask in depth],
            reach_bid=reach_bid / qty_scale,
            reach_ask=reach_ask / qty_scale,
            reach_bps=twice_reach / 2 * bps,
            spread_bps=spread * bps,
            spread_ratio=ratio,
            concentration=(concentration(book.bid_qty) + concentration(book.ask_qty)) / 2,
            distance=near,
            wall_multiple=wall,
            buy_cost_bps=None if buy is None else buy * bps,
            sell_cost_bps=None if sell is None else sell * bps,
            reference_notional=(
                None if reference is None else reference * twice / (2 * price_scale * qty_scale)
            ),
            bid_walls=_walls(book.bid_price, book.bid_qty, twice, multiple=wall),
            ask_walls=_walls(book.ask_price, book.ask_qty, twice, multiple=wall),
        )

    def _cross(
        self, state: OrderbookState, frame: Frame, book: Book, twice: int
    ) -> tuple[float | None, float | None, float | None]:
        """Reference quantity, and the cost of buying and of selling it, in mantissas."""
        rate = state.volume.value
        if rate is None or rate <= 0.0:
            return None, None, None
        reference = rate * self.options.reference_s * 10**frame.qty_exponent
        buy = fill_cost(reference, prices=book.ask_price, quantities=book.ask_qty, twice_mid=twice)
        sell = fill_cost(reference, prices=book.bid_price, quantities=book.bid_qty, twice_mid=twice)
        lean = (buy - sell) / (buy + sell)
        faded = state.cost_lean.update(lean, frame.close_ns)
        state.cost.update(lean if faded is None else (lean + faded) / 2, frame.close_ns)
        state.cost_memory.update(lean, frame.close_ns)
        return reference, buy, sell

    @staticmethod
    def _liquidity(state: OrderbookState, view: BookView) -> Reading:
        lean = squash(state.lean.value, gain=0.6)
        if lean is not None and view.spread_ratio is not None:
            tight = 1.0 / max(1.0, view.spread_ratio)
            lean *= (tight + 1.0 - view.concentration) / 2
        raw = [("spread_bps", view.spread_bps), ("concentration", view.concentration)]
        raw += state.conditions.raw
        for band, bid, ask in view.depth:
            raw += [(f"depth_{band}bps_bid", bid), (f"depth_{band}bps_ask", ask)]
        if len(view.depth) < len(BANDS):
            raw += [("depth_reach_bid", view.reach_bid), ("depth_reach_ask", view.reach_ask)]
            raw.append(("reach_bps", view.reach_bps))
        return Reading("liquidity", score(lean), tuple(raw))

    @staticmethod
    def _imbalance(state: OrderbookState, view: BookView) -> Reading:
        unusual = state.book_lean.value
        lean = None
        if unusual is not None:
            resting = math.tanh(_near_lean(state, view.distance) + 0.4 * unusual)
            lean = blend(((0.7, resting), (0.3, squash(state.pressure.value, gain=0.6))))
        raw = [("distance_weighted", view.distance)]
        for name, value in (
            ("time_weighted", state.imbalance.value),
            ("lean_standing", unusual),
            ("ofi_queues", state.ofi.value),
            ("ofi_standing", state.pressure.value),
        ):
            if value is not None:
                raw.append((name, value))
        raw.append(("large_multiple", state.large.multiple))
        for side, tally in (("bid", state.large.bid), ("ask", state.large.ask)):
            raw += [
                (f"large_placed_{side}", tally.placed),
                (f"large_pulled_{side}", tally.pulled),
                (f"large_filled_{side}", tally.filled),
            ]
        return Reading("imbalance", score(lean), tuple(raw))

    @staticmethod
    def _impact(state: OrderbookState, view: BookView) -> Reading:
        if view.buy_cost_bps is None or view.sell_cost_bps is None:
            return Reading("impact", None)
        raw = [("buy_cost_bps", view.buy_cost_bps), ("sell_cost_bps", view.sell_cost_bps)]
        if view.reference_notional is not None:
            raw.append(("reference_notional", view.reference_notional))
        if state.cost_memory.value is not None:
            raw.append(("decay_half_life_s", state.cost_memory.value))
        raw.append(("wall_multiple", view.wall_multiple))
        for side, (count, distance, multiple) in (
            ("bid", view.bid_walls),
            ("ask", view.ask_walls),
        ):
            raw.append((f"walls_{side}", float(count)))
            if count:
                raw += [(f"wall_{side}_bps", distance), (f"wall_{side}_multiple", multiple)]
        return Reading("impact", score(squash(state.cost.value, gain=0.5)), tuple(raw))


def _near_lean(state: OrderbookState, distance: float) -> float:
    """Mean of the imbalances by rank and by distance, both weighted by time; [-1, 1]."""
    by_rank, by_distance = state.imbalance.value, state.distance.value
    near = distance if by_distance is None else by_distance
    return near if by_rank is None else (by_rank + near) / 2


def _over_time(mean: Ewma, value: float, at_ns: int) -> float:
    """The mean over time with this value in it; the value itself while there is none."""
    weighted = mean.update(value, at_ns)
    return value if weighted is None else weighted


def _walls(
    prices: tuple[int, ...], quantities: tuple[int, ...], twice: int, *, multiple: float
) -> tuple[int, float, float]:
    """How many walls a side has, the distance of the largest in bps, and its multiple."""
    found, price, largest = walls(prices, quantities, multiple=multiple)
    return found, abs(2 * price - twice) / twice * 10_000.0, largest


def _known_depth(bands: DepthBands | None) -> list[tuple[int, int, int]]:
    """The bands of :data:`BANDS` known on both sides: (bps, bid, ask), in quantity mantissas."""
    known: list[tuple[int, int, int]] = []
    if bands is not None:
        for band, _ in BANDS:
            at = BAND_BPS.index(band)
            bid, ask = bands.bid_qty[at], bands.ask_qty[at]
            if bid is not None and ask is not None and bid + ask > 0:
                known.append((band, bid, ask))
    return known


def _depth_lean(depth: list[tuple[int, int, int]], reach_bid: int, reach_ask: int) -> float:
    """Weighted depth asymmetry over the bands; the common reach stands in for unknown ones."""
    by_band = {band: (bid - ask) / (bid + ask) for band, bid, ask in depth}
    reach = (reach_bid - reach_ask) / (reach_bid + reach_ask)
    lean = 0.0
    for band, weight in BANDS:
        lean += weight * by_band.get(band, reach)
    return lean
