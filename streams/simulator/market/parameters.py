"""What shapes a generated market.

The defaults are those of a liquid perpetual contract (BTC/USDT), calibrated on recordings by
docs/simulated-market.md. Quote amounts (``*_quote``, sizes) are in units of the quote; distances in
basis points; rates per second and side in a normal hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from streams.simulator.market.hawkes import Kernel, kernel_of
from streams.simulator.market.value import ValueParameters


@dataclass(frozen=True)
class Lognormal:
    """A heavy-tailed size: ``median * exp(sigma * standard normal)``, at ``most`` so much."""

    median: float
    sigma: float
    most: float

    def scaled(self, factor: float) -> Lognormal:
        """The same shape, ``factor`` times as large."""
        return Lognormal(self.median * factor, self.sigma, self.most * factor)


@dataclass(frozen=True)
class TakerParameters:
    """Who sends orders that trade at once.

    Noise traders come at ``noise_per_s``; momentum traders the more often the further the mean of
    the last seconds is from that of the last minute, mean-reversion traders the further the price
    is from it (both per standard deviation). Informed agents come at ``informed_per_s`` for each
    basis point that the fair price is beyond the mid and their ``cost_bps``. Orders of the others
    trade no further than ``protection_bps`` from the fair price.
    """

    noise_per_s: float = 0.5
    informed_per_s: float = 7.0
    momentum_per_s: float = 0.1
    reversion_per_s: float = 0.1
    cost_bps: float = 0.35
    protection_bps: float = 20.0
    size: Lognormal = Lognormal(1_500.0, 2.6, 6_000_000.0)
    informed_size: Lognormal = Lognormal(90_000.0, 2.0, 5_000_000.0)


@dataclass(frozen=True)
class PatientParameters:
    """Orders of patient traders.

    ``at_touch`` of them join the best price; the others stand behind it at a distance with a Pareto
    tail (Lomax with scale ``near_bps`` and exponent ``tail``), at most ``farthest_bps``.
    ``resting`` is how many a side stand in the book on average. Of those at a best price that the
    fair price has gone through by ``watched_bps``, the share ``watching`` leaves in each tenth of a
    second.
    """

    per_s: float = 30.0
    resting: int = 1_500
    at_touch: float = 0.15
    near_bps: float = 10.0
    tail: float = 1.2
    farthest_bps: float = 80.0
    watched_bps: float = 0.4
    watching: float = 0.4
    size: Lognormal = Lognormal(4_000.0, 1.5, 600_000.0)


@dataclass(frozen=True)
class MakerParameters:
    """Market makers: how many, and how each quotes.

    At the touch ``touch_quote`` in ``touch_orders`` orders. Such a quote is pulled when the maker's
    fair price has gone through it by its tolerance, drawn from ``tolerance_bps``, or when the best
    price is further from it than ``join_bps``. Behind the touch ``ladder_levels`` orders between
    ``ladder_bps``, each worth ``ladder_quote`` per basis point of its distance, moved when the fair
    price has moved by ``ladder_slack_bps``. A maker looks every ``period_s`` on average, and
    ``latency_s`` on average after the best price or the fair price has changed. ``opinion_bps`` is
    the standard deviation of how it differs from the others; ``skew_bps`` by how much an inventory
    of ``inventory_quote`` moves its fair price.
    """

    makers: int = 6
    touch_quote: float = 520_000.0
    touch_orders: int = 12
    join_bps: float = 0.08
    tolerance_bps: tuple[float, float] = (0.35, 0.6)
    ladder_levels: int = 10
    ladder_bps: tuple[float, float] = (2.0, 24.0)
    ladder_quote: float = 140_000.0
    ladder_slack_bps: float = 2.5
    period_s: float = 0.35
    latency_s: float = 0.015
    opinion_bps: float = 0.15
    skew_bps: float = 0.6
    inventory_quote: float = 4_000_000.0


@dataclass(frozen=True)
class PositionParameters:
    """Leveraged positions of a contract.

    ``traders`` hold ``open_interest_quote`` a side at the start, with the leverages and weights of
    ``leverages``; ``closing`` of the orders close a position if the trader who comes has one. A
    position is liquidated at ``maintenance`` margin, at most ``liquidation_quote`` at a time. The
    contract is worth ``trend_basis`` of the last hour's move more than its index, at most
    ``most_basis_bps``: leverage is wanted where a trend was. ``rate_cap`` bounds the funding rate.
    """

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
    closing: float = 0.5
    maintenance: float = 0.004
    liquidation_quote: float = 250_000.0
    trend_basis: float = 0.03
    most_basis_bps: float = 25.0
    rate_cap: float = 0.0075


@dataclass(frozen=True)
class ImpactParameters:
    """What others learn from a trade.

    An order worth ``quote`` that nobody expected moves the fair price by ``bps``, others by the
    square root of their size. ``stays`` of it is learned for good, the rest fades within
    ``fades_s``. The side of each order counts ``learning`` in what is expected of the next.
    """

    bps: float = 0.17
    quote: float = 100_000.0
    stays: float = 0.1
    fades_s: float = 3.5
    learning: float = 0.15


def _excitement() -> tuple[Kernel, ...]:
    """Which arrivals bring others: rows are causes, columns effects.

    Both in the order buy and sell of market orders, limit orders, cancels. Entries are arrivals
    that one brings: at once (within 25 ms on average), and within a second.
    """
    at_once = (
        (0.35, 0.09, 0.15, 0.30, 0.05, 0.20),
        (0.09, 0.35, 0.30, 0.15, 0.20, 0.05),
        (0.00, 0.00, 0.15, 0.02, 0.05, 0.02),
        (0.00, 0.00, 0.02, 0.15, 0.02, 0.05),
        (0.00, 0.00, 0.05, 0.02, 0.10, 0.02),
        (0.00, 0.00, 0.02, 0.05, 0.02, 0.10),
    )
    later = (
        (0.24, 0.08, 0.20, 0.20, 0.20, 0.20),
        (0.08, 0.24, 0.20, 0.20, 0.20, 0.20),
        (0.00, 0.00, 0.10, 0.05, 0.10, 0.05),
        (0.00, 0.00, 0.05, 0.10, 0.05, 0.10),
        (0.00, 0.00, 0.10, 0.05, 0.10, 0.05),
        (0.00, 0.00, 0.05, 0.10, 0.05, 0.10),
    )
    return kernel_of(40.0, at_once), kernel_of(0.9, later)


@dataclass(frozen=True)
class MarketParameters:
    """A generated market: the price it starts at, its value and its agents.

    ``beta`` is the share of the common moves that the symbol makes, ``lag_steps`` how many tenths
    of a second after the leader. ``own_bps`` is its own volatility per √second; with
    ``own_reverts_s`` its own moves fade within that time, as those of one coin's several markets.
    """

    price: float = 61_800.0
    beta: float = 1.0
    lag_steps: int = 0
    own_bps: float = 0.2
    own_reverts_s: float | None = None
    value: ValueParameters = field(default_factory=ValueParameters)
    impact: ImpactParameters = field(default_factory=ImpactParameters)
    takers: TakerParameters = field(default_factory=TakerParameters)
    patient: PatientParameters = field(default_factory=PatientParameters)
    makers: MakerParameters = field(default_factory=MakerParameters)
    positions: PositionParameters = field(default_factory=PositionParameters)
    kernels: tuple[Kernel, ...] = field(default_factory=_excitement)

    def sized(self, factor: float) -> MarketParameters:
        """The same market with every amount of money ``factor`` times as large."""
        takers, patient, makers = self.takers, self.patient, self.makers
        return replace(
            self,
            impact=replace(self.impact, quote=self.impact.quote * factor),
            takers=replace(
                takers,
                size=takers.size.scaled(factor),
                informed_size=takers.informed_size.scaled(factor),
            ),
            patient=replace(patient, size=patient.size.scaled(factor)),
            makers=replace(
                makers,
                touch_quote=makers.touch_quote * factor,
                ladder_quote=makers.ladder_quote * factor,
                inventory_quote=makers.inventory_quote * factor,
            ),
            positions=replace(
                self.positions,
                open_interest_quote=self.positions.open_interest_quote * factor,
                liquidation_quote=self.positions.liquidation_quote * factor,
            ),
        )
