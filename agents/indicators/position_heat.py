"""Where recent open interest was opened, against the present price."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import mul

import msgspec

from agents.indicators.bars import AHEAD_NS
from agents.indicators.decay import fade
from agents.indicators.usual_size import NOTHING, UsualSize
from schemas.frame import NS_PER_S, Frame

FEW = 0.01
"""Part of all open interest that recent openings must reach to count half."""


class HeatView(msgspec.Struct):
    """``lean`` in (-1, 1); ``entry`` the mean price of recent openings (units of 1e-8).

    ``above`` and ``below`` are the parts of them at a higher and a lower price: longs and shorts
    under water; ``recent`` what they are of all open interest. ``concentration`` is the largest
    part of them within one usual step of the price (between samples) of any one entry, (0, 1].
    """

    lean: float
    entry: float | None
    above: float
    below: float
    recent: float
    concentration: float | None = None


@dataclass
class PositionHeat:
    """Who is under water, of those who opened lately.

    A rise of open interest between two samples is a position opened at the price of that time; a
    fall closes the same part of every one; besides, they fade with ``half_life_s``, because
    positions change hands unseen. With ``a_i`` the present price less an entry, ``w_i`` its weight:

    ``lean = sum w_i tanh(a_i / S) / sum w_i * W / (W + 0.01 O)``

    ``S`` is the entries' mean absolute deviation plus the usual step of the price between samples,
    ``W`` the recent openings and ``O`` all open interest. Above 0 the openings lie below the price:
    shorts are under water and may have to buy; below 0 longs may have to sell. Unit: none.
    At most ``bins`` entries are kept: of more, the two neighbours in time that weigh least (mostly
    the oldest) become one at their mean. Warm-up: ``ready`` samples, at least ``sample_s``
    apart; none older than ``stale_s``, nor stamped a minute ahead of its frame. Cost: O(bins) a
    sample and a view, else O(1).

    >>> heat = PositionHeat(ready=3)
    >>> for i, price in enumerate((10.0, 10.0, 11.0, 12.0)):
    ...     heat.sample(i * 60 * NS_PER_S, interest=100.0 + i, price=price)
    >>> view = heat.view(12.0, at_ns=240 * NS_PER_S)
    >>> view.lean > 0.3, view.above, round(view.below, 2)
    (True, 0.0, 0.67)
    """

    half_life_s: float = 21_600.0
    sample_s: float = 10.0
    stale_s: float = 7_200.0
    ready: int = 5
    bins: int = 24
    prices: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    """Recent openings, oldest first."""
    steps: UsualSize = field(default_factory=lambda: UsualSize(ready=1))
    interest: float | None = None
    price: float | None = None
    known_ns: int | None = None
    count: int = 0
    concentration: float | None = None

    def update(self, frame: Frame, *, price: float) -> None:
        """Take in one frame, at whose close the market stands at ``price``."""
        known = frame.derivatives.open_interest
        latest_ns = frame.close_ns + AHEAD_NS
        if known is not None and known.mantissa > 0 and known.known_ns <= latest_ns:
            self.sample(known.known_ns, interest=float(known), price=price)

    def sample(self, known_ns: int, *, interest: float, price: float | None) -> None:
        """Take in a value of open interest; without a price the change has no place."""
        last_ns, before = self.known_ns, self.interest
        if last_ns is None or before is None:
            self._remember(known_ns, interest, price)
            return
        if known_ns - last_ns < self.sample_s * NS_PER_S:
            return
        kept = fade(known_ns - last_ns, self.half_life_s) * min(interest / before, 1.0)
        self.weights = [weight * kept for weight in self.weights]
        if price is not None:
            if interest > before:
                self._open(interest - before, price)
            if self.price is not None:
                self.steps.update(price - self.price)
        self._remember(known_ns, interest, price)
        self.concentration = concentration(self.prices, self.weights, reach=self.steps.value or 0.0)

    def view(self, price: float, *, at_ns: int) -> HeatView | None:
        """The heat at a price and time, ``None`` while warming up or without a value of late."""
        last_ns, interest = self.known_ns, self.interest
        if last_ns is None or interest is None or self.count < self.ready:
            return None
        if at_ns - last_ns > self.stale_s * NS_PER_S:
            return None
        whole = math.fsum(self.weights)
        if whole <= 0.0:
            return HeatView(0.0, None, 0.0, 0.0, 0.0)
        away = [price - entry for entry in self.prices]
        mean = math.fsum(map(mul, away, self.weights)) / whole
        spread = math.fsum(map(mul, map(abs, [a - mean for a in away]), self.weights)) / whole
        scale = spread + (self.steps.value or 0.0) + NOTHING * abs(price)
        leans = [math.tanh(a / scale) for a in away] if scale > 0.0 else []
        heat = math.fsum(map(mul, leans, self.weights)) / whole
        above = math.fsum(compress(self.weights, map((0.0).__gt__, away))) / whole
        below = math.fsum(compress(self.weights, map((0.0).__lt__, away))) / whole
        lean = heat * whole / (whole + FEW * interest)
        return HeatView(lean, price - mean, above, below, whole / interest, self.concentration)

    def _open(self, size: float, price: float) -> None:
        self.prices.append(price)
        self.weights.append(size)
        if len(self.prices) > self.bins:
            self._merge()

    def _remember(self, known_ns: int, interest: float, price: float | None) -> None:
        self.known_ns, self.interest = known_ns, interest
        if price is not None:
            self.price = price
            self.count = min(self.count + 1, self.ready)

    def _merge(self) -> None:
        """Put the two entries together that follow each other and weigh least."""
        pairs = range(len(self.weights) - 1)
        at = min(pairs, key=lambda i: self.weights[i] + self.weights[i + 1])
        first, last = self.prices[at], self.prices.pop(at + 1)
        whole = self.weights[at] + self.weights[at + 1]
        share = self.weights.pop(at + 1) / whole if whole > 0.0 else 0.5
        self.prices[at] = first + (last - first) * share
        self.weights[at] = whole


def concentration(
    prices: Sequence[float], weights: Sequence[float], *, reach: float
) -> float | None:
    """Largest part of the weight within ``reach`` of one of the prices; ``None`` without weight.

    1 is a position that was built up at one price. Unchanged in the mirrored market. Cost:
    O(n log n).

    >>> concentration([10.0, 11.0, 19.0], [2.0, 1.0, 1.0], reach=1.0)
    0.75
    """
    whole = math.fsum(weights)
    if whole <= 0.0:
        return None
    reach *= 1.0 + 1e-9  # what is just at it belongs to it, in every unit
    entries = sorted(zip(prices, weights, strict=True))
    ordered, held = [price for price, _ in entries], [weight for _, weight in entries]
    most, end, count = 0.0, 0, len(held)
    for price in ordered:
        if end < count and ordered[end] <= price + reach:  # else what is near was near the last
            first, end = bisect_left(ordered, price - reach), bisect_right(ordered, price + reach)
            most = max(most, math.fsum(held[first:end]))
    return most / whole
