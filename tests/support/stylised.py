"""Stylised facts of a market: plain statistics of its tape and its book.

They are computed from any :class:`MarketSource`, so a recording, the generated market and a random
walk are measured by the same code. Cont (2001), "Empirical properties of asset returns", names most
of them; Bouchaud, Farmer and Lillo (2009) those of order flow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.frame import NS_PER_MS, NS_PER_S
from streams.events import BookDiff, BookSnapshot, Event, TradeEvent

Floats = npt.NDArray[np.float64]

GRID_NS = 100 * NS_PER_MS
PER_S = NS_PER_S // GRID_NS
DEPTH_EVERY = 5 * PER_S
DEPTH_BPS = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Sample:
    """A stretch of a market: its book every 100 ms, and its trades.

    ``mid`` is in units of the quote, ``spread_ticks`` in ticks. ``depth`` has a row per 5 s: the
    quantity at the touch and within each of :data:`DEPTH_BPS` of it, mean of both sides. Of trades:
    time in ms, quantity, aggressor (±1).
    """

    mid: Floats
    spread_ticks: Floats
    depth: Floats
    trade_ms: Floats
    trade_qty: Floats
    trade_side: Floats

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.mid) / PER_S


def sample(
    events: Iterator[tuple[int, Event]],
    *,
    tick: float,
    warm_s: float = 0.0,
    seconds: float = math.inf,
) -> Sample:
    """Up to ``seconds`` of a market, from ``warm_s`` after its first event on."""
    book = _Book()
    rows: list[tuple[float, float]] = []
    depth: list[list[float]] = []
    trades: list[tuple[float, float, int]] = []
    first_ns, _event = _start(events, book)
    begin_ns = first_ns + round(warm_s * NS_PER_S)
    next_ns = begin_ns
    for now_ns, event in events:
        while now_ns > next_ns and len(rows) < seconds * PER_S:
            bid, ask = book.best()
            rows.append(((bid + ask) / 2.0, round((ask - bid) / tick)))
            if len(rows) % DEPTH_EVERY == 1:
                depth.append(book.depth())
            next_ns += GRID_NS
        if len(rows) >= seconds * PER_S:
            break
        if isinstance(event, TradeEvent):
            if now_ns >= begin_ns:
                trades.append((event.exchange_ns / NS_PER_MS, float(event.qty), event.side))
        elif isinstance(event, BookDiff | BookSnapshot):
            book.apply(event)
    grid, tape = np.array(rows), np.array(trades)
    return Sample(grid[:, 0], grid[:, 1], np.array(depth), tape[:, 0], tape[:, 1], tape[:, 2])


def _start(events: Iterator[tuple[int, Event]], book: _Book) -> tuple[int, Event]:
    now_ns, event = next(events)
    assert isinstance(event, BookSnapshot)
    book.apply(event)
    return now_ns, event


class _Book:
    """A book by price, as plain as can be."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}

    def apply(self, event: BookDiff | BookSnapshot) -> None:
        if isinstance(event, BookSnapshot):
            self.bids, self.asks = {}, {}
        for side, levels in ((self.bids, event.bids), (self.asks, event.asks)):
            for price, qty in levels:
                if float(qty):
                    side[float(price)] = float(qty)
                else:
                    side.pop(float(price), None)

    def best(self) -> tuple[float, float]:
        return max(self.bids), min(self.asks)

    def depth(self) -> list[float]:
        bid, ask = self.best()
        row = []
        for bps in (0.0, *DEPTH_BPS):
            low, high = bid * (1.0 - bps * 1e-4), ask * (1.0 + bps * 1e-4)
            bids = [qty for price, qty in self.bids.items() if price >= low]
            asks = [qty for price, qty in self.asks.items() if price <= high]
            row.append((math.fsum(bids) + math.fsum(asks)) / 2.0)
        return row


def returns(market: Sample, seconds: float) -> Floats:
    """Logarithmic returns of the mid over ``seconds``, in basis points, side by side."""
    result: Floats = np.diff(np.log(market.mid[:: round(seconds * PER_S)])) * 1e4
    return result


def overlapping_returns(market: Sample, seconds: float) -> Floats:
    """As :func:`returns`, but one that begins each second: more of them in a short sample."""
    logs, span = np.log(market.mid[::PER_S]), round(seconds)
    result: Floats = (logs[span:] - logs[:-span]) * 1e4
    return result


def kurtosis(values: Floats) -> float:
    """Fourth central moment by the square of the second; 3 for a Gaussian."""
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def autocorrelation(values: Floats, lag: int) -> float:
    """Of a series with itself ``lag`` later, −1 to 1."""
    centred = values - values.mean()
    return float((centred[lag:] * centred[:-lag]).mean() / (centred**2).mean())


