"""A made-up past: what a venue answers to requests for history that was never played.

It leads up to the price at which the market starts, is the same for the same seed, and any day of
it can be had without the days before it. It is there so that backfills find bars; it is no model of
a market.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np

from schemas.frame import NS_PER_S
from streams.simulator.exchange.bars import DAY_NS, MINUTE_NS, Minutes

DAYS = 800
"""How far back the past goes; daily bars of two years are asked for at most."""

_MINUTES = 1440
_MINUTE_VOLATILITY = 7e-4
"""Standard deviation of a minute's log return: about 2.7% a day."""
_HOUR_NS = 3600 * NS_PER_S


class MadePast:
    """Minutes back from ``start_ns``, where the price is ``price``.

    Returns are Student t with 4 degrees of freedom, scaled by a volatility that differs from day to
    day; a minute's volume grows with its move around ``minute_qty``.
    """

    def __init__(self, seed: str, *, start_ns: int, price: float, tick: float, minute_qty: float):
        self._seed = seed
        self._start_day, start = divmod(start_ns, DAY_NS)
        self._minutes_of_start_day = start // MINUTE_NS
        self._tick = tick
        self._minute_qty = minute_qty
        self._log_close = {self._start_day: math.log(price)}
        self._oldest = self._start_day

    def day(self, day: int) -> Minutes | None:
        """Minutes of a day since 1970, those from the start on NaN; ``None`` beyond the past."""
        if not self._start_day - DAYS <= day <= self._start_day:
            return None
        while self._oldest > day:  # each day ends where the next one begins
            returns = self._returns(self._oldest)
            self._log_close[self._oldest - 1] = self._log_close[self._oldest] - returns.sum()
            self._oldest -= 1
        count = self._minutes_of_start_day if day == self._start_day else _MINUTES
        rows = np.full((_MINUTES, 9), np.nan)
        rows[:count] = self._rows(day)
        return rows

    def _returns(self, day: int) -> Minutes:
        count = self._minutes_of_start_day if day == self._start_day else _MINUTES
        chance = np.random.default_rng(Random(f"{self._seed}:{day}").getrandbits(64))
        volatility = _MINUTE_VOLATILITY * math.exp(0.4 * chance.standard_normal())
        # A Student t of 4 degrees of freedom has variance 2.
        return chance.standard_t(4, _MINUTES)[:count].clip(-12, 12) * volatility / math.sqrt(2.0)

    def _rows(self, day: int) -> Minutes:
        returns = self._returns(day)
        count = len(returns)
        chance = np.random.default_rng(Random(f"{self._seed}:{day}:inside").getrandbits(64))
        after = returns[::-1].cumsum()[::-1]
        edges = np.exp(self._log_close[day] - np.append(after, 0.0))
        edges = (edges / self._tick).round() * self._tick
        opened, closed = edges[:-1], edges[1:]
        reach = np.abs(chance.standard_normal((2, count))) * _MINUTE_VOLATILITY / 2
        high = np.ceil(np.maximum(opened, closed) * (1 + reach[0]) / self._tick) * self._tick
        low = np.floor(np.minimum(opened, closed) * (1 - reach[1]) / self._tick) * self._tick
        busy = 0.3 + 0.7 * np.abs(returns) / _MINUTE_VOLATILITY
        volume = self._minute_qty * busy * np.exp(0.5 * chance.standard_normal(count))
        bought = volume * (0.5 + 0.2 * np.tanh(returns / _MINUTE_VOLATILITY))
        price = (opened + closed) / 2
        trades = np.ceil(20 * busy)
        columns = (opened, high, np.maximum(low, self._tick), closed, volume, volume * price)
        return np.column_stack((*columns, trades, bought, bought * price))


class Waves:
    """A smooth, bounded, endless function of time around 0, the same for the same seed.

    >>> waves = Waves("interest")
    >>> waves(0) == Waves("interest")(0), abs(waves(10**18)) <= 1.0
    (True, True)
    """

    def __init__(self, seed: str) -> None:
        chance = Random(seed)
        self._parts = [
            (2 * math.pi / (hours * _HOUR_NS), chance.random() * 2 * math.pi)
            for hours in (3.1, 11.7, 41.3, 171.9)
        ]

    def __call__(self, at_ns: int) -> float:
        return math.fsum(math.sin(at_ns * pace + phase) for pace, phase in self._parts) / 4


def level_at(waves: Waves, *, now: float, now_ns: int, swing: float) -> Callable[[int], float]:
    """A positive quantity that is ``now`` at ``now_ns`` and swings by about ``swing`` around it."""
    here = waves(now_ns)
    return lambda at_ns: now * math.exp(swing * (waves(at_ns) - here))
