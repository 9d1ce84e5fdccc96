"""What a frame says of the best quotes and of market volume, in its own integers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, count
from operator import ne

from schemas.frame import Frame, TradeFlag, Trades

NOT_NOW = int(TradeFlag.NON_MARKET | TradeFlag.RECOVERED_LATE)
"""Trades that are no flow of the moment: not of the market, or of a moment that is over. Minutes
that come back after an outage would be a burst of one frame."""

_LARGEST = 2**63 - 1


def twice_mid(frame: Frame) -> int | None:
    """Best bid plus best ask at the close, in price mantissas; ``None`` without both sides.

    From the book, or from the last touch change where the frame carries no book.

    >>> from schemas.frame import Book
    >>> book = Book(1, None, bid_price=(99,), bid_qty=(1,), ask_price=(102,), ask_qty=(1,))
    >>> twice_mid(Frame("v", "s", 0, 0, 0, 1, True, 0, 0, book=book))
    201
    """
    book = frame.book
    if book is not None:
        if not book.bid_price or not book.ask_price:
            return None
        return book.bid_price[0] + book.ask_price[0]
    touch = frame.touch
    if not touch.bid_qty or not touch.bid_qty[-1] or not touch.ask_qty[-1]:
        return None
    return touch.bid_price[-1] + touch.ask_price[-1]


def aggressor_volumes(trades: Trades) -> tuple[int, int]:
    """Quantities bought and sold by aggressors, in mantissas; what is :data:`NOT_NOW` left out.

    >>> aggressor_volumes(Trades(price=(5, 5, 5), qty=(2, 3, 4), side=(1, 1, -1), flags=(0, 1, 0)))
    (2, 4)
    """
    totals = trades.totals
    if not totals.flagged:
        return totals.bought, totals.sold
    bought = sold = 0
    for qty, side, flag in zip(trades.qty, trades.side, trades.flags, strict=True):
        if not flag & NOT_NOW:
            if side > 0:
                bought += qty
            else:
                sold += qty
    return bought, sold


def price_moves(before: int, prices: tuple[int, ...]) -> Sequence[int]:
    """Which of a side's changes moved its price; most touch changes are of quantity alone.

    >>> price_moves(9, (9, 8, 8, 9))
    [1, 3]
    """
    if prices.count(before) == len(prices):
        return ()
    return list(compress(count(), map(ne, prices, (before, *prices))))


def queue_growth(
    price: int, qty: int, prices: tuple[int, ...], quantities: tuple[int, ...], *, sign: int
) -> int:
    """Net quantity that came to a side (1 bid, -1 ask) whose best quote was ``qty`` at ``price``.

    While the price stays, that is the queue at the end less the one at the start. A better price
    leaves its old queue standing, a worse one only uncovers what stood there. A side without
    orders has no price: it was emptied, or filled anew.

    >>> queue_growth(9, 5, (9, 10, 9), (8, 2, 8), sign=1)
    3
    """
    growth = quantities[-1] - qty
    for i in price_moves(price, prices):
        before, left = (prices[i - 1], quantities[i - 1]) if i else (price, qty)
        found = quantities[i]
        if left and found:
            growth += left if (prices[i] - before) * sign > 0 else -found
    return growth


def rescaled(mantissa: int, old_exponent: int, new_exponent: int) -> int:
    """A mantissa under another exponent: exact towards finer, rounded to nearest towards coarser.

    Held to what a frame can carry (64 bits): beyond it no quote of the new exponent equals it.

    >>> rescaled(15, 1, 3), rescaled(1500, 3, 1)
    (1500, 15)
    """
    factor: int = 10 ** abs(new_exponent - old_exponent)
    if new_exponent < old_exponent:
        return round(mantissa / factor)
    return min(max(mantissa * factor, -_LARGEST), _LARGEST)
