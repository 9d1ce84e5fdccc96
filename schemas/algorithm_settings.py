"""Settings of the execution algorithms: how the order that a signal asks for is worked."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field, model_validator

from schemas.frame import NS_PER_S
from schemas.section import Section

MOST_SLICES = 500
"""Slices that a horizon may have: a parent's schedule stays small."""


class AlgorithmsSettings(Section):
    """How entries and exits by signals are worked. Stops, targets and flattens are not: they go
    to the venue as they are.
    """

    entry: str = Field(
        "market",
        description="Algorithm of entries by name: market, limit, post_only, twap, vwap, pov, "
        "iceberg, adaptive, split.",
    )
    exit: str = Field("market", description="Algorithm of exits by signal, by name.")
    horizon_s: int = Field(
        60, gt=0, le=86_400, description="Event time within which an order is worked."
    )
    slice_s: int = Field(
        5, gt=0, description="Event time between two steps of a schedule, of POV and of split."
    )
    sweep_s: int = Field(
        5,
        ge=1,
        description="Before the horizon's end, what is left is taken at the market: a frame each "
        "to cancel, to take and to be filled, and a quiet market has one frame a second.",
    )
    rests: bool = Field(
        True,
        description="Whether each slice rests post-only at the own best price until the next one "
        "is due, and only what it did not get is taken; false: taken at once.",
    )
    participation: Decimal = Field(
        Decimal("0.1"), gt=0, le=1, description="pov: share of what the market trades."
    )
    clip_fraction: Decimal = Field(
        Decimal("0.1"), gt=0, le=1, description="iceberg: share of the order that is shown."
    )
    urgency: Decimal = Field(
        Decimal("0.5"), ge=0, le=1,
        description="adaptive: 0 spreads evenly and waits, 1 goes early and takes.",
    )  # fmt: skip
    max_impact_bps: Decimal = Field(
        Decimal(1), gt=0,
        description="split: mean price of a child from the best price, by the book that is shown.",
    )  # fmt: skip
    limit_bps: Decimal = Field(
        Decimal(0), ge=0, description="limit: how far beyond the other side's best price it goes."
    )
    routes: bool = Field(
        False,
        description="Whether an entry is shared out over the venues of its symbol, by price, fees "
        "(paper.venue_fees) and depth.",
    )
    curve_bucket_s: int = Field(
        900, ge=60, le=86_400,
        description="vwap: length of the times of day whose usual volumes are learnt.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _fits(self) -> AlgorithmsSettings:
        if self.slice_s + self.sweep_s > self.horizon_s:
            raise ValueError("slice_s and sweep_s together must not exceed horizon_s")
        if self.horizon_s // self.slice_s > MOST_SLICES:
            raise ValueError(f"horizon_s must not be more than {MOST_SLICES} times slice_s")
        if 86_400 % self.curve_bucket_s:
            raise ValueError("curve_bucket_s must divide a day of 86400 s")
        return self

    @property
    def horizon_ns(self) -> int:
        """The horizon in nanoseconds."""
        return self.horizon_s * NS_PER_S

    @property
    def slice_ns(self) -> int:
        """A slice in nanoseconds."""
        return self.slice_s * NS_PER_S

    @property
    def sweep_ns(self) -> int:
        """How long before the end the sweep begins, in nanoseconds."""
        return self.sweep_s * NS_PER_S

    @property
    def slices(self) -> int:
        """Slices of a schedule: those that begin and end before the sweep, at least one."""
        return (self.horizon_s - self.sweep_s) // self.slice_s

    @property
    def bucket_ns(self) -> int:
        """Length of a time of day in nanoseconds."""
        return self.curve_bucket_s * NS_PER_S
