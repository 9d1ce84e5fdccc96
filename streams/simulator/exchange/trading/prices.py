"""Prices of a listing as exact decimals."""

from __future__ import annotations

from decimal import Decimal

from schemas.frame import Side
from streams.simulator.exchange.listing import Listing


def last_price(listing: Listing) -> Decimal:
    """Price of the last trade, or where the past ends."""
    if listing.trades:
        return Decimal(listing.trades[-1].price)
    return Decimal(listing.price(listing.last_price()))


def mark_price(listing: Listing) -> Decimal:
    """The price that positions are valued at: of spot, and where no mark is told, the last."""
    told = listing.derivatives.mark_price if listing.is_contract else None
    return last_price(listing) if told is None else Decimal(told)


def index_price(listing: Listing) -> Decimal:
    """The index, or the mark price where none is told."""
    told = listing.derivatives.index_price if listing.is_contract else None
    return mark_price(listing) if told is None else Decimal(told)


def best_price(listing: Listing, side: Side) -> Decimal | None:
    """Best price that an order of this side would take; ``None`` without one."""
    book = listing.book
    level = (book.asks if side is Side.BUY else book.bids).best()
    return None if level is None else Decimal(level[0])
