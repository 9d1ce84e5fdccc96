"""Recorded books of a perpetual and of spot at the same minutes, as two venues of one symbol.

No two recordings are of one symbol at two venues. Those of BTC and of ETH are of both markets at
the same time: real books and trades, as they came. Both are given the symbol of the perpetual here,
and keep the names of their venues. What the two differ in price for long, the basis, then passes
for a difference between venues; ``levelled`` takes its mean away, so that what differs for a moment
and the depth remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from schemas.frame import NO_DERIVATIVES, NO_LIQUIDATIONS, ContractKind, Frame, contract_kind
from schemas.money import CONTEXT


def two_books(here: Sequence[Frame], there: Sequence[Frame], *, levelled: bool) -> list[Frame]:
    """The frames that both recordings have the time of, in the order of an account's steps.

    Orders are meant to be decided on frames of ``here``; prices of ``there`` are those that
    ``levelled`` moves. Derivatives and liquidations are left out.
    """
    since_ns = max(_with_book(frames)[0].close_ns for frames in (here, there))
    until_ns = min(frames[-1].close_ns for frames in (here, there))
    away = -basis(here, there) if levelled else Decimal(0)
    (symbol,) = {
        frames[0].symbol
        for frames in (here, there)
        if contract_kind(frames[0].symbol) is ContractKind.LINEAR
    }
    found = [
        _moved(frame, symbol, by)
        for frames, by in ((here, Decimal(0)), (there, away))
        for frame in frames
        if since_ns <= frame.close_ns <= until_ns
    ]
    return sorted(found, key=lambda frame: (frame.close_ns, frame.venue))


def basis(here: Sequence[Frame], there: Sequence[Frame]) -> Decimal:
    """Mean of the other mid less this one at the same closes, in whole steps of the other price."""
    mids = {frame.close_ns: mid_of(frame) for frame in _with_book(here)}
    found = [
        CONTEXT.subtract(mid_of(frame), mids[frame.close_ns])
        for frame in _with_book(there)
        if frame.close_ns in mids
    ]
    mean = CONTEXT.divide(sum(found, Decimal(0)), Decimal(len(found)))
    return mean.quantize(_with_book(there)[0].price(1), rounding=ROUND_HALF_EVEN)


def mid_of(frame: Frame) -> Decimal:
    """Mid of a frame with a two-sided book."""
    assert frame.book is not None
    twice = frame.price(frame.book.bid_price[0] + frame.book.ask_price[0])
    return CONTEXT.divide(twice, Decimal(2))


def _with_book(frames: Sequence[Frame]) -> list[Frame]:
    return [f for f in frames if f.book is not None and f.book.bid_price and f.book.ask_price]


def _moved(frame: Frame, symbol: str, by: Decimal) -> Frame:
    """A frame of another symbol, each of its prices moved by an amount."""
    steps = by.scaleb(frame.price_exponent)
    assert steps == int(steps), f"{by} is no whole step at exponent {frame.price_exponent}"

    def moved(prices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(price + int(steps) for price in prices)

    book, touch = frame.book, frame.touch
    if book is not None:
        book = msgspec.structs.replace(
            book, bid_price=moved(book.bid_price), ask_price=moved(book.ask_price)
        )
    return msgspec.structs.replace(
        frame,
        symbol=symbol,
        trades=msgspec.structs.replace(frame.trades, price=moved(frame.trades.price)),
        touch=msgspec.structs.replace(
            touch, bid_price=moved(touch.bid_price), ask_price=moved(touch.ask_price)
        ),
        book=book,
        liquidations=NO_LIQUIDATIONS,
        derivatives=NO_DERIVATIVES,
    )
