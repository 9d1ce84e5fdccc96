"""Which of two prices of one asset moves first."""

from __future__ import annotations

import math
from operator import mul
from typing import NamedTuple

import msgspec

from agents.overview.statistics import centred

POINTS = 600
"""Steps that are remembered: a minute of frames of 100 ms."""
LAGS = 20
"""Shifts that are tried to either side."""

_PER_UNIT = 1e9
_LARGEST = 10**15
"""Of one move, a price a million times what it was; the encoding holds whole numbers of 64 bits."""
_BY_CHANCE = 3.0
"""A correlation of independent series lies within this many standard errors, 1 / sqrt(n)."""


class MoveGrid(msgspec.Struct):
    """Returns of a price on a fine common grid, in whole parts per billion.

    Step ``k`` ends at ``k * step_ns``, its frames included; a step without news has return 0. Whole
    numbers keep the encoded state small (a still step is one byte) and lose less than a tick.
    Memory: ``POINTS`` numbers. Cost: O(1) an update, O(steps) after a silence.

    >>> grid = MoveGrid(step_ns=100)
    >>> grid.update(100.0, 100); grid.update(101.0, 200); grid.pass_time(400)
    >>> grid.moves
    [10000000, 0, 0]
    """

    step_ns: int
    moves: list[int] = msgspec.field(default_factory=list)
    step: int = 0
    """Number of the open step."""
    before: float | None = None
    """Price at the end of the step before the open one."""
    price: float | None = None

    def update(self, price: float, close_ns: int) -> None:
        """The price at a frame's close."""
        self._open(-(-close_ns // self.step_ns))
        self.price = price

    def pass_time(self, now_ns: int) -> None:
        """Close every step that ends by ``now_ns``."""
        self._open(now_ns // self.step_ns + 1)

    def forget(self) -> None:
        """Begin anew: what came before has no part in what follows."""
        self.moves.clear()
        self.before = self.price = None

    def _open(self, step: int) -> None:
        if step <= self.step:
            return
        if self.price is not None:
            if self.before is not None:
                move = round((self.price / self.before - 1.0) * _PER_UNIT)
                self.moves.append(min(move, _LARGEST))
            self.moves.extend([0] * min(step - self.step - 1, POINTS))
            del self.moves[:-POINTS]
        self.before = self.price
        self.step = step


class Lead(NamedTuple):
    """The shift at which two series resemble each other most; ``None``: none stands out."""

    lag: int | None
    correlation: float


def lead_of(first: MoveGrid, second: MoveGrid) -> Lead | None:
    """How many steps ``first`` is ahead of ``second`` (negative: behind).

    The largest cross-correlation over shifts of up to ``LAGS`` steps,
    ``rho(l) = sum (a_t - mean a) (b_{t+l} - mean b) / sqrt(sum (a - mean a)^2 sum (b - mean b)^2)``
    (Box and Jenkins, 1970), of equal ones the smallest shift. None stands out below
    ``3 / sqrt(n)``, Bartlett's error of independent series, or where the same correlation is found
    at the opposite shift. ``None`` as a whole below a quarter of ``POINTS`` common steps, or where
    either price stands still. Both grids are closed up to one time. Cost: O(LAGS × POINTS).

    >>> walk = [n * n % 101 / 1e4 for n in range(400)]
    >>> a, b = MoveGrid(step_ns=1), MoveGrid(step_ns=1)
    >>> for at in range(1, 400):
    ...     a.update(1.0 + walk[at], at); b.update(1.0 + walk[max(at - 3, 0)], at)
    >>> a.pass_time(400); b.pass_time(400)
    >>> lead_of(a, b).lag, lead_of(b, a).lag
    (3, -3)
    """
    n = min(len(first.moves), len(second.moves))
    if n < POINTS // 4:
        return None
    a, b = centred(first.moves[-n:]), centred(second.moves[-n:])
    size = math.sqrt(math.fsum(map(mul, a, a)) * math.fsum(map(mul, b, b)))
    if size == 0.0:
        return None
    at_lag = {
        lag: math.fsum(map(mul, a[max(-lag, 0) :], b[max(lag, 0) :])) / size
        for lag in range(-LAGS, LAGS + 1)
    }
    best = max(at_lag, key=lambda lag: (at_lag[lag], -abs(lag)))
    found = max(-1.0, min(1.0, at_lag[best]))
    clear = found > _BY_CHANCE / math.sqrt(n) and (best == 0 or at_lag[-best] < at_lag[best])
    return Lead(best if clear else None, found)
