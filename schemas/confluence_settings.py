"""Settings of the confluence: weights, regime, thresholds, signals."""

from __future__ import annotations

from pydantic import Field, model_validator

from schemas.frame import NS_PER_S
from schemas.section import Section


class WeightsSettings(Section):
    """Base weight of each dimension in the confluence score; renormalised over what is ready."""

    technical: float = Field(0.15, ge=0, description="Weight of the technical dimension.")
    volume: float = Field(0.15, ge=0, description="Weight of the volume dimension.")
    orderflow: float = Field(0.225, ge=0, description="Weight of the orderflow dimension.")
    orderbook: float = Field(0.225, ge=0, description="Weight of the orderbook dimension.")
    price_structure: float = Field(0.15, ge=0, description="Weight of price structure.")
    sentiment: float = Field(0.10, ge=0, description="Weight of the sentiment dimension.")


class Multipliers(Section):
    """What each base weight is multiplied by in a regime; 1 where nothing is said.

    Held to 0.708-1.414, within 1/√2 and √2: then, after the weights are normalised, none is below
    half or above twice its base weight, whatever the others do.
    """

    technical: float = Field(1.0, ge=0.708, le=1.414, description="Of the technical dimension.")
    volume: float = Field(1.0, ge=0.708, le=1.414, description="Of the volume dimension.")
    orderflow: float = Field(1.0, ge=0.708, le=1.414, description="Of the orderflow dimension.")
    orderbook: float = Field(1.0, ge=0.708, le=1.414, description="Of the orderbook dimension.")
    price_structure: float = Field(1.0, ge=0.708, le=1.414, description="Of price structure.")
    sentiment: float = Field(1.0, ge=0.708, le=1.414, description="Of the sentiment dimension.")


_TREND = Multipliers(
    technical=1.2, volume=1.1, orderflow=1.1, orderbook=0.85, price_structure=1.0, sentiment=0.9
)
_RANGE = Multipliers(technical=0.8, orderflow=0.95, orderbook=1.15, price_structure=1.2)
_VOLATILE = Multipliers(
    technical=0.85, volume=1.15, orderflow=1.25, orderbook=0.8, price_structure=0.9, sentiment=1.1
)


class RegimeSettings(Section):
    """How a symbol's regime is told from its mids, and what it does to the weights."""

    sample_s: float = Field(
        5.0, gt=0,
        description="Event time between two samples of the mid; regime and weights move only then.",
    )  # fmt: skip
    samples: int = Field(
        60, ge=12, le=240, description="Samples over which a trend is looked for: 5 minutes."
    )
    trend_efficiency: float = Field(
        0.35, gt=0, le=1, description="Efficiency ratio (net move over path) that makes a trend."
    )
    trend_adx: float = Field(
        25.0, gt=0, le=100, description="ADX of 5m that makes a trend, where technical has it."
    )
    volatile_ratio: float = Field(
        2.0, gt=1, description="Short over long realised volatility that makes a volatile market."
    )
    short_half_life_s: float = Field(
        60.0, gt=0, description="Half-life in s of the short realised volatility."
    )
    long_half_life_s: float = Field(
        1800.0, gt=0, description="Half-life in s of the long realised volatility."
    )
    keep_share: float = Field(
        0.75, gt=0, le=1,
        description="A regime stays until what made it falls below this share of its threshold.",
    )  # fmt: skip
    skill_horizon_samples: int = Field(
        12, ge=1, le=60, description="Samples after which a score is held against the mid's move."
    )
    skill_half_life_s: float = Field(
        7200.0, gt=0, description="Half-life in s of what is remembered of a dimension's skill."
    )
    skill_reach: float = Field(
        0.5, ge=0, le=1,
        description="How far skill may move a weight: 1 is up to √2 times or 1/√2, 0 not at all.",
    )  # fmt: skip
    weights_step: float = Field(
        0.05, gt=0, lt=1,
        description="Weights are put in force anew, and that is logged, when one of their "
        "multipliers would change by more than this share, or the regime changes.",
    )  # fmt: skip
    trending_up: Multipliers = Field(_TREND, description="Multipliers of the weights in a rise.")
    trending_down: Multipliers = Field(_TREND, description="Multipliers of the weights in a fall.")
    ranging: Multipliers = Field(_RANGE, description="Multipliers of the weights without a trend.")
    volatile: Multipliers = Field(
        _VOLATILE, description="Multipliers of the weights in unusual volatility."
    )

    @property
    def sample_ns(self) -> int:
        """Time between two samples in nanoseconds."""
        return round(self.sample_s * NS_PER_S)


class ThresholdsSettings(Section):
    """How far the market may move the signal thresholds, as shares of their distance from 50."""

    volatility: float = Field(
        0.10, ge=0, le=0.5,
        description="Most that volatility twice (half) its usual moves them out (in).",
    )  # fmt: skip
    volume: float = Field(
        0.05, ge=0, le=0.5,
        description="Most that volume half (twice) its usual moves them out (in).",
    )  # fmt: skip
    liquidity: float = Field(
        0.05, ge=0, le=0.5,
        description="Most that a book twice (half) as poor as usual, in spread and depth together, "
        "moves them out (in).",
    )  # fmt: skip


class SignalsSettings(Section):
    """When a confluence score becomes a signal, and what it proposes."""

    long_threshold: float = Field(68.0, ge=50, le=100, description="Long at or above this score.")
    short_threshold: float = Field(35.0, ge=0, le=50, description="Short at or below this score.")
    hysteresis: float = Field(
        3.0,
        ge=0,
        description="Points the score must fall back before the same side can fire again.",
    )
    exit_band: float = Field(
        5.0,
        ge=0,
        description="An open side is left when the score comes this near to 50, or past it.",
    )
    cooldown_s: float = Field(
        10.0, ge=0, description="Event time between two entry signals of a symbol."
    )
    reliability_floor: float = Field(
        0.30, ge=0, le=1, description="Below this reliability there is no signal."
    )
    risk_fraction: float = Field(
        0.01, gt=0, le=1, description="Share of the balance to risk per trade at reliability 1."
    )
    stop_ranges: float = Field(
        1.5, gt=0, description="Distance of the stop, in ranges of 5 minutes (ATR)."
    )
    target_ratios: tuple[float, ...] = Field(
        (1.0, 2.0, 3.0), description="Distances of the targets, in distances of the stop; rising."
    )

    @model_validator(mode="after")
    def _rising_targets(self) -> SignalsSettings:
        ratios = self.target_ratios
        if any(b <= a for a, b in zip((0.0, *ratios), ratios, strict=False)):
            raise ValueError("target_ratios must be above 0 and rise")
        return self
