"""What shapes a generated market. Every number is of a model; docs/simulated-market.md says how
they were chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.simulator.market.hawkes import Kernel, kernel_of
from streams.simulator.market.value import ValueParameters


@dataclass(frozen=True)
class Lognormal:
    """A heavy-tailed size in units of the quote: ``median * exp(sigma * standard normal)``."""

    median: float
    sigma: float
    most: float


@dataclass(frozen=True)
class TakerParameters:
    """Who sends market orders, and how many a second and side in a normal hour.

    Informed agents trade while the book is further from the value than their ``cost_bps``; momentum
    and mean-reversion traders while price leaves, or has left, its recent averages.
    """

    noise_per_s: float = 1.1
    informed_per_s: float = 7.0
    momentum_per_s: float = 0.5
    reversion_per_s: float = 0.5
    cost_bps: float = 0.5
    size: Lognormal = Lognormal(1_900.0, 2.0, 4_000_000.0)
    informed_size: Lognormal = Lognormal(40_000.0, 1.5, 4_000_000.0)
    protection_bps: float = 20.0


@dataclass(frozen=True)
class LimitParameters:
    """Orders of patient traders, a second and side in a normal hour.

    ``at_touch`` of them join the best price; the others stand behind it at a distance that is
    Pareto-distributed with exponent ``tail`` from ``near_bps`` on. ``resting`` is how many a side
    stand in the book on average.
    """

    per_s: float = 12.0
    resting: int = 500
    at_touch: float = 0.45
    near_bps: float = 4.0
    tail: float = 1.1
    farthest_bps: float = 80.0
    size: Lognormal = Lognormal(3_000.0, 1.4, 600_000.0)


@dataclass(frozen=True)
class MakerParameters:
    """Market makers: how many, and how they quote.

    A touch quote is pulled when the maker's fair price has gone through it by its tolerance, drawn
    between ``tolerance_bps``. ``skew_bps`` is by how much a full inventory moves its fair price.
    """

    makers: int = 6
    touch_quote: float = 45_000.0
    touch_orders: int = 3
    tolerance_bps: tuple[float, float] = (0.35, 1.3)
    noise_bps: float = 0.15
    latency_s: float = 0.02
    period_s: float = 0.35
    ladder_levels: int = 10
    ladder_bps: tuple[float, float] = (0.4, 18.0)
    ladder_quote: float = 90_000.0
    ladder_slack_bps: float = 2.5
    skew_bps: float = 0.6
    inventory_quote: float = 4_000_000.0


@dataclass(frozen=True)
class PositionParameters:
    """Leveraged positions of a contract, and the premium that they pay."""

    traders: int = 800
    open_interest_quote: float = 500_000_000.0
    leverages: tuple[tuple[int, float], ...] = (
        (2, 0.15),
        (5, 0.25),
        (10, 0.25),
        (20, 0.2),
        (50, 0.1),
        (100, 0.05),
    )
    maintenance: float = 0.004
    closing: float = 0.5
    trend_basis: float = 0.03
    most_basis_bps: float = 25.0
    rate_cap: float = 0.0075
    liquidation_quote: float = 250_000.0


def _excitement() -> tuple[Kernel, ...]:
    """Which arrivals bring others: rows are causes, columns effects.

    Both in the order buy and sell of market orders, limit orders, cancels. Entries are arrivals
    that one brings: at once (within 40 ms), and within some seconds.
    """
    at_once = (
        (0.30, 0.03, 0.20, 0.35, 0.05, 0.25),
        (0.03, 0.30, 0.35, 0.20, 0.25, 0.05),
        (0.01, 0.01, 0.15, 0.02, 0.05, 0.02),
        (0.01, 0.01, 0.02, 0.15, 0.02, 0.05),
        (0.00, 0.01, 0.05, 0.02, 0.10, 0.02),
        (0.01, 0.00, 0.02, 0.05, 0.02, 0.10),
    )
    later = (
        (0.28, 0.10, 0.20, 0.20, 0.20, 0.20),
        (0.10, 0.28, 0.20, 0.20, 0.20, 0.20),
        (0.00, 0.00, 0.10, 0.05, 0.10, 0.05),
        (0.00, 0.00, 0.05, 0.10, 0.05, 0.10),
        (0.00, 0.00, 0.10, 0.05, 0.10, 0.05),
        (0.00, 0.00, 0.05, 0.10, 0.05, 0.10),
    )
    return kernel_of(25.0, at_once), kernel_of(0.3, later)


@dataclass(frozen=True)
class MarketParameters:
    """A generated market: a price to start at, its value and its agents.

    ``beta``, ``own_bps`` and ``lag_steps`` tie the symbol to the factor that it shares with others
    of the same seed. ``impact_bps`` is by how much a market order of ``impact_quote`` moves what
    makers think fair; ``impact_stays`` is the share of that which is learned for good, the rest
    fades within ``impact_s``.
    """

    price: float
    beta: float = 1.0
    own_bps: float = 0.3
    lag_steps: int = 0
    impact_bps: float = 0.35
    impact_quote: float = 100_000.0
    impact_stays: float = 0.15
    impact_s: float = 12.0
    value: ValueParameters = field(default_factory=ValueParameters)
    takers: TakerParameters = field(default_factory=TakerParameters)
    limits: LimitParameters = field(default_factory=LimitParameters)
    makers: MakerParameters = field(default_factory=MakerParameters)
    positions: PositionParameters = field(default_factory=PositionParameters)
    kernels: tuple[Kernel, ...] = field(default_factory=_excitement)
