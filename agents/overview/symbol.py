"""What the overview keeps of one symbol: sums of the open interval, and traces of the past."""

from __future__ import annotations

import math

import msgspec

from agents.indicators.book_shape import is_sound
from agents.indicators.quotes import NOT_NOW, twice_mid
from agents.overview.lead_lag import MoveGrid
from schemas.frame import BAND_BPS, Book, ContractKind, Frame, contract_kind

DEPTH_BPS = 10
"""Distance from mid within which depth is measured; one of ``BAND_BPS``."""

_BAND = BAND_BPS.index(DEPTH_BPS)


class FadingMean(msgspec.Struct, array_like=True):
    """Mean of samples, each worth ``keep`` times the one after it.

    ``sum(keep ** k x_k) / sum(keep ** k)`` with ``k`` samples since. ``None`` before the first.

    >>> mean = FadingMean()
    >>> mean.add(1.0, keep=0.5); mean.add(4.0, keep=0.5)
    >>> mean.value
    3.0
    """

    total: float = 0.0
    weight: float = 0.0

    def add(self, value: float, *, keep: float) -> None:
        """Take a sample."""
        self.total = self.total * keep + value
        self.weight = self.weight * keep + 1.0

    @property
    def value(self) -> float | None:
        """The mean."""
        return self.total / self.weight if self.weight > 0.0 else None


class Interval(msgspec.Struct, array_like=True):
    """The open interval of one symbol; money in its own quote currency."""

    frames: int = 0
    bought: float = 0.0
    sold: float = 0.0
    mid: float | None = None
    spread_bps: float = 0.0
    depth: float = 0.0
    quotes: int = 0
    """Ticks with a two-sided book; spread and depth are sums over them."""
    unpriced: bool = False
    """What a contract is worth is not known, so nothing is counted in money."""


class SymbolState(msgspec.Struct):
    """One symbol. ``returns`` has one entry per interval, ``None`` where there is no return."""

    moves: MoveGrid
    open: Interval = msgspec.field(default_factory=Interval)
    last: Interval = msgspec.field(default_factory=Interval)
    """The interval that was closed last."""
    returns: list[float | None] = msgspec.field(default_factory=list)
    turnover: FadingMean = msgspec.field(default_factory=FadingMean)
    net_flow: FadingMean = msgspec.field(default_factory=FadingMean)
    illiquidity: FadingMean = msgspec.field(default_factory=FadingMean)
    spread_bps: FadingMean = msgspec.field(default_factory=FadingMean)
    depth: FadingMean = msgspec.field(default_factory=FadingMean)
    silent: int = 0
    """Intervals since the last frame."""

    @property
    def present(self) -> bool:
        """Whether a frame came within the interval that was closed last."""
        return self.silent == 0

    def update(self, frame: Frame, *, contract_size: float | None) -> None:
        """Take the next frame of the open interval.

        Turnover is price × quantity × contract size, for inverse contracts quantity × contract
        size (they count in quote currency); trades that are not of the market, or of a moment that
        is over, are left out. Without a contract size nothing is counted in money. Spread and depth
        are read on ticks, which come whether or not there is news, and not off a crossed book. Of a
        book that has been silent for too long nothing is read: it would pass for a calm market.
        Cost: O(trades), on ticks also O(levels) where the frame has no depth bands.
        """
        now = self.open
        now.frames += 1
        if contract_size is None:
            now.unpriced = True
        elif frame.trades.price:
            self._trade(frame, contract_size)
        twice = twice_mid(frame)
        told_by = "touch" if frame.book is None else "book"
        if twice is None or twice <= 0 or told_by in frame.quality.stale:
            return
        mid = now.mid = twice / (2 * 10**frame.price_exponent)
        self.moves.update(mid, frame.close_ns)
        book = frame.book
        if frame.is_tick and book is not None and is_sound(book):
            now.quotes += 1
            now.spread_bps += 2e4 * (book.ask_price[0] - book.bid_price[0]) / twice
            thinner = min(_near(frame, book, 0), _near(frame, book, 1))
            price = 1.0 if contract_kind(frame.symbol) is ContractKind.INVERSE else mid
            now.depth += thinner / 10**frame.qty_exponent * price * (contract_size or 0.0)

    def close(self, boundary_ns: int, *, window: int, keep: float) -> None:
        """The interval is over."""
        now, before = self.open, self.last
        self.moves.pass_time(boundary_ns)
        moved = None
        if now.mid is None:
            self.moves.forget()
        elif before.mid is not None:
            moved = math.log(now.mid / before.mid)
        self.returns.append(moved)
        del self.returns[:-window]
        if now.frames:
            self._add(now, moved, keep)
        self.silent = 0 if now.frames else self.silent + 1
        self.last, self.open = now, Interval()

    def _add(self, now: Interval, moved: float | None, keep: float) -> None:
        if now.quotes:
            self.spread_bps.add(now.spread_bps / now.quotes, keep=keep)
        if now.unpriced:
            return
        turnover = now.bought + now.sold
        self.turnover.add(turnover, keep=keep)
        self.net_flow.add(now.bought - now.sold, keep=keep)
        if now.quotes:
            self.depth.add(now.depth / now.quotes, keep=keep)
        if moved is not None and turnover > 0.0:
            self.illiquidity.add(abs(moved) / turnover, keep=keep)

    def _trade(self, frame: Frame, contract_size: float) -> None:
        tape = frame.trades
        inverse = contract_kind(frame.symbol) is ContractKind.INVERSE
        bought = sold = 0
        for price, qty, side, flag in zip(tape.price, tape.qty, tape.side, tape.flags, strict=True):
            if flag & NOT_NOW:
                continue
            worth = qty if inverse else price * qty
            if side > 0:
                bought += worth
            else:
                sold += worth
        exponent = frame.qty_exponent + (0 if inverse else frame.price_exponent)
        self.open.bought += bought / 10**exponent * contract_size
        self.open.sold += sold / 10**exponent * contract_size


def _near(frame: Frame, book: Book, side: int) -> int:
    """Quantity of a side (0 bids, 1 asks) within ``DEPTH_BPS`` of mid, in mantissas.

    Where the band reaches beyond what is known of the book: what is known of it, a lower bound.
    """
    if frame.bands is not None:
        known = (frame.bands.bid_qty, frame.bands.ask_qty)[side][_BAND]
        if known is not None:
            return known
    prices = (book.bid_price, book.ask_price)[side]
    sizes = (book.bid_qty, book.ask_qty)[side]
    twice = book.bid_price[0] + book.ask_price[0]
    total = 0
    for price, qty in zip(prices, sizes, strict=True):
        if abs(2 * price - twice) * 10_000 > DEPTH_BPS * twice:
            break
        total += qty
    return total
