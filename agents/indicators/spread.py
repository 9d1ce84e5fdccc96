"""What takers pay, and how the mid moves after they traded."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from agents.indicators.decay import fade
from agents.indicators.fitness import MAX_SILENCE_NS
from agents.indicators.quotes import rescaled, twice_mid
from schemas.frame import NS_PER_S, Frame, TradeFlag

_UNUSABLE = int(TradeFlag.NON_MARKET | TradeFlag.RECOVERED_LATE)
"""A trade that became known late says nothing of the mid in its frame."""
_PENDING = 32


@dataclass
class Await:
    """Trades that wait for the mid at their horizon; volume ``v``, side ``s``, mid ``m``."""

    close_ns: int
    twice: int
    """Twice the mid, in mantissas, that the other sums are relative to."""
    volume: float
    signed: float
    """Sum of ``s v``."""
    volume_mid: float
    """Sum of ``v (m - base)``."""
    signed_mid: float
    """Sum of ``s v (m - base)``."""
    cost: float
    """Sum of ``s v (price - m)``."""


@dataclass
class TradeSpreads:
    """Effective and realised half-spread of trades, and the drift of the mid behind them.

    For a trade at ``p`` by side ``s`` with mid ``m`` before it and ``m_h`` a horizon later:
    effective ``s (p - m)``, adverse selection ``s (m_h - m)``, realised = effective - adverse, and
    drift ``m_h - m``, which buys that knew more pull up and such sells pull down. Trades whose
    horizon lies in an outage (no mid for more than 10 s) are left out. All are volume-weighted
    means that forget by half-life. Unit: price. Warm-up: ``ready`` matured groups of trades. Cost
    per update: O(trades + touch changes). Source: Huang and Stoll (1996).

    >>> from schemas.frame import Touch, Trades
    >>> touch = Touch(bid_price=(8, 10), bid_qty=(1, 1), ask_price=(12, 14), ask_qty=(1, 1),
    ...               trades_before=(0, 1))
    >>> tape = Trades(price=(12,), qty=(1,), side=(1,), flags=(0,))
    >>> spreads = TradeSpreads(ready=1)
    >>> spreads.update(Frame("v", "s", 0, 0, 0, 0, True, 0, 0, tape, touch))
    >>> spreads.update(Frame("v", "s", 0, 1, 0, 5_000_000_000, True, 0, 0, touch=touch))
    >>> spreads.effective, spreads.adverse, spreads.realised
    (2.0, 2.0, 0.0)
    """

    horizon_s: float = 5.0
    half_life_s: float = 60.0
    ready: int = 10
    pending: list[Await] = field(default_factory=list)
    twice: int | None = None
    price_exponent: int = 0
    volume: float = 0.0
    cost: float = 0.0
    moved: float = 0.0
    drifted: float = 0.0
    count: int = 0
    seen_ns: int | None = None

    def update(self, frame: Frame) -> None:
        """Take in the trades of one frame, and let those mature whose horizon it reaches."""
        if frame.price_exponent != self.price_exponent:
            self._adopt(frame.price_exponent)
        if frame.trades.qty:
            self._collect(frame)
        twice = twice_mid(frame)
        if twice is not None:
            self.twice = twice
            if self.pending:
                self._mature(frame.close_ns, twice)

    @property
    def effective(self) -> float | None:
        """Mean effective half-spread; the full spread paid is twice this."""
        return self._mean(self.cost)

    @property
    def adverse(self) -> float | None:
        """Mean move of the mid in the trade's direction over the horizon."""
        return self._mean(self.moved)

    @property
    def realised(self) -> float | None:
        """What the maker kept: effective less adverse."""
        return self._mean(self.cost - self.moved)

    @property
    def drift(self) -> float | None:
        """Mean move of the mid after trades, whichever side they took."""
        return self._mean(self.drifted)

    def _mean(self, total: float) -> float | None:
        if self.count < self.ready or self.volume <= 0.0:
            return None
        return total / self.volume

    def _fade(self, close_ns: int) -> None:
        """Forget up to now; only means are read, so it may wait until something is added."""
        if self.seen_ns is not None:
            kept = fade(close_ns - self.seen_ns, self.half_life_s)
            self.volume *= kept
            self.cost *= kept
            self.moved *= kept
            self.drifted *= kept
        self.seen_ns = close_ns

    def _collect(self, frame: Frame) -> None:
        """Sum up the frame's trades against the mid that stood before each of them.

        Sums are of whole mantissas, twice the prices, so they are exact.
        """
        trades, touch = frame.trades, frame.touch
        before = touch.trades_before
        changes = len(before)
        change = 0
        twice = base = self.twice
        volume = signed = volume_mid = signed_mid = cost = 0
        tape = zip(trades.price, trades.qty, trades.side, trades.flags, strict=True)
        for i, (price, size, side, flag) in enumerate(tape):
            if change < changes and before[change] <= i:
                change = bisect_right(before, i, change)
                if touch.bid_qty[change - 1] and touch.ask_qty[change - 1]:
                    twice = touch.bid_price[change - 1] + touch.ask_price[change - 1]
            if twice is None or flag & _UNUSABLE:
                continue
            if base is None:
                base = twice
            push = size * side
            volume += size
            signed += push
            cost += push * (2 * price - twice)
            if twice != base:
                volume_mid += size * (twice - base)
                signed_mid += push * (twice - base)
        if base is not None and volume:
            scale = 10**frame.qty_exponent
            value = 2 * scale * 10**frame.price_exponent
            mids = (volume_mid / value, signed_mid / value)
            group = Await(frame.close_ns, base, volume / scale, signed / scale, *mids, cost / value)
            self._queue(group)

    def _queue(self, group: Await) -> None:
        """Let a group wait; groups too close together to be kept apart become one."""
        if self.pending:
            last = self.pending[-1]
            if (group.close_ns - last.close_ns) * _PENDING < self.horizon_s * NS_PER_S:
                shift = self._change(last.twice, group.twice)
                last.volume += group.volume
                last.signed += group.signed
                last.volume_mid += group.volume_mid + group.volume * shift
                last.signed_mid += group.signed_mid + group.signed * shift
                last.cost += group.cost
                return
        self.pending.append(group)
        if len(self.pending) > 2 * _PENDING:
            del self.pending[0]

    def _mature(self, close_ns: int, twice: int) -> None:
        horizon_ns = self.horizon_s * NS_PER_S
        if close_ns - self.pending[0].close_ns < horizon_ns:
            return
        self._fade(close_ns)
        while self.pending and close_ns - self.pending[0].close_ns >= horizon_ns:
            group = self.pending.pop(0)
            if close_ns - group.close_ns > horizon_ns + MAX_SILENCE_NS:
                continue  # after an outage nobody knows the mid at the horizon
            change = self._change(group.twice, twice)
            self.volume += group.volume
            self.cost += group.cost
            self.moved += group.signed * change - group.signed_mid
            self.drifted += group.volume * change - group.volume_mid
            self.count += 1

    def _change(self, before: int, after: int) -> float:
        """From one mid to another, both given as twice their mantissa."""
        scale: int = 2 * 10**self.price_exponent
        return (after - before) / scale

    def _adopt(self, exponent: int) -> None:
        """Take over the frame's price exponent."""
        old = self.price_exponent
        if self.twice is not None:
            self.twice = rescaled(self.twice, old, exponent)
        for group in self.pending:
            group.twice = rescaled(group.twice, old, exponent)
        self.price_exponent = exponent
