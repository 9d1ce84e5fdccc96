"""The full book of one symbol, in the decimal text that the wire carries."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from decimal import Decimal

from streams.events import Levels


class BookSide:
    """One side: levels by price, best first in :meth:`top`.

    Keys are ``sign * float(price)`` (bids +1, asks −1), ascending, so the best is last and a change
    near it is cheap. Decimal texts of up to 15 digits are told apart and ordered exactly by their
    floats.
    """

    __slots__ = ("_keys", "_levels", "_sign")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[float] = []
        self._levels: dict[float, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def replace(self, levels: Iterable[tuple[str, str]]) -> None:
        """Take these levels and no other."""
        self._levels = {self._sign * float(p): (p, q) for p, q in levels if float(q)}
        self._keys = sorted(self._levels)

    def apply(self, levels: Iterable[tuple[str, str]]) -> None:
        """Set the quantities of changed levels; zero removes one."""
        for price, qty in levels:
            key = self._sign * float(price)
            there = key in self._levels
            if float(qty):
                self._levels[key] = (price, qty)
                if not there:
                    insort(self._keys, key)
            elif there:
                del self._levels[key], self._keys[bisect_left(self._keys, key)]

    def top(self, count: int | None = None) -> Levels:
        """The best ``count`` levels, or all."""
        keys = self._keys[::-1] if count is None else self._keys[: -count - 1 : -1]
        return [self._levels[key] for key in keys]

    def levels(self) -> Iterator[tuple[str, str]]:
        """All levels, the best first."""
        return (self._levels[key] for key in reversed(self._keys))

    def at(self, price: Decimal) -> str:
        """Quantity at a price; 0 where there is none."""
        level = self._levels.get(self._sign * float(price))
        return "0" if level is None else level[1]

    def best(self) -> tuple[str, str] | None:
        """Price and quantity of the best level."""
        return self._levels[self._keys[-1]] if self._keys else None

    def changes_to(self, levels: Iterable[tuple[str, str]]) -> Levels:
        """What must be applied to this side so that it becomes ``levels``."""
        wanted = {self._sign * float(p): (p, q) for p, q in levels if float(q)}
        gone = [(self._levels[k][0], "0") for k in self._keys if k not in wanted]
        return gone + [level for key, level in wanted.items() if self._levels.get(key) != level]


class FullBook:
    """Both sides as of ``update_id``."""

    __slots__ = ("asks", "bids", "update_id")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)
        self.update_id = 0

    def replace(self, update_id: int, bids: Levels, asks: Levels) -> None:
        """Take a whole book."""
        self.bids.replace(bids)
        self.asks.replace(asks)
        self.update_id = update_id

    def apply(self, update_id: int, bids: Levels, asks: Levels) -> None:
        """Take changed levels."""
        self.bids.apply(bids)
        self.asks.apply(asks)
        self.update_id = update_id

    def mid(self) -> float | None:
        """Between best bid and best ask, ``None`` while a side is empty."""
        bid, ask = self.bids.best(), self.asks.best()
        return None if bid is None or ask is None else (float(bid[0]) + float(ask[0])) / 2
