"""How makers keep their quotes: what they put back, how fast, and who mends the spread."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.decay import fade
from agents.indicators.ewma import Ewma
from agents.indicators.quotes import rescaled
from schemas.frame import NS_PER_S, Frame, Side

Quotes = tuple[tuple[int, ...], tuple[int, ...]]
"""Best prices and quantities of one side, change by change."""


@dataclass
class QuoteSide:
    """One side of the touch and what its makers did lately.

    ``sign`` (1 bid, -1 ask) turns prices so that a higher one is a better quote: both sides then
    follow the same rules.
    """

    sign: int = 1
    timeout_s: float = 5.0
    """A quote that is missed for longer is no longer waited for."""
    price: int = 0
    qty: int = 0
    hit: bool = False
    """A trade took from this side since its quote last changed."""
    lost_price: int = 0
    lost_qty: int = 0
    lost_ns: int | None = None
    """The quote that a trade took away, and since when it is missed."""
    added: float = 0.0
    mended: float = 0.0
    refresh_s: float = 0.0
    refreshes: float = 0.0

    def fade(self, kept: float) -> None:
        """Forget all but a share of what was seen."""
        self.added *= kept
        self.mended *= kept
        self.refresh_s *= kept
        self.refreshes *= kept

    def walk(self, frame: Frame, mine: Quotes, *, theirs: Quotes, wide: float | None) -> int:
        """Follow this side through the frame's touch changes; what was added net, in mantissas.

        ``theirs`` are the opposite quotes, ``wide`` the spread above which coming nearer mends it.
        """
        sign, price, qty, hit, lost_ns = self.sign, self.price, self.qty, self.hit, self.lost_ns
        lost_price, lost_qty = self.lost_price, self.lost_qty
        # A buy takes from the ask, a sell from the bid.
        taker = Side.SELL if sign > 0 else Side.BUY
        sides, befores, times = frame.trades.side, frame.touch.trades_before, frame.touch.receive_ns
        total = taken = 0
        for i, new_price, new_qty in zip(range(len(times)), *mine, strict=True):
            if new_price == price:
                if new_qty == qty:
                    continue
                added = new_qty - qty
            elif not qty or not new_qty:
                added = new_qty - qty
            elif (new_price - price) * sign < 0:
                added = -qty
            else:
                added = new_qty
                if wide is not None and theirs[1][i]:
                    spread = (theirs[0][i] - price) * sign
                    self._mend((new_price - price) * sign, spread - wide, wide)
            total += added
            if lost_ns is not None:
                # What was missed is back with its equal, or with something better.
                ahead = (new_price - lost_price) * sign
                if ahead >= 0 and new_qty and (ahead or new_qty >= lost_qty):
                    self.refreshed(times[i])
                    lost_ns = None
            elif added < 0 and (hit or taker in sides[taken : befores[i]]):
                self.lost_price, self.lost_qty = lost_price, lost_qty = price, qty
                self.lost_ns = lost_ns = times[i]
            hit, taken = False, befores[i]
            price, qty = new_price, new_qty
        self.price, self.qty = price, qty
        self.hit = hit or taker in sides[taken:]
        return total

    def refreshed(self, at_ns: int) -> None:
        """The quote that was missed is back, or is no longer waited for."""
        if self.lost_ns is not None:
            waited_s = (at_ns - self.lost_ns) / NS_PER_S
            self.refresh_s += min(max(waited_s, 0.0), self.timeout_s)
            self.refreshes += 1.0
            self.lost_ns = None

    def _mend(self, better: int, excess: float, wide: float) -> None:
        """Credit the side for coming nearer while the spread is wider than usual, at most 1."""
        if excess > 0.0:
            self.mended += min(better, excess, wide) / wide

    def rescale_prices(self, old: int, new: int) -> None:
        """Take over another price exponent."""
        self.price = rescaled(self.price, old, new)
        self.lost_price = rescaled(self.lost_price, old, new)

    def rescale_quantities(self, old: int, new: int) -> None:
        """Take over another quantity exponent."""
        self.qty = rescaled(self.qty, old, new)
        self.lost_qty = rescaled(self.lost_qty, old, new)


@dataclass
class MakerQuotes:
    """Signed measures of passive quoting; + is makers standing on the bid.

    Read from every change of the touch, trades in between:

    - ``inventory = A_bid - A_ask``: quantity put to the bid net of cancels, what trades took not
      counted as one, less the same on the ask (decaying sums). Unit: quantity.
    - ``refresh = (T_ask - T_bid) / (T_ask + T_bid)``, ``T`` the mean time until a quote that a
      trade took from is back at its price or better with its quantity, at most its ``timeout_s``.
      Range [-1, 1].
    - ``upkeep = (M_bid - M_ask) / (M_bid + M_ask + 1)``: by how much each side came nearer while
      the spread was wider than usual, in usual spreads, at most one per change. Range (-1, 1).

    Warm-up: a touch; ``ready`` refreshes a side for ``refresh``, a usual spread (two ticks with
    quotes) for ``upkeep``. Cost per update: O(touch changes).

    >>> from schemas.frame import Touch
    >>> touch = Touch(receive_ns=(1, 2), bid_price=(9, 9), bid_qty=(5, 8), ask_price=(10, 10),
    ...               ask_qty=(5, 5), trades_before=(0, 0))
    >>> quotes = MakerQuotes()
    >>> quotes.update(Frame("v", "s", 0, 0, 0, 3, True, 0, 0, touch=touch), bought=0.0, sold=0.0)
    >>> quotes.inventory
    3.0
    """

    half_life_s: float = 60.0
    ready: float = 2.0
    bid: QuoteSide = field(default_factory=QuoteSide)
    ask: QuoteSide = field(default_factory=lambda: QuoteSide(sign=-1))
    usual_spread: Ewma = field(default_factory=lambda: Ewma(half_life_s=300.0))
    price_exponent: int = 0
    qty_exponent: int = 0
    started: bool = False
    seen_ns: int | None = None

    def update(self, frame: Frame, *, bought: float, sold: float) -> None:
        """Take in one frame, whose aggressors traded so much."""
        bid, ask = self.bid, self.ask
        if self.seen_ns is not None:
            kept = fade(frame.close_ns - self.seen_ns, self.half_life_s)
            bid.fade(kept)
            ask.fade(kept)
        self.seen_ns = frame.close_ns
        if frame.price_exponent != self.price_exponent or frame.qty_exponent != self.qty_exponent:
            self._adopt(frame.price_exponent, frame.qty_exponent)
        if frame.touch.bid_qty:
            self._walk(frame)
        if self.started:
            # What a trade took is no cancel: it is given back to the side that was hit.
            bid.added += sold
            ask.added += bought
        if bid.lost_ns is not None or ask.lost_ns is not None:
            self._give_up(frame.close_ns)
        if frame.is_tick and bid.qty and ask.qty:
            spread = (ask.price - bid.price) / 10**frame.price_exponent
            self.usual_spread.update(spread, frame.close_ns)

    @property
    def inventory(self) -> float | None:
        """Quantity that makers put to the bid, less what they put to the ask."""
        return self.bid.added - self.ask.added if self.started else None

    @property
    def upkeep(self) -> float | None:
        """How much more of wide spreads the bid mended than the ask."""
        if self.usual_spread.value is None:
            return None
        bid, ask = self.bid.mended, self.ask.mended
        return (bid - ask) / (bid + ask + 1.0)

    @property
    def refresh(self) -> float | None:
        """How much faster the bid comes back after trades than the ask."""
        bid_s, ask_s = self.refresh_time(self.bid), self.refresh_time(self.ask)
        if bid_s is None or ask_s is None or bid_s + ask_s <= 0.0:
            return None
        return (ask_s - bid_s) / (ask_s + bid_s)

    def refresh_time(self, side: QuoteSide) -> float | None:
        """Mean seconds until a side's quote is back, ``None`` while it was hit too rarely."""
        return side.refresh_s / side.refreshes if side.refreshes >= self.ready else None

    def _walk(self, frame: Frame) -> None:
        touch = frame.touch
        bid, ask = self.bid, self.ask
        if not self.started:
            self.started = True
            bid.price, bid.qty = touch.bid_price[0], touch.bid_qty[0]
            ask.price, ask.qty = touch.ask_price[0], touch.ask_qty[0]
        usual = self.usual_spread.value
        wide = None if usual is None or usual <= 0.0 else usual * 10**frame.price_exponent
        bids, asks = (touch.bid_price, touch.bid_qty), (touch.ask_price, touch.ask_qty)
        scale = 10**frame.qty_exponent
        bid.added += bid.walk(frame, bids, theirs=asks, wide=wide) / scale
        ask.added += ask.walk(frame, asks, theirs=bids, wide=wide) / scale

    def _give_up(self, close_ns: int) -> None:
        """A quote that is missed for too long counts with the longest time."""
        for side in (self.bid, self.ask):
            lost_ns = side.lost_ns
            if lost_ns is not None and close_ns - lost_ns >= side.timeout_s * NS_PER_S:
                side.refreshed(close_ns)

    def _adopt(self, price_exponent: int, qty_exponent: int) -> None:
        """Take over the frame's exponents."""
        for side in (self.bid, self.ask):
            side.rescale_prices(self.price_exponent, price_exponent)
            side.rescale_quantities(self.qty_exponent, qty_exponent)
        self.price_exponent, self.qty_exponent = price_exponent, qty_exponent
