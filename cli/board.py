"""What the live view knows, gathered from records alone: where they come from does not matter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from schemas.frame import Backfill, Frame, Message, Quality
from schemas.money import CONTEXT
from schemas.order import Position
from schemas.score import ConfluenceScore, DimensionScore
from schemas.series import Series
from schemas.signal import Signal
from schemas.topics import Topic


@dataclass
class SymbolRow:
    """The latest of one symbol. ``None`` is "not heard of yet"."""

    venue: str
    symbol: str
    price: Decimal | None = None
    decimals: int = 2
    score: float | None = None
    reliability: float | None = None
    faces: dict[str, float | None] = field(default_factory=dict)
    signal: Signal | None = None
    position: Position | None = None
    quality: Quality = field(default_factory=Quality)
    close_ns: int = 0

    def unrealised(self) -> Decimal:
        """What closing the position at the last mid would earn, before fees; 0 when flat."""
        held = self.position
        if held is None or self.price is None or not held.qty:
            return Decimal(0)
        return CONTEXT.multiply(held.qty, CONTEXT.subtract(self.price, held.average_price))

    def profit(self) -> Decimal:
        """Realised and unrealised profit less fees."""
        held = self.position
        if held is None:
            return Decimal(0)
        realised = CONTEXT.subtract(held.realised_pnl, held.fees)
        return CONTEXT.add(realised, self.unrealised())

    def feed(self, now_ns: int, *, silent_after_ns: int) -> str:
        """Health of the feed in a word or two; ``ok`` if nothing is wrong."""
        if now_ns - self.close_ns > silent_after_ns:
            return "silent"
        if not self.quality.book_synced:
            return "no book"
        if self.quality.stale:
            return "stale " + ",".join(self.quality.stale)
        if self.quality.missing_ids and self.quality.ids_verifiable:
            return f"gap {self.quality.missing_ids}"
        return "ok"


class Board:
    """The latest of every symbol and of the account, from records in the order of their log."""

    def __init__(self, *, start_balance: Decimal) -> None:
        self.rows: dict[tuple[str, str], SymbolRow] = {}
        self.counts: Counter[str] = Counter()
        self.close_ns = 0
        self._balance = start_balance

    def add(self, topic: Topic, message: Message) -> None:
        """Take one record; history and series are not shown."""
        if isinstance(message, Backfill | Series):
            return
        self.counts[topic.name] += 1
        match message:
            case Frame():
                self._frame(message)
            case DimensionScore():
                self._row(message.venue, message.symbol).faces[message.dimension] = message.score
            case ConfluenceScore():
                row = self._row(message.venue, message.symbol)
                row.score, row.reliability = message.score, message.reliability
            case Signal():
                self._row(message.venue, message.symbol).signal = message
            case Position():
                self._row(message.venue, message.symbol).position = message
                self._balance = message.balance
            case _:
                pass

    @property
    def balance(self) -> Decimal:
        """Balance of the account after its last fill."""
        return self._balance

    @property
    def equity(self) -> Decimal:
        """Balance plus what the open positions would earn at the last mids."""
        total = self._balance
        for row in self.rows.values():
            total = CONTEXT.add(total, row.unrealised())
        return total

    def _row(self, venue: str, symbol: str) -> SymbolRow:
        key = (venue, symbol)
        if key not in self.rows:
            self.rows[key] = SymbolRow(venue, symbol)
            self.rows = dict(sorted(self.rows.items()))
        return self.rows[key]

    def _frame(self, frame: Frame) -> None:
        row = self._row(frame.venue, frame.symbol)
        row.close_ns = frame.close_ns
        row.quality = frame.quality
        row.decimals = max(frame.price_exponent, 0)
        self.close_ns = max(self.close_ns, frame.close_ns)
        book = frame.book
        if book is not None and book.bid_price and book.ask_price:
            twice = frame.price(book.bid_price[0] + book.ask_price[0])
            row.price = CONTEXT.divide(twice, Decimal(2))
