"""Settings of the portfolio's statistics."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from schemas.frame import NS_PER_S
from schemas.section import Section


class PortfolioSettings(Section):
    """How often the portfolio is told, and when its statistics are."""

    sample_s: int = Field(
        60, gt=0, description="Event time between two samples of the equity, and two records."
    )
    samples_at_least: int = Field(
        30, ge=2, description="Samples below which Sharpe, Sortino and beta are unknown."
    )
    trades_at_least: int = Field(
        10, ge=2, description="Closed trades below which the quality of signals is unknown."
    )
    benchmark: str = Field(
        "", description="venue:symbol that beta is against; empty: the mean of all symbols."
    )
    rebalance_fraction: Decimal = Field(
        Decimal("0.05"), ge=0,
        description="Least change worth a suggestion, as a share of the gross exposure.",
    )  # fmt: skip

    @property
    def sample_ns(self) -> int:
        """Time between two samples in nanoseconds."""
        return self.sample_s * NS_PER_S
