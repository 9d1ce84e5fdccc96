"""Open interest against price."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import mul, sub

from agents.indicators.bars import AHEAD_NS
from agents.indicators.quotes import rescaled, twice_mid
from schemas.frame import NS_PER_S, Frame


@dataclass
class OpenInterestTrend:
    """Direction of the price, weighed by whether open interest rises with it.

    Over the samples of the last ``window_s``: ``p`` and ``o`` are the changes of price and open
    interest in units of ``rms(step) * sqrt(steps)`` of their own steps, and
    ``value = tanh(p) * (0.625 + 0.375 tanh(o))``. Rising interest confirms the move, up or down
    (factor towards 1); falling interest marks it as weak (towards 1/4). Range: (-1, 1). Unit: none.
    Warm-up: ``ready`` samples, one per new venue value and at least ``sample_s`` apart; without a
    value for ``stale_s``, or with one stamped a minute ahead of its frame, there is none. Cost per
    update: O(1), a new sample O(samples).

    >>> trend = OpenInterestTrend(ready=4, sample_s=1.0)
    >>> for i in range(6):
    ...     trend.sample(i * 1_000_000_000, interest=100.0 + i, price=50 + i)
    >>> 0.8 < trend.value < 1.0
    True
    """

    window_s: float = 300.0
    sample_s: float = 10.0
    stale_s: float = 300.0
    ready: int = 5
    known_ns: list[int] = field(default_factory=list)
    interest: list[float] = field(default_factory=list)
    price: list[int] = field(default_factory=list)
    """Twice the mid, in mantissas: its steps are exact."""
    price_exponent: int = 0
    value: float | None = None
    interest_change: float | None = None
    correlation: float | None = None

    def update(self, frame: Frame) -> float | None:
        """Trend after one frame."""
        known = frame.derivatives.open_interest
        if known is None or known.mantissa <= 0:
            self.value = None
            return None
        if not -AHEAD_NS <= frame.close_ns - known.known_ns <= self.stale_s * NS_PER_S:
            self.value = None
            return None
        due = self.sample_s * NS_PER_S
        if not self.known_ns or known.known_ns - self.known_ns[-1] >= due:
            twice = twice_mid(frame)
            if twice is not None:
                self._adopt(frame.price_exponent)
                self.sample(known.known_ns, float(known), twice)
        return self.value

    def sample(self, known_ns: int, interest: float, price: int) -> None:
        """Take in one value of open interest, and twice the mid beside it."""
        self.known_ns.append(known_ns)
        self.interest.append(interest)
        self.price.append(price)
        while known_ns - self.known_ns[0] > self.window_s * NS_PER_S or len(self.known_ns) > 61:
            del self.known_ns[0], self.interest[0], self.price[0]
        if len(self.known_ns) < self.ready:
            self.value = self.interest_change = self.correlation = None
            return
        interest_steps, price_steps = _steps(self.interest), _steps(self.price)
        interest_squares, price_squares = _squares(interest_steps), _squares(price_steps)
        interest_move = self.interest[-1] - self.interest[0]
        price_move = self.price[-1] - self.price[0]
        conviction = 0.625 + 0.375 * math.tanh(_standing(interest_move, interest_squares))
        self.value = math.tanh(_standing(price_move, price_squares)) * conviction
        self.interest_change = interest_move / self.interest[0]
        scale = math.sqrt(interest_squares * price_squares)
        # Uncentred, and 0 where either does not move.
        products = math.fsum(map(mul, interest_steps, price_steps))
        self.correlation = products / scale if scale > 0.0 else 0.0

    def _adopt(self, exponent: int) -> None:
        """Take over the frame's price exponent."""
        if exponent != self.price_exponent:
            self.price = [rescaled(price, self.price_exponent, exponent) for price in self.price]
            self.price_exponent = exponent


def _steps(values: Sequence[float]) -> list[float]:
    """Changes of a series from each value to the next."""
    return list(map(sub, values[1:], values))


def _squares(steps: Sequence[float]) -> float:
    return math.fsum(map(pow, steps, repeat(2)))


def _standing(move: float, squares: float) -> float:
    """A change over what independent steps of that size would give."""
    return move / math.sqrt(squares) if squares > 0.0 else 0.0
