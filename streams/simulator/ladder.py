"""The book of a generated market: makers quote around a price, takers trade at the touch."""

from __future__ import annotations

from random import Random

from schemas.frame import Side

DEPTH = {Side.BUY: 120, Side.SELL: 119}
"""Levels a side. Unequal, because a snapshot with equal sides may have been cut at a limit."""

_REFRESHED = 8


class QuoteLadder:
    """Quantities by price (in ticks) of both sides, and which of them changed."""

    def __init__(self, rng: Random, *, lot: int) -> None:
        self._rng = rng
        self._lot = lot
        self.sides: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self.changed: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def best(self, side: Side) -> tuple[int, int]:
        """Price and quantity of the best bid (``BUY``) or ask (``SELL``)."""
        levels = self.sides[side]
        price = max(levels) if side is Side.BUY else min(levels)
        return price, levels[price]

    def quote(self, side: Side, best: int, lean: float) -> None:
        """Pull what stands before ``best``, fill the ladder behind it, refresh some levels.

        The side that ``lean`` (−1 to 1) favours is quoted larger.
        """
        levels, away, depth = self.sides[side], -side.value, DEPTH[side]
        for price in [p for p in levels if not 0 <= (p - best) * away < depth]:
            self._put(side, price, 0)
        for distance in range(depth):
            price = best + distance * away
            if price not in levels:
                self._put(side, price, self._size(side, distance, lean))
        for _ in range(_REFRESHED):
            distance = int(self._rng.random() ** 2 * depth)
            self._put(side, best + distance * away, self._size(side, distance, lean))

    def take(self, aggressor: Side, qty: int) -> tuple[int, int]:
        """Trade at the touch; price and quantity of the trade, at most what stands there."""
        resting = Side.SELL if aggressor is Side.BUY else Side.BUY
        price, there = self.best(resting)
        traded = min(qty, there)
        self._put(resting, price, there - traded)
        return price, traded

    def _size(self, side: Side, distance: int, lean: float) -> int:
        favour = 1.0 + 0.7 * lean * side.value
        return int(self._lot * (3.0 + 12.0 * self._rng.random()) * favour * (1 + distance / 20)) + 1

    def _put(self, side: Side, price: int, qty: int) -> None:
        self.changed[side][price] = qty
        if qty:
            self.sides[side][price] = qty
        else:
            self.sides[side].pop(price, None)
