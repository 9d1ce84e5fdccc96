"""Measures of one book, in its own integers: no state, no units that matter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import mul

from schemas.frame import Book


def is_sound(book: Book) -> bool:
    """Whether the book has both sides and is not crossed.

    >>> is_sound(Book(1, None, (9,), (1,), (10,), (1,)))
    True
    """
    return bool(book.bid_price and book.ask_price) and book.ask_price[0] > book.bid_price[0]


def rank_imbalance(book: Book, depths: Sequence[int]) -> float:
    """Mean over ``depths`` of ``(bid - ask) / (bid + ask)`` of the best levels; [-1, 1].

    ``depths`` rise; nested, they weigh a level more the nearer it is. The book has both sides.

    >>> book = Book(1, None, (9, 8), (3, 1), (10, 11), (1, 3))
    >>> rank_imbalance(book, (1, 2))
    0.25
    """
    total = 0.0
    bid = ask = start = 0
    for depth in depths:
        bid += sum(book.bid_qty[start:depth])  # ints
        ask += sum(book.ask_qty[start:depth])  # ints
        total += (bid - ask) / (bid + ask)
        start = depth
    return total / len(depths)


def distance_imbalance(book: Book, usual_spread: float) -> float:
    """``(bid - ask) / (bid + ask)`` with each level weighted by its distance from mid; [-1, 1].

    The weight is ``s / (s + d)`` with distance ``d`` and the symbol's usual spread ``s``, both in
    price mantissas.

    >>> round(distance_imbalance(Book(1, None, (9, 8), (3, 1), (10, 11), (1, 3)), 1.0), 3)
    0.125
    """
    mid = (book.bid_price[0] + book.ask_price[0]) / 2
    origin = usual_spread + mid
    bid = 0.0
    for price, qty in zip(book.bid_price, book.bid_qty, strict=True):
        bid += qty / (origin - price)
    origin = usual_spread - mid
    ask = 0.0
    for price, qty in zip(book.ask_price, book.ask_qty, strict=True):
        ask += qty / (origin + price)
    return (bid - ask) / (bid + ask)


def common_reach(book: Book) -> tuple[int, int, int]:
    """Depth a side as far as both sides are known, and twice that distance from mid.

    Returns (bid quantity, ask quantity, twice the distance), all mantissas.

    >>> common_reach(Book(1, None, (9, 8), (3, 1), (11, 13), (1, 3)))
    (4, 1, 4)
    """
    twice = book.bid_price[0] + book.ask_price[0]
    bid_reach, ask_reach = twice - 2 * book.bid_price[-1], 2 * book.ask_price[-1] - twice
    bids, asks = len(book.bid_price), len(book.ask_price)
    if bid_reach > ask_reach:
        bids = bisect_right(book.bid_price, ask_reach - twice, key=_negative_twice)
    elif ask_reach > bid_reach:
        asks = bisect_right(book.ask_price, (twice + bid_reach) // 2)
    bid, ask = sum(book.bid_qty[:bids]), sum(book.ask_qty[:asks])  # ints
    return bid, ask, min(bid_reach, ask_reach)


def _negative_twice(price: int) -> int:
    return -2 * price


def concentration(quantities: Sequence[int]) -> float:
    """Herfindahl index of a side's levels, rescaled to [0, 1]: 0 evenly spread, 1 all on one level.

    ``(H - 1/n) / (1 - 1/n)`` with ``H = sum (q / total) ** 2``; 1 for a single level.

    >>> concentration((5, 5)), concentration((5, 0))
    (0.0, 1.0)
    """
    count = len(quantities)
    if count < 2:
        return 1.0
    total = sum(quantities)  # ints
    squares: int = sum(map(mul, quantities, quantities))  # ints
    herfindahl = squares / (total * total)
    return (herfindahl - 1 / count) / (1 - 1 / count)


def fill_cost(
    quantity: float, *, prices: Sequence[int], quantities: Sequence[int], twice_mid: int
) -> float:
    """Mean distance from mid, in price mantissas, at which a market order of ``quantity`` fills.

    ``quantity`` is in quantity mantissas. What the known levels do not hold is priced at the last
    of them, so more depth never makes an order dearer.

    >>> fill_cost(4.0, prices=(101, 103), quantities=(2, 1), twice_mid=200)
    2.0
    """
    totals = list(accumulate(quantities))
    level = bisect_left(totals, quantity)  # where it ends
    filled = totals[level - 1] if level else 0
    price = prices[level] if level < len(prices) else prices[-1]
    paid: int = 2 * sum(map(mul, quantities[:level], prices)) - filled * twice_mid  # ints
    return abs(paid + (quantity - filled) * (2 * price - twice_mid)) / (2.0 * quantity)


def walls(
    prices: Sequence[int], quantities: Sequence[int], *, multiple: float
) -> tuple[int, int, float]:
    """Levels at least ``multiple`` times the mean of the side's other levels.

    Returns (how many, price mantissa of the largest, its multiple); the price is that of the
    best level where there is no wall, the multiple 0 for a single level.

    >>> walls((9, 8, 7), (1, 1, 20), multiple=5.0)
    (1, 7, 20.0)
    """
    others = len(quantities) - 1
    largest, total = max(quantities), sum(quantities)  # ints
    if not others or total == largest:
        return 0, prices[0], 0.0
    times = largest * others / (total - largest)
    edge = multiple * total / (others + multiple)
    if largest < edge:
        return 0, prices[0], times
    count = sum(map(edge.__le__, quantities))  # ints
    return count, prices[quantities.index(largest)], times
