"""What really happened to one symbol, for a test to compare with what a client made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.events import Levels
from streams.simulator.exchange.book import FullBook

if TYPE_CHECKING:
    from streams.simulator.exchange.listing import BookChange, Liquidation, Trade


class Truth:
    """Every trade, liquidation and book change since the start. Grows without an end."""

    def __init__(self) -> None:
        self.first: tuple[int, Levels, Levels] = (0, [], [])
        self.trades: list[Trade] = []
        self.liquidations: list[Liquidation] = []
        self.changes: list[BookChange] = []

    def book_at(self, update_id: int) -> FullBook:
        """The book after the update of this id. Raises ``KeyError`` if there was no such update."""
        book = FullBook()
        book.replace(*self.first)
        for change in self.changes:
            if book.update_id >= update_id:
                break
            book.apply(change.last_id, change.bids, change.asks)
        if book.update_id != update_id:
            raise KeyError(update_id)
        return book
