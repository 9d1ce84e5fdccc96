"""How far the perpetual stands above the price that it is to follow."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.heard import Heard
from agents.indicators.standing import Standing


@dataclass
class Premium:
    """Standing of the premium in its last three days; funding will be made of it.

    The premium is mark less index, or last price less mark where a venue tells no index, at the
    time of each new mark. Unit: none; above 0 longs will pay. Range: real. Warm-up: ``warmup_s`` of
    marks. Cost per mark: one exponential.

    >>> premium = Premium(standing=Standing(half_life_s=10.0, warmup_s=1.0, centred=False))
    >>> for i, value in enumerate((3.0, -3.0, 3.0, 6.0)):
    ...     premium.update(value, i * 1_000_000_000)
    >>> premium.fresh(3_000_000_000)
    2.0
    """

    heard: Heard = field(default_factory=Heard)
    standing: Standing = field(
        default_factory=lambda: Standing(half_life_s=3 * 86_400.0, warmup_s=3_600.0, centred=False)
    )

    def update(self, value: float, at_ns: int) -> None:
        """Take in the premium of a new mark."""
        if self.heard.update(value, at_ns):
            self.standing.update(value, at_ns)

    def fresh(self, now_ns: int) -> float | None:
        """The standing, ``None`` while warming up or without a fresh mark."""
        return None if self.heard.fresh(now_ns) is None else self.standing.value
