"""Bars of one symbol in every timeframe, from its trades and from history."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from operator import attrgetter

from agents.indicators.bar import PRICE_SCALE, Bar
from agents.indicators.bar_series import BarSeries, ClosedBar
from schemas.frame import NS_PER_S, Backfill, Frame, TradeFlag

MINUTE_NS = 60 * NS_PER_S
TIMEFRAMES = (("1m", 1), ("5m", 5), ("15m", 15), ("4h", 240))
"""Base, lower, medium and higher timeframe: name and minutes."""

QUIET_NS = 10 * NS_PER_S
"""How long a minute without trades waits for late ones before it closes."""

AHEAD_NS = 60 * NS_PER_S
"""A trade stamped further ahead of its frame has a wrong clock; it would end bars too early."""

_NON_MARKET = int(TradeFlag.NON_MARKET)
_RECOVERED = int(TradeFlag.RECOVERED_LATE)
_TAINTED = attrgetter("tainted")


@dataclass
class MarketBars:
    """1m bars by the trades' exchange time, added up to 5m, 15m and 4h.

    Trades that are not MARKET are left out. A trade that was recovered late, that belongs to a
    closed bar, or whose clock runs ahead is left out and taints the forming bar: closed bars never
    change. In silence bars close by the time that frames tell (``QUIET_NS`` later), measured from
    the last trade, so that a difference between the venue's clock and ours does not matter.
    History (:class:`Backfill`) is taken if it is whole and newer than the last closed bar of its
    timeframe; where several timeframes come, the coarsest comes first. Bars from it are tainted.
    Cost per frame: O(1), the totals of its trades apart.

    >>> from schemas.frame import Trades
    >>> bars = MarketBars()
    >>> for minute in range(3):
    ...     at = minute * MINUTE_NS
    ...     tape = Trades((at,), (at,), (50 + minute,), (2,), (1,), (minute,), (0,))
    ...     closed = bars.update(Frame("v", "s", 0, minute, at, at + 1, True, 1, 0, trades=tape))
    >>> [(c.timeframe, c.bar.close / PRICE_SCALE, c.bar.volume) for c in closed]
    [(0, 5.1, 2.0)]
    """

    series: list[BarSeries] = field(
        default_factory=lambda: [
            BarSeries(period_ns=minutes * MINUTE_NS, rank=rank)
            for rank, (_, minutes) in enumerate(TIMEFRAMES)
        ]
    )
    heard_ns: int | None = None
    """Exchange time of the newest trade, and the close of the frame in which it came."""
    heard_close_ns: int = 0
    left_out: int = 0
    """Trades that came too late or with a wrong clock."""
    version: int = 0
    """Grows with whatever may change a bar: what was read of the bars at a version holds for it."""

    def update(self, frame: Frame) -> list[ClosedBar]:
        """The bars that closed with this frame, in order of time, finer ones first."""
        if frame.trades.price:
            self.version += 1
            return self._trade(frame)
        if frame.is_tick and self.heard_ns is not None:
            now_ns = self.heard_ns + frame.close_ns - self.heard_close_ns - QUIET_NS
            base = self.series[0]
            if base.forming is not None and now_ns >= base.forming.open_ns + base.period_ns:
                self.version += 1
                return self._spread(base.pass_silence(now_ns))
        return []

    def backfill(self, history: Backfill) -> list[ClosedBar]:
        """The bars that closed with this history; of a timeframe that is none of ours, none."""
        found: list[ClosedBar] = []
        for rank, series in enumerate(self.series):
            if series.period_ns == history.timeframe_ns:
                for bar in _bars_of(history):
                    closed = series.take(bar)
                    found += self._spread(closed) if rank == 0 else closed
        self.version += len(found)  # however the bars came, in one piece or in many
        return found

    def forming(self) -> list[Bar | None]:
        """The forming bar of each timeframe, the open minute on top; not to be changed."""
        minute = self.series[0].forming
        if minute is None:
            return [series.forming for series in self.series]
        found: list[Bar | None] = [minute]
        for series in self.series[1:]:
            longer = series.forming
            if longer is not None and longer.open_ns + series.period_ns > minute.open_ns:
                found.append(longer.with_part(minute))
            else:
                found.append(None if series.is_past(minute.open_ns) else minute)
        return found

    @property
    def tainted(self) -> bool:
        """Whether any timeframe remembers a tainted bar."""
        return any(map(_TAINTED, self.series))

    def _trade(self, frame: Frame) -> list[ClosedBar]:
        tape = frame.trades
        totals = tape.totals
        forming = self.series[0].forming
        if forming is None or totals.flagged:
            return self._trade_singly(frame)
        start = forming.open_ns
        if totals.first_ns < start or totals.last_ns >= start + MINUTE_NS:
            return self._trade_singly(frame)
        self._hear(totals.last_ns, frame)
        factor, unit = PRICE_SCALE / 10**frame.price_exponent, 10**frame.qty_exponent
        high, low = totals.high * factor, totals.low * factor
        if high > forming.high:
            forming.high = high
        if low < forming.low:
            forming.low = low
        forming.close = tape.price[-1] * factor
        forming.volume += (totals.bought + totals.sold) / unit
        if forming.bought is not None:
            forming.bought += totals.bought / unit
        forming.trades += len(tape.qty)
        return []

    def _trade_singly(self, frame: Frame) -> list[ClosedBar]:
        """Trade by trade: what is flagged, late, or the first of a bar."""
        tape = frame.trades
        base = self.series[0]
        found: list[ClosedBar] = []
        factor, unit = PRICE_SCALE / 10**frame.price_exponent, 10**frame.qty_exponent
        rows = zip(tape.exchange_ns, tape.price, tape.qty, tape.side, tape.flags, strict=True)
        for at_ns, mantissa, size, side, flag in rows:
            if flag & _NON_MARKET:
                continue
            if flag & _RECOVERED or base.is_past(at_ns) or at_ns > frame.close_ns + AHEAD_NS:
                self._leave_out()
                continue
            price, qty = mantissa * factor, size / unit
            bought = qty if side > 0 else 0.0
            part = Bar(at_ns, price, price, price, price, qty, bought, 1)
            found += self._spread(base.absorb(part))
            self._hear(at_ns, frame)
        return found

    def _hear(self, at_ns: int, frame: Frame) -> None:
        if self.heard_ns is None or at_ns > self.heard_ns:
            self.heard_ns = at_ns
        self.heard_close_ns = frame.close_ns

    def _leave_out(self) -> None:
        self.left_out += 1
        for series in self.series:
            if series.forming is not None:
                series.forming.tainted = True

    def _spread(self, closed: list[ClosedBar]) -> list[ClosedBar]:
        """Closed minutes, with what they close in the longer timeframes."""
        found: list[ClosedBar] = []
        for minute in closed:
            found.append(minute)
            for series in self.series[1:]:
                found += series.absorb(minute.bar)
                found += series.roll(minute.bar.open_ns + MINUTE_NS)
        return found


def _bars_of(history: Backfill) -> list[Bar]:
    """Whole bars of a message, tainted; prices to the nearest 1e-8. What is no bar is left out."""
    bought = history.taker_buy_volume or (None,) * len(history.open_ns)
    trades = history.trades or (0,) * len(history.open_ns)
    found = []
    for i, open_ns in enumerate(history.open_ns):
        prices = (history.open[i], history.high[i], history.low[i], history.close[i])
        volume, buys = history.volume[i], bought[i]
        if open_ns + history.timeframe_ns > history.known_ns or not _is_bar(prices, volume):
            continue
        if buys is not None and not 0.0 <= buys <= volume:
            buys = None  # nobody knows who took
        o, h, l, c = (float(round(price * PRICE_SCALE)) for price in prices)  # noqa: E741
        found.append(Bar(open_ns, o, h, l, c, volume, buys, trades[i], True))
    return found


def _is_bar(prices: tuple[float, ...], volume: float) -> bool:
    """Whether all of it is of this world: numbers, prices above 0 with the range around them."""
    opened, high, low, close = prices
    # Every comparison with what is no number is false.
    around = low <= opened <= high and low <= close <= high
    return around and low > 0.0 and high < math.inf and 0.0 <= volume < math.inf