def hill(values: Floats, share: float = 0.05) -> float:
    """Hill's estimate of the tail exponent from the largest ``share`` of absolute values."""
    ordered = np.sort(np.abs(values))[::-1]
    count = max(10, int(len(ordered) * share))
    return float(1.0 / np.log(ordered[:count] / ordered[count]).mean())


def sampling_error(values: Floats, lags: range, *, block: int = 15, draws: int = 2_000) -> float:
    """Standard error of the mean autocorrelation over ``lags``, by a moving-block bootstrap.

    The products of values ``lag`` apart are drawn in runs of ``block``, so that joins of runs do
    not make up pairs that never were.
    """
    rng = np.random.default_rng(1)
    centred, count = values - values.mean(), len(values)
    squares = centred**2
    products = sum((centred * np.roll(centred, -lag) for lag in lags), np.zeros(count)) / len(lags)
    starts = rng.integers(0, count, size=(draws, count // block))
    drawn = (starts[:, :, None] + np.arange(block)) % count
    return float((products[drawn].mean(axis=(1, 2)) / squares[drawn].mean(axis=(1, 2))).std())


def orders(market: Sample) -> tuple[Floats, Floats, Floats]:
    """Time (ms), quantity and side of market orders.

    Trades that follow one another in the same millisecond on the same side are taken for the
    pieces of one order.
    """
    new = np.r_[True, (np.diff(market.trade_ms) > 0) | (np.diff(market.trade_side) != 0)]
    which = np.cumsum(new) - 1
    return (
        market.trade_ms[new],
        np.bincount(which, market.trade_qty).astype(float),
        market.trade_side[new],
    )


def counts(times_ms: Floats, window_s: float) -> Floats:
    """Arrivals in windows side by side."""
    result = np.bincount(((times_ms - times_ms[0]) / (window_s * 1e3)).astype(int))
    return result.astype(float)


def fano(times_ms: Floats, window_s: float) -> float:
    """Variance of the number of arrivals in a window by its mean; 1 for a Poisson process."""
    numbers = counts(times_ms, window_s)
    return float(numbers.var() / numbers.mean())


def burstiness(times_ms: Floats) -> float:
    """Standard deviation of the time between arrivals by its mean; 1 for a Poisson process."""
    waits = np.diff(times_ms)
    return float(waits.std() / waits.mean())


def mean_of(function: Callable[[int], float], lags: range) -> float:
    """Mean of an autocorrelation over lags."""
    return math.fsum(function(lag) for lag in lags) / len(lags)


def facts(market: Sample) -> dict[str, float]:
    """Every fact by name; docs/simulated-market.md says what each means."""
    second, ten = returns(market, 1.0), overlapping_returns(market, 10.0)
    tenth = np.abs(returns(market, 0.1))
    absolute = np.abs(second)
    times, sizes, sides = orders(market)
    numbers = counts(times, 1.0)
    touch, near, two, far = market.depth.mean(axis=0)
    return {
        "volatility_1s": float(second.std()),
        "volatility_10s": float(ten.std()),
        "kurtosis_1s": kurtosis(second),
        "kurtosis_10s": kurtosis(ten),
        "tail_index_1s": hill(second),
        "unmoved_1s": float((second == 0.0).mean()),
        "return_memory_1s": autocorrelation(second, 1),
        "return_memory_5s": mean_of(lambda lag: autocorrelation(second, lag), range(2, 6)),
        "clustering_100ms": mean_of(lambda lag: autocorrelation(tenth, lag), range(1, 11)),
        "clustering_1s": mean_of(lambda lag: autocorrelation(absolute, lag), range(1, 6)),
        "clustering_activity_1s": autocorrelation(numbers, 1),
        "clustering_activity_5s": mean_of(lambda lag: autocorrelation(numbers, lag), range(2, 6)),
        "spread_ticks": float(market.spread_ticks.mean()),
        "spread_one_tick": float((market.spread_ticks == 1).mean()),
        "depth_touch": float(touch / near),
        "depth_2bps": float(two / near),
        "depth_5bps": float(far / near),
        "flow_memory_1": autocorrelation(sides, 1),
        "flow_memory_10": mean_of(lambda lag: autocorrelation(sides, lag), range(5, 16)),
        "trade_flow_memory_1": autocorrelation(market.trade_side, 1),
        "trade_flow_memory_10": autocorrelation(market.trade_side, 10),
        "trades_per_order": len(market.trade_side) / len(sides),
        "orders_per_s": len(sides) / market.seconds,
        "size_tail": hill(sizes),
        "size_99_50": float(np.percentile(sizes, 99) / np.median(sizes)),
        "fano_1s": fano(times, 1.0),
        "fano_10s": fano(times, 10.0),
        "fano_trades_1s": fano(market.trade_ms, 1.0),
        "burstiness": burstiness(times),
    }
