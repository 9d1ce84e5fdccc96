"""What a frame says of the best quotes and of market volume, in exact integers."""

from __future__ import annotations

from schemas.frame import Frame, TradeFlag, Trades

_NON_MARKET = int(TradeFlag.NON_MARKET)


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


def market_volume(trades: Trades) -> int:
    """Traded quantity in mantissas, trades that are not of the market left out.

    >>> market_volume(Trades(price=(5, 5), qty=(2, 3), side=(1, 1), flags=(0, 1)))
    2
    """
    if not any(trades.flags):
        return sum(trades.qty)
    return sum(
        q for q, flag in zip(trades.qty, trades.flags, strict=True) if not flag & _NON_MARKET
    )


def rescaled(mantissa: int, old_exponent: int, new_exponent: int) -> int:
    """A mantissa under another exponent: exact towards finer, rounded to nearest towards coarser.

    >>> rescaled(15, 1, 3), rescaled(1500, 3, 1)
    (1500, 15)
    """
    if new_exponent >= old_exponent:
        return int(mantissa * 10 ** (new_exponent - old_exponent))
    return round(mantissa / 10 ** (old_exponent - new_exponent))
