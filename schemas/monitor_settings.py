"""Settings of the position monitor: what it looks at, and what it may do."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import Field, model_validator

from schemas.frame import NS_PER_S
from schemas.section import Section

ONE = Decimal(1)


class MonitorMode(StrEnum):
    """What the monitor may do. Each may also do what those before it may."""

    OBSERVE = "observe"
    """Tell, and touch nothing."""
    PROTECT = "protect"
    """Move the stop nearer to the market, and leave."""
    REDUCE = "reduce"
    """Make a position smaller."""
    FULL = "full"
    """Divide an entry into parts, and add one while the position does well."""

    def allows(self, other: MonitorMode) -> bool:
        """Whether what ``other`` may do is allowed."""
        order = list(MonitorMode)
        return order.index(self) >= order.index(other)


class MonitorSettings(Section):
    """How open positions are judged again, and what follows.

    The weights are the risk that a concern makes alone, at its worst.
    """

    mode: MonitorMode = Field(
        MonitorMode.PROTECT,
        description="observe: only tells; protect: also tightens the stop and leaves; reduce: also "
        "makes positions smaller; full: also enters in parts.",
    )
    interval_s: int = Field(
        10, gt=0, description="Event time between two records of an open position."
    )
    confirm_s: int = Field(
        10, ge=0, description="Event time that a reason must last before a position's size changes."
    )
    tighten_after_s: int = Field(
        3, ge=0, description="Event time that it must last before the stop is tightened."
    )
    verdict_max_age_s: int = Field(
        10, gt=0, description="Age of the last score from which nothing is done, only told."
    )
    low_risk: float = Field(0.3, gt=0, le=1, description="Risk from which it is low; below: none.")
    medium_risk: float = Field(
        0.6, gt=0, le=1, description="Risk from which the stop is tightened, then the size."
    )
    high_risk: float = Field(0.8, gt=0, le=1, description="Risk from which a position is left.")
    confidence_weight: float = Field(
        0.8, ge=0, le=1, description="Risk of confidence that is all gone."
    )
    regime_weight: float = Field(
        0.4, ge=0, le=1,
        description="Risk of a trend against the position that was not there at its entry; half "
        "of it of a market that has become volatile.",
    )  # fmt: skip
    loss_weight: float = Field(
        0.5, ge=0, le=1, description="Risk of a loss as large as the first stop allowed."
    )
    volatility_weight: float = Field(
        0.3, ge=0, le=1, description="Risk of volatility twice the symbol's usual."
    )
    age_weight: float = Field(
        0.3, ge=0, le=1, description="Risk of a position whose time is up (stops.max_holding_s)."
    )
    exit_confidence: float = Field(
        0.2, ge=0, le=1, description="Confidence below which a position is left; at entry it is 1."
    )
    tighten_ratio: Decimal = Field(
        Decimal("0.5"), gt=0,
        description="Where a tightened stop is, behind the market, in distances of the first stop.",
    )  # fmt: skip
    reduce_fraction: Decimal = Field(
        Decimal("0.5"), gt=0, lt=1, description="Share of a position that one reduction closes."
    )
    max_reductions: int = Field(2, ge=0, le=10, description="Reductions of one position.")
    entry_parts: tuple[Decimal, ...] = Field(
        (Decimal("0.5"), Decimal("0.3"), Decimal("0.2")),
        description="full: shares of an entry's size, the first at once; they come to 1.",
    )
    add_confidence: float = Field(
        1.0, ge=0, le=2, description="full: confidence from which the next part is added."
    )
    add_gain_ratio: Decimal = Field(
        Decimal("0.25"), ge=0,
        description="full: move in favour, in distances of the first stop, from which it is added.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _sound(self) -> MonitorSettings:
        if not self.low_risk < self.medium_risk < self.high_risk:
            raise ValueError("low_risk, medium_risk and high_risk must rise")
        total = Decimal(0)
        for part in self.entry_parts:
            total += part
        if total != ONE or any(part <= 0 for part in self.entry_parts):
            raise ValueError("entry_parts must be above 0 and come to 1")
        return self

    @property
    def interval_ns(self) -> int:
        """Time between two records in nanoseconds."""
        return self.interval_s * NS_PER_S

    @property
    def confirm_ns(self) -> int:
        """How long a reason must last, in nanoseconds."""
        return self.confirm_s * NS_PER_S

    @property
    def tighten_after_ns(self) -> int:
        """How long it must last before the stop moves, in nanoseconds."""
        return self.tighten_after_s * NS_PER_S

    @property
    def verdict_max_age_ns(self) -> int:
        """Age of a score that is too old, in nanoseconds."""
        return self.verdict_max_age_s * NS_PER_S
