"""What the portfolio remembers: sums, never lists of what happened."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.ledger import EXACT, ZERO
from agents.execution.portfolio.moments import CoMoments, Moments


class PortfolioState(msgspec.Struct):
    """Bounded by symbols and dimensions.

    ``boundary_ns`` is the next end of an interval, ``equity`` and ``marks`` are those at the last.
    ``peak`` is the highest of the sampled equities. ``told`` is the equity of the last record,
    ``due`` says that another is.
    """

    boundary_ns: int = -1
    equity: Decimal | None = None
    marks: dict[str, Decimal] = msgspec.field(default_factory=dict)
    peak: Decimal | None = None
    max_drawdown: Decimal = ZERO
    returns: Moments = msgspec.field(default_factory=Moments)
    market: CoMoments = msgspec.field(default_factory=CoMoments)
    told: Decimal | None = None
    due: bool = False
    trades: int = 0
    wins: int = 0
    gains: Decimal = ZERO
    losses: Decimal = ZERO
    by_dimension: dict[str, Decimal] = msgspec.field(default_factory=dict)
    by_exit: dict[str, Decimal] = msgspec.field(default_factory=dict)
    trade_returns: Moments = msgspec.field(default_factory=Moments)
    quality: CoMoments = msgspec.field(default_factory=CoMoments)

    def see(self, equity: Decimal) -> Decimal:
        """Take an equity into the curve; how far it is below the peak."""
        if self.peak is None or equity > self.peak:
            self.peak = equity
        fallen = EXACT.subtract(self.peak, equity)
        self.max_drawdown = max(self.max_drawdown, fallen)
        return fallen
