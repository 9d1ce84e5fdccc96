"""The best levels of a book as a topic tells them: a snapshot, then what changed among them."""

from __future__ import annotations

from streams.events import Levels
from streams.simulator.exchange.book import BookSide, FullBook


class TopLevels:
    """Follows the best ``depth`` levels a side; ``u`` counts what was told."""

    def __init__(self, book: FullBook, depth: int) -> None:
        self.u = 1
        self._book = book
        self._depth = depth
        self._bids = dict(book.bids.top(depth))
        self._asks = dict(book.asks.top(depth))

    def snapshot(self) -> tuple[Levels, Levels]:
        """The levels as they were last told."""
        return list(self._bids.items()), list(self._asks.items())

    def delta(self) -> tuple[Levels, Levels] | None:
        """What changed since they were last told; ``None`` if nothing did."""
        self._bids, bids = _changes(self._bids, self._book.bids, self._depth)
        self._asks, asks = _changes(self._asks, self._book.asks, self._depth)
        if not bids and not asks:
            return None
        self.u += 1
        return bids[::-1], asks


def _changes(before: dict[str, str], side: BookSide, depth: int) -> tuple[dict[str, str], Levels]:
    """The levels now, and those that changed or are gone (quantity 0), by price."""
    now = dict(side.top(depth))
    changed = [level for level in now.items() if before.get(level[0]) != level[1]]
    changed += [(price, "0") for price in before if price not in now]
    changed.sort(key=lambda level: float(level[0]))
    return now, changed
