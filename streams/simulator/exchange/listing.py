"""One symbol as a venue lists it: rules, book, tape, bars and derivatives state, kept by events."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

import msgspec

from schemas.frame import NS_PER_S, ContractKind, Side
from streams.events import (
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    Levels,
    LiquidationEvent,
    TouchEvent,
    TradeEvent,
)
from streams.simulator.exchange.bars import Bar, Bars
from streams.simulator.exchange.book import FullBook
from streams.simulator.exchange.derivatives import Derivatives
from streams.simulator.exchange.past import MadePast
from streams.simulator.exchange.truth import Truth
from streams.simulator.market.source import Rules

TRADES_KEPT = 5_000
"""How far back trades can be had by REST, per symbol."""
LIQUIDATIONS_KEPT = 100
_LEVELS_OF_A_MINUTE = 20
_DAY_NS = 86_400 * NS_PER_S


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A trade; ``side`` is the aggressor's."""

    id: int
    price: str
    qty: str
    side: Side
    time_ns: int


class BookChange(msgspec.Struct, frozen=True, gc=False):
    """Levels that changed, as update ``last_id`` of the book, the one after ``prev_id``.

    ``touched`` is whether best bid or best ask changed.
    """

    last_id: int
    prev_id: int
    time_ns: int
    bids: Levels
    asks: Levels
    touched: bool


class Liquidation(msgspec.Struct, frozen=True, gc=False):
    """A position closed by force; ``side`` is that of the order that closes it."""

    side: Side
    price: str
    qty: str
    time_ns: int


class Marked(msgspec.Struct, frozen=True, gc=False):
    """Derivatives state changed."""

    time_ns: int


Update: TypeAlias = Trade | BookChange | Liquidation | Marked
"""What an event means to those who listen to a symbol."""


@dataclass(frozen=True)
class Day:
    """The last 24 hours: first price, extremes, last price, and what was traded."""

    first: float
    high: float
    low: float
    last: float
    volume: float
    quote: float
    trades: int


class Listing:
    """State of one symbol of one venue.

    ``venue_id`` is the venue's own name, ``symbol`` the unified one. ``active`` turns false when it
    is delisted. ``truth`` keeps everything that happened, where a test asked for it. The first
    event must be a snapshot; it makes the past that bars have.
    """

    def __init__(self, rules: Rules, *, venue_id: str, seed: str, truth: Truth | None) -> None:
        self.rules = rules
        self.venue_id = venue_id
        self.active = True
        self.truth = truth
        self.book = FullBook()
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.liquidations: deque[Liquidation] = deque(maxlen=LIQUIDATIONS_KEPT)
        self.start_ns = 0
        self.now_ns = 0
        self._seed = seed
        self._day: tuple[int, Day] | None = None

    @property
    def symbol(self) -> str:
        """Unified name."""
        return self.rules.symbol

    @property
    def is_contract(self) -> bool:
        """Whether it is a derivative."""
        return self.rules.kind is not ContractKind.SPOT

    def price(self, value: float) -> str:
        """A price as the wire writes it."""
        return f"{value:.{self.rules.price_decimals}f}"

    def qty(self, value: float) -> str:
        """A quantity as the wire writes it."""
        return f"{value:.{self.rules.qty_decimals}f}"

    def apply(self, event: Event) -> Update | None:
        """Take the next event of the source."""
        match event:
            case TradeEvent():
                return self._trade(event)
            case BookDiff():
                return self._diff(event)
            case BookSnapshot():
                return self._snapshot(event)
            case LiquidationEvent():
                # A long is closed by a sale.
                side = Side.SELL if event.side > 0 else Side.BUY
                forced = Liquidation(side, event.price, event.qty, event.exchange_ns)
                self.liquidations.append(forced)
                if self.truth is not None:
                    self.truth.liquidations.append(forced)
                return forced
            case DerivativesEvent():
                self.derivatives.take(event)
                return Marked(event.known_ns)
            case TouchEvent():
                return None  # the book tells

    def last_price(self) -> float:
        """Price of the latest trade, or where the past ends."""
        return self.bars.last_price

    def day(self) -> Day:
        """Of the 24 hours to now: volumes as of this second of market time, prices as of now."""
        second = self.now_ns // NS_PER_S
        if self._day is None or self._day[0] != second:
            self._day = (second, self._day_to_now())
        day, last = self._day[1], self.last_price()
        if last == day.last:
            return day
        return replace(day, last=last, high=max(day.high, last), low=min(day.low, last))

    def last_bar(self, timeframe_ns: int) -> Bar:
        """The bar that is not over yet."""
        self.bars.settle(self.now_ns)
        open_ns = self.now_ns // timeframe_ns * timeframe_ns
        return self.bars.bars(timeframe_ns, first_ns=open_ns, last_ns=open_ns)[-1]

    def retick(self, tick: Decimal) -> None:
        """Announce another tick size; the market itself goes on as it was."""
        self.rules = replace(self.rules, tick_size=tick)

    def _trade(self, event: TradeEvent) -> Trade:
        trade = Trade(int(event.id), event.price, event.qty, Side(event.side), event.exchange_ns)
        self.trades.append(trade)
        bought = trade.side is Side.BUY
        self.bars.add(trade.time_ns, price=float(trade.price), qty=float(trade.qty), bought=bought)
        if self.truth is not None:
            self.truth.trades.append(trade)
        return trade

    def _diff(self, event: BookDiff) -> BookChange:
        return self._change(event.last_id, event.exchange_ns, event.bids, event.asks)

    def _snapshot(self, event: BookSnapshot) -> BookChange | None:
        book = self.book
        if not self.start_ns:
            self._begin(event)
            return None
        # The source starts anew; who listens is told by a change like any other.
        bids, asks = book.bids.changes_to(event.bids), book.asks.changes_to(event.asks)
        last_id = max(event.update_id, book.update_id + 1)
        return self._change(last_id, event.exchange_ns, bids, asks)

    def _change(
        self, last_id: int, exchange_ns: int | None, bids: Levels, asks: Levels
    ) -> BookChange:
        book = self.book
        before = (book.bids.best(), book.asks.best())
        prev_id = book.update_id
        book.apply(last_id, bids, asks)
        touched = (book.bids.best(), book.asks.best()) != before
        change = BookChange(last_id, prev_id, exchange_ns or self.now_ns, bids, asks, touched)
        if self.truth is not None:
            self.truth.changes.append(change)
        return change

    def _begin(self, event: BookSnapshot) -> None:
        self.start_ns = self.now_ns
        self.book.replace(event.update_id, event.bids, event.asks)
        if self.truth is not None:
            self.truth.first = (event.update_id, list(event.bids), list(event.asks))
        mid = self.book.mid()
        tick = float(self.rules.tick_size)
        price = tick if mid is None else round(mid / tick) * tick
        near = self.book.bids.top(_LEVELS_OF_A_MINUTE) + self.book.asks.top(_LEVELS_OF_A_MINUTE)
        minute_qty = sum(float(qty) for _, qty in near) / 2
        past = MadePast(
            self._seed, start_ns=self.start_ns, price=price, tick=tick, minute_qty=minute_qty
        )
        self.bars = Bars(past, start_ns=self.start_ns, price=price)
        self.derivatives = Derivatives(self._seed, start_ns=self.start_ns)

    def _day_to_now(self) -> Day:
        self.bars.settle(self.now_ns)
        day = self.bars.sum(first_ns=self.now_ns - _DAY_NS)
        return Day(
            first=day.open,
            high=day.high,
            low=day.low,
            last=day.close,
            volume=day.volume,
            quote=day.quote,
            trades=round(day.trades),
        )
