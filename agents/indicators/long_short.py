"""How the accounts are placed: longs per short."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.crowd import crowd_lean
from agents.indicators.ewma import Ewma
from agents.indicators.heard import Heard
from agents.indicators.standing import Standing

CALM, EXTREME = 1.0, 3.0
"""In mean absolute deviations. Of the daily ratios of 119 perpetuals in 2022 and 2023, 27% lay
beyond the first and 1.5% beyond the second."""

_DAY_S = 86_400.0


@dataclass
class LongShortRatio:
    """Crowding of the accounts: the log of longs per short, against the symbol's own past.

    ``x`` is the standing of ``log r`` in its last week (accounts of small coins are always mostly
    long: 2.3 to one was the median of 119 perpetuals in 2022 and 2023, so the level alone says
    little). ``lean = crowd_lean(x) (0.5 + 0.5 p)``: confirming up to ``|x| = 1``, turning,
    contrarian from 3 on; ``p`` in [0, 1] is persistence: the mean of ``tanh(x)`` over a day as
    far as it has the sign of ``x``, so a crowd that only just came counts half. The inverse ratio
    gives the opposite lean. Range: [-1, 1]. Unit: none. Warm-up: ``warmup_s`` of values; a ratio
    that is not positive is none. Cost per value: two exponentials and a logarithm.

    >>> ratio = LongShortRatio(standing=Standing(half_life_s=10.0, warmup_s=2.0, floor=0.05))
    >>> for i, value in enumerate((1.0, 1.1, 1.0, 1.1)):
    ...     ratio.update(value, i * 1_000_000_000)
    >>> 0.0 < ratio.lean(4_000_000_000) < 0.4
    True
    """

    heard: Heard = field(default_factory=Heard)
    standing: Standing = field(
        default_factory=lambda: Standing(half_life_s=7 * _DAY_S, warmup_s=4 * 3_600.0, floor=0.05)
    )
    habit: Ewma = field(default_factory=lambda: Ewma(half_life_s=_DAY_S))
    """Of the crowding, squashed."""

    def update(self, value: float, at_ns: int) -> None:
        """Take in a ratio."""
        if value > 0.0 and self.heard.update(value, at_ns):
            crowding = self.standing.update(math.log(value), at_ns)
            if crowding is not None:
                self.habit.update(math.tanh(crowding), at_ns)

    @property
    def persistence(self) -> float:
        """How long the crowd has been on the side where it is: 0 just now, 1 for days."""
        side, habit = self.standing.value, self.habit.value
        if side is None or habit is None:
            return 0.0
        return max(math.copysign(habit, habit * side), 0.0)

    def crowding(self, now_ns: int) -> float | None:
        """The standing ``x``, ``None`` while warming up or without a fresh ratio."""
        return None if self.heard.fresh(now_ns) is None else self.standing.value

    def lean(self, now_ns: int) -> float | None:
        """Lean in [-1, 1], ``None`` while warming up or without a fresh ratio."""
        x = self.crowding(now_ns)
        if x is None:
            return None
        return crowd_lean(x, calm=CALM, extreme=EXTREME) * (0.5 + 0.5 * self.persistence)
