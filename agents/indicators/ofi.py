"""Order-flow imbalance at the touch."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.decay import fade
from agents.indicators.ewma import Ewma
from agents.indicators.quotes import queue_growth, rescaled
from schemas.frame import Frame


@dataclass
class OrderFlowImbalance:
    """Net quantity that came to the bid and left the ask, over every change of the touch.

    Per change, primes marking what was before it:
    ``e = q_b [p_b >= p_b'] - q_b' [p_b <= p_b'] - q_a [p_a <= p_a'] + q_a' [p_a >= p_a']``.
    A side without orders counts as emptied. ``value`` is the decaying sum
    of ``e`` over the mean touch quantity of a side: how many times the usual queue was added on the
    bid net of the ask. Range: real. Unit: none. Warm-up: two touch changes and the mean of two
    frames. Cost per update: O(changes). Source: Cont, Kukanov, Stoikov, "The price impact of order
    book events" (2014).

    >>> from schemas.frame import Touch
    >>> touch = Touch(bid_price=(9, 9), bid_qty=(5, 8), ask_price=(10, 10), ask_qty=(5, 5))
    >>> OrderFlowImbalance().flow(Frame("v", "s", 0, 0, 0, 1, True, 0, 0, touch=touch))
    3
    """

    half_life_s: float = 10.0
    total: float = 0.0
    depth: Ewma = field(default_factory=lambda: Ewma(half_life_s=60.0))
    seen_ns: int | None = None
    started: bool = False
    price_exponent: int = 0
    qty_exponent: int = 0
    bid_price: int = 0
    bid_qty: int = 0
    ask_price: int = 0
    ask_qty: int = 0

    def update(self, frame: Frame) -> float | None:
        """Imbalance after the touch changes of one frame."""
        if self.seen_ns is not None:
            self.total *= fade(frame.close_ns - self.seen_ns, self.half_life_s)
        self.seen_ns = frame.close_ns
        scale = 10**frame.qty_exponent
        self.total += self.flow(frame) / scale
        if self.started and frame.is_tick:
            queue = (self.bid_qty + self.ask_qty) / (2 * scale)
            self.depth.update(queue, frame.close_ns)
        return self.value

    @property
    def value(self) -> float | None:
        """Decaying sum over mean queue, ``None`` while warming up."""
        depth = self.depth.value
        return self.total / depth if depth is not None and depth > 0.0 else None

    def flow(self, frame: Frame) -> int:
        """Sum of ``e`` over the touch changes of one frame, in quantity mantissas."""
        self._adopt(frame)
        touch = frame.touch
        if not touch.bid_price:
            return 0
        if not self.started:
            self.bid_price, self.bid_qty = touch.bid_price[0], touch.bid_qty[0]
            self.ask_price, self.ask_qty = touch.ask_price[0], touch.ask_qty[0]
            self.started = True
        bids = queue_growth(self.bid_price, self.bid_qty, touch.bid_price, touch.bid_qty, sign=1)
        asks = queue_growth(self.ask_price, self.ask_qty, touch.ask_price, touch.ask_qty, sign=-1)
        self.bid_price, self.bid_qty = touch.bid_price[-1], touch.bid_qty[-1]
        self.ask_price, self.ask_qty = touch.ask_price[-1], touch.ask_qty[-1]
        return bids - asks

    def _adopt(self, frame: Frame) -> None:
        """Take over the frame's exponents."""
        old, new = self.price_exponent, frame.price_exponent
        if old != new:
            self.bid_price = rescaled(self.bid_price, old, new)
            self.ask_price = rescaled(self.ask_price, old, new)
            self.price_exponent = new
        old, new = self.qty_exponent, frame.qty_exponent
        if old != new:
            self.bid_qty = rescaled(self.bid_qty, old, new)
            self.ask_qty = rescaled(self.ask_qty, old, new)
            self.qty_exponent = new
