"""Settings of the dimensions.

They stand apart because pydantic reads its classes as they are written: a module that has any stays
Python, and those beside it become machine code (``infra/compile.py``).
"""

from __future__ import annotations

from pydantic import Field

from agents.indicators.bands import BandBounds
from schemas.section import Section


class BandOptions(Section):
    """Bounds of what volatility, volume and liquidity do to bands; 0 holds them still."""

    bands_volatility: float = Field(
        0.10, ge=0, le=0.3,
        description="Most that volatility twice (half) its usual moves the bands out (in), as a "
        "share of their distance from the middle.",
    )  # fmt: skip
    bands_volume: float = Field(
        0.05, ge=0, le=0.3,
        description="Most that volume half (twice) its usual moves the bands out (in).",
    )  # fmt: skip
    bands_liquidity: float = Field(
        0.05, ge=0, le=0.3,
        description="Most that a book twice (half) as poor as usual moves the bands out (in).",
    )  # fmt: skip

    @property
    def band_bounds(self) -> BandBounds:
        """The bounds together."""
        return BandBounds(self.bands_volatility, self.bands_volume, self.bands_liquidity)


class OrderbookOptions(BandOptions):
    """Settings of the orderbook dimension; every time is event time."""

    warmup_s: float = Field(30.0, gt=0, description="History in s before a scale is trusted.")
    history_half_life_s: float = Field(
        600.0, gt=0, description="Half-life in s of the symbol's own past that scores are held to."
    )
    imbalance_half_life_s: float = Field(
        2.0, gt=0, description="Half-life in s of the time-weighted imbalance and depth."
    )
    pressure_half_life_s: float = Field(
        10.0, gt=0, description="Half-life in s of the order-flow imbalance."
    )
    impact_half_life_s: float = Field(
        10.0, gt=0, description="Half-life in s with which the impact of the past fades."
    )
    reference_s: float = Field(
        10.0, gt=0, description="The reference order is what the symbol trades in this many s."
    )
    large_multiple: float = Field(
        8.0, gt=1, description="An order is large from this many usual level quantities on."
    )
    wall_multiple: float = Field(
        5.0, gt=1, description="A level is a wall from this many times its side's others on."
    )


class OrderflowOptions(BandOptions):
    """Settings of the orderflow dimension; every time is event time."""

    warmup_s: float = Field(30.0, gt=0, description="History in s before a scale is trusted.")
    history_half_life_s: float = Field(
        600.0, gt=0, description="Half-life in s of the symbol's own past that scores are held to."
    )
    evidence_half_life_s: float = Field(
        30.0, gt=0, description="Half-life in s of a trade as evidence of a flow."
    )
    evidence_doubt: float = Field(
        5.0, ge=0, description="A flow of as many moments with trades counts for half; 0: in full."
    )
    flow_half_life_s: float = Field(
        15.0, gt=0, description="Half-life in s of the aggressive imbalance."
    )
    large_half_life_s: float = Field(
        60.0, gt=0, description="Half-life in s of the large-trade imbalance."
    )
    large_odds: int = Field(
        9, ge=1, description="A trade is large above the odds/(odds+1) quantile of sizes: 9 is 90%."
    )
    cvd_sample_s: float = Field(2.0, gt=0, description="Distance in s of the CVD's samples.")
    cvd_samples: int = Field(30, ge=3, le=120, description="Samples in the CVD's slope.")
    open_interest_window_s: float = Field(
        300.0, gt=0, description="How far back in s open interest and price are compared."
    )
    quotes_half_life_s: float = Field(
        60.0, gt=0, description="Half-life in s of what makers were seen to do."
    )
    refresh_timeout_s: float = Field(
        5.0, gt=0, description="After this many s a quote taken by a trade is not waited for."
    )
    bucket_s: float = Field(
        10.0, gt=0, description="A VPIN bucket is what the symbol trades in this many s."
    )
    buckets: int = Field(30, ge=8, le=200, description="Buckets in the VPIN.")
    horizon_s: float = Field(
        5.0, gt=0, description="Time in s after which a trade is held against the mid."
    )
    impact_half_life_s: float = Field(
        120.0, gt=0, description="Half-life in s of Kyle's regression."
    )
    cascade_half_life_s: float = Field(
        20.0, gt=0, description="Half-life in s of what counts as one run of liquidations."
    )


class PriceStructureOptions(Section):
    """Settings of the price structure dimension."""

    divergence_threshold: float = Field(
        10.0, ge=0, le=100, description="Points by which a timeframe may differ from the whole."
    )
    heat_half_life_s: float = Field(
        21_600.0, gt=0, description="Half-life in s of the openings that position heat remembers."
    )


class SentimentOptions(Section):
    """Settings of the sentiment dimension."""

    divergence_threshold: float = Field(
        10.0, ge=0, le=100, description="Points by which a timeframe may differ from the whole."
    )
    news_half_life_s: float = Field(
        21_600.0, gt=0, description="Half-life in s of what news and social media said."
    )
    assumed_leverage: float = Field(
        10.0, gt=1, le=125, description="Leverage assumed of positions: no venue tells it."
    )
    assumed_maintenance_share: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="Part of the initial margin that is maintenance: stands in for venues' tiers.",
    )


class TechnicalOptions(BandOptions):
    """Settings of the technical dimension; the periods are those of the indicators' authors."""

    divergence_threshold: float = Field(
        10.0, ge=0, le=100, description="Points by which a timeframe may differ from the whole."
    )


class VolumeOptions(Section):
    """Settings of the volume dimension; the periods are those of the indicators."""

    divergence_threshold: float = Field(
        10.0, ge=0, le=100, description="Points by which a timeframe may differ from the whole."
    )
