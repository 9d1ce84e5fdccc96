"""A full order book in integers: levels, flows between frames, depth near mid."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TypeAlias

from schemas.errors import CrossedBook
from schemas.frame import BAND_BPS

IntLevels: TypeAlias = list[tuple[int, int]]
_BPS = 10_000
_TWICE_BPS = 2 * _BPS


class Ladder:
    """One side of a book.

    Levels are kept under ``key = sign * price`` (bids +1, asks -1), ascending, so that the best is
    last on both sides: changes cluster near the best, where inserting into a list is cheapest.
    ``edge`` is the key of the last level of a snapshot that may have been cut there: nothing is
    known beyond it but what diffs said since; ``None`` is a complete side.

    ``added`` and ``removed`` sum by how much known levels grew and shrank. A level beyond the edge
    is known from its first diff on; that first quantity itself counts as neither.

    Cost per changed level: one dict access, and a bisection where a level comes or goes. Memory:
    the levels, and a number for each price beyond the edge that was seen to be empty.
    """

    __slots__ = ("_emptied", "added", "edge", "keys", "qty", "removed", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.qty: dict[int, int] = {}
        self.edge: int | None = None
        self.added = 0
        self.removed = 0
        self._emptied: set[int] = set()

    def replace(self, levels: IntLevels, *, cut: bool) -> None:
        """Take the levels of a snapshot; ``cut`` if it may not hold the whole side."""
        self.qty = {self.sign * price: qty for price, qty in levels if qty}
        self.keys = sorted(self.qty)
        self.edge = self.keys[0] if cut and self.keys else None
        self._emptied.clear()

    def renew(self, levels: IntLevels) -> None:
        """Take the next state of a side of which only the best levels are ever told.

        What was added and removed is summed over the prices that both states reach.
        """
        before, keys = self.qty, self.keys
        self.replace(levels, cut=True)
        if not (keys and self.keys):
            return
        reach = max(keys[0], self.keys[0])
        for key in {**before, **self.qty}:
            if key >= reach:
                change = self.qty.get(key, 0) - before.get(key, 0)
                self.added += max(change, 0)
                self.removed += max(-change, 0)

    def apply(self, levels: IntLevels) -> None:
        """Set the quantities of changed levels; 0 removes one."""
        sign, keys, quantities = self.sign, self.keys, self.qty
        for price, new in levels:
            key = sign * price
            old = quantities.get(key)
            if old is None:
                if new:
                    insort(keys, key)
                    quantities[key] = new
                    if self.edge is None or key >= self.edge or key in self._emptied:
                        self.added += new
                elif self.edge is not None and key < self.edge:
                    self._emptied.add(key)
            elif new:
                quantities[key] = new
                if new > old:
                    self.added += new - old
                else:
                    self.removed += old - new
            else:
                del keys[bisect_left(keys, key)], quantities[key]
                self.removed += old
                if self.edge is not None and key < self.edge:
                    self._emptied.add(key)

    def best(self) -> int | None:
        """Best price, ``None`` on an empty side."""
        return self.sign * self.keys[-1] if self.keys else None

    def best_level(self) -> tuple[int, int]:
        """Best price and its quantity, zeros on an empty side."""
        if not self.keys:
            return (0, 0)
        return self.sign * self.keys[-1], self.qty[self.keys[-1]]

    def top(self, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Prices and quantities of up to ``count`` levels, best first."""
        keys = self.keys[: -count - 1 : -1]
        quantities = tuple(map(self.qty.__getitem__, keys))
        return (tuple(keys) if self.sign > 0 else tuple([-key for key in keys])), quantities

    def depths(self, limits: list[int]) -> tuple[int | None, ...]:
        """Cumulative quantity of levels with ``20000 * key >= limit``, for each of ``limits``.

        The limits descend. ``None`` where a limit lies beyond the edge.
        """
        depths: list[int | None] = []
        total, above = 0, len(self.keys)
        for limit in limits:
            if self.edge is not None and limit < self.edge * _TWICE_BPS:
                depths.append(None)
                continue
            start = bisect_left(self.keys, -(-limit // _TWICE_BPS), 0, above)
            total += sum(map(self.qty.__getitem__, self.keys[start:above]))  # integers: exact
            above = start
            depths.append(total)
        return tuple(depths)

    def beyond_edge(self, count: int) -> bool:
        """Whether the best ``count`` levels reach beyond the edge, so that some may be unknown."""
        if self.edge is None:
            return False
        return len(self.keys) < count or self.keys[-count] < self.edge

    def rescale(self, price_factor: int, qty_factor: int) -> None:
        """Multiply every price and quantity."""
        self.keys = [key * price_factor for key in self.keys]
        self.qty = {key * price_factor: qty * qty_factor for key, qty in self.qty.items()}
        self.edge = None if self.edge is None else self.edge * price_factor
        self._emptied = {key * price_factor for key in self._emptied}
        self.added *= qty_factor
        self.removed *= qty_factor


class BestLevels(Ladder):
    """A side of which the stream goes on telling the best ``count`` levels, and no others.

    A level that drops out of them is told as empty, one that comes in as new: neither is a change
    of the market, and beyond the last one nothing is known.
    """

    __slots__ = ("_count",)

    def __init__(self, sign: int, count: int) -> None:
        super().__init__(sign)
        self._count = count

    def replace(self, levels: IntLevels, *, cut: bool) -> None:
        """Take the levels of a snapshot; it was cut if it is as long as can be."""
        del cut
        super().replace(levels, cut=len(levels) >= self._count)

    def apply(self, levels: IntLevels) -> None:
        """Set the quantities of changed levels; 0 removes one, or says that it dropped out."""
        emptied = {self.sign * price for price, qty in levels if not qty}
        before = {key: qty for key in emptied if (qty := self.qty.get(key)) is not None}
        super().apply(levels)
        self._emptied.clear()
        self.edge = self.keys[0] if len(self.keys) >= self._count else None
        if self.edge is not None:
            self.removed -= sum(qty for key, qty in before.items() if key < self.edge)


class OrderBook:
    """Both sides. Knows nothing of sequence numbers; ``streams.continuity`` does.

    ``best_levels``: the stream tells so many levels a side, see :class:`BestLevels`.
    """

    __slots__ = ("asks", "bids", "exchange_ns", "update_id")

    def __init__(self, *, best_levels: int | None = None) -> None:
        self.bids, self.asks = (
            Ladder(sign) if best_levels is None else BestLevels(sign, best_levels)
            for sign in (1, -1)
        )
        self.update_id = 0
        self.exchange_ns: int | None = None

    def replace(self, bids: IntLevels, asks: IntLevels, *, limits: tuple[int, ...]) -> None:
        """Take a snapshot. Raises :class:`CrossedBook`.

        A snapshot does not say how many levels were asked for. A side may have been cut if its
        length is one of the venue's ``limits``, or if both sides are equally long; a side shorter
        than the other one is complete.
        """
        longest = max(len(bids), len(asks))
        for ladder, levels in ((self.bids, bids), (self.asks, asks)):
            may_be_cut = len(levels) == longest and (longest in limits or len(bids) == len(asks))
            ladder.replace(levels, cut=may_be_cut)
        self._refuse_crossed()

    def renew(self, bids: IntLevels, asks: IntLevels) -> None:
        """Take the next of a venue's whole books. Raises :class:`CrossedBook`."""
        self.bids.renew(bids)
        self.asks.renew(asks)
        self._refuse_crossed()

    def apply(self, bids: IntLevels, asks: IntLevels) -> None:
        """Apply a diff. Raises :class:`CrossedBook`; the book is then of no more use."""
        self.bids.apply(bids)
        self.asks.apply(asks)
        self._refuse_crossed()

    def depth_bands(self) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        """Quantity of bids and asks within each of ``BAND_BPS`` of mid, cumulative.

        Band ``b`` holds bids with ``price >= mid * (1 - b/10000)`` and asks with
        ``price <= mid * (1 + b/10000)``, compared in integers. ``None`` for a band that reaches
        beyond what is known, and for all while a side is empty and there is no mid.
        """
        bid, ask = self.bids.best(), self.asks.best()
        if bid is None or ask is None:
            nothing = (None,) * len(BAND_BPS)
            return nothing, nothing
        twice_mid = bid + ask
        # price >= mid * (1 - b/10000)  <=>  20000 * price >= (bid + ask) * (10000 - b)
        lowest = [twice_mid * (_BPS - bps) for bps in BAND_BPS]
        highest = [twice_mid * (_BPS + bps) for bps in BAND_BPS]
        return self.bids.depths(lowest), self.asks.depths([-limit for limit in highest])

    def clear_flows(self) -> None:
        """Begin to sum what is added and removed anew."""
        self.bids.added = self.bids.removed = self.asks.added = self.asks.removed = 0

    def rescale(self, price_factor: int, qty_factor: int) -> None:
        """Multiply every price and quantity."""
        self.bids.rescale(price_factor, qty_factor)
        self.asks.rescale(price_factor, qty_factor)

    def _refuse_crossed(self) -> None:
        bid, ask = self.bids.best(), self.asks.best()
        if bid is not None and ask is not None and bid >= ask:
            raise CrossedBook(
                f"best bid {bid} at or above best ask {ask} (in price units): "
                "book dropped until a snapshot"
            )
