"""Settings of the bands that a dimension's indicators have, and how far the market moves them."""

from __future__ import annotations

from pydantic import Field

from agents.indicators.bands import BandBounds
from schemas.settings import Section


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
