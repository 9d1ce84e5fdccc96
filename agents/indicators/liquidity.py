"""How liquid a book is, by the symbol's own standards."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.book_shape import is_sound
from agents.indicators.ewma import Ewma
from schemas.frame import Frame

LEVELS = 20
"""Best levels a side that count as depth: known of every book, however far they reach."""


@dataclass
class BookLiquidity:
    """Spread and depth of the book at ticks, each over its own exponential mean before.

    ``spread`` is best ask less best bid, ``depth`` the quantity of the best 20 levels of both
    sides. ``poverty = sqrt(spread ratio / depth ratio)``: 1 is usual, 2 is twice as poor; spread
    and depth weigh alike. Unit: none. Range: (0, inf). Warm-up: two ticks with a sound book; a tick
    without one has no ratios, and joins no mean. Cost per update: two exponentials, O(20).

    >>> from schemas.frame import Book
    >>> thin, thick = (Book(1, None, (9,), (q,), (11,), (q,)) for q in (1, 4))
    >>> liquidity = BookLiquidity()
    >>> for i, book in enumerate((thick, thick, thin)):
    ...     liquidity.update(Frame("v", "s", 0, i, 0, i * 1_000_000_000, True, 0, 0, book=book))
    >>> liquidity.spread, liquidity.depth, liquidity.poverty
    (1.0, 0.25, 2.0)
    """

    usual_spread: Ewma = field(default_factory=lambda: Ewma(half_life_s=600.0))
    usual_depth: Ewma = field(default_factory=lambda: Ewma(half_life_s=600.0))
    spread: float | None = None
    depth: float | None = None

    def update(self, frame: Frame) -> None:
        """Take in the book of one tick."""
        book = frame.book
        self.spread = self.depth = None
        if book is None or not is_sound(book):
            return
        spread = (book.ask_price[0] - book.bid_price[0]) / 10**frame.price_exponent
        levels = sum(book.bid_qty[:LEVELS]) + sum(book.ask_qty[:LEVELS])  # ints
        depth = levels / 10**frame.qty_exponent
        usual_spread, usual_depth = self.usual_spread.value, self.usual_depth.value
        if usual_spread is not None and usual_depth is not None:
            self.spread, self.depth = spread / usual_spread, depth / usual_depth
        self.usual_spread.update(spread, frame.close_ns)
        self.usual_depth.update(depth, frame.close_ns)

    @property
    def poverty(self) -> float | None:
        """How poor the book is, ``None`` without a book or a usual one."""
        if self.spread is None or self.depth is None:
            return None
        return math.sqrt(self.spread / self.depth)
