"""Settings of a real venue. None of them is a secret: keys come from environment or files."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from schemas.section import Section

LIVE_DECIDES = {
    "enabled", "venue", "capital", "currency", "leverage", "foreign", "balance_tolerance",
    "balance_within_s", "max_decision_age_s",
}  # fmt: skip
"""Settings by which the account decides; the others say how the venue is reached."""


class Foreign(StrEnum):
    """What to do about orders and positions at the venue that are not ours."""

    ADOPT = "adopt"
    """Positions are ours from now on, at the venue's entry price; orders are left alone."""
    IGNORE = "ignore"
    """Both are left alone; what a position was at the start is not counted as ours."""
    REFUSE = "refuse"
    """Nothing is traded while there are any."""


class MarginMode(StrEnum):
    """Whether positions share the account's equity."""

    CROSS = "cross"
    ISOLATED = "isolated"


class PositionMode(StrEnum):
    """How the venue keeps longs and shorts of one symbol."""

    ONE_WAY = "one_way"
    HEDGE = "hedge"


class LiveSettings(Section):
    """A real venue: off unless `enabled`, and then only with keys and confirmed limits."""

    enabled: bool = Field(False, description="Orders go to a real venue; false: paper.")
    confirm: str = Field(
        "",
        description="The code of the account and its limits; `prism execution` tells it, and "
        "starts with no other.",
    )
    venue: str = Field(
        "binanceusdm", description="binance, binanceusdm, bybit, coinbase or hyperliquid."
    )
    sandbox: bool = Field(True, description="The venue's testnet or demo endpoints.")
    capital: Decimal = Field(
        Decimal(1_000),
        gt=0,
        description="What of the venue's balance this account trades with, account currency.",
    )
    currency: str = Field("USDT", description="Account currency; symbols must settle in it.")
    leverage: Decimal = Field(Decimal(3), ge=1, description="Set at the venue for each symbol.")
    margin_mode: MarginMode = Field(
        MarginMode.CROSS, description="cross or isolated; set at the venue for each symbol."
    )
    position_mode: PositionMode = Field(
        PositionMode.ONE_WAY, description="one_way; hedge mode is refused."
    )
    foreign: Foreign = Field(
        Foreign.REFUSE, description="Orders and positions not ours: adopt, ignore or refuse."
    )
    key_file: Path | None = Field(
        None, description="File with the API key; else the environment (PRISM_LIVE_KEY)."
    )
    secret_file: Path | None = Field(
        None, description="File with the API secret; else the environment (PRISM_LIVE_SECRET)."
    )
    reconcile_s: float = Field(
        30.0, gt=0, description="Distance of two comparisons of orders and positions."
    )
    poll_s: float = Field(
        2.0, gt=0, description="How long an order may be without news before it is looked up."
    )
    not_found_s: float = Field(
        10.0,
        gt=0,
        description="How long an order that the venue does not know is looked for before it counts "
        "as never arrived; longer than recv_window_ms.",
    )
    recv_window_ms: int = Field(
        5_000, gt=0, le=60_000, description="The venue refuses a request that took longer."
    )
    timeout_s: float = Field(10.0, gt=0, description="Wait for a reply; then its fate is unknown.")
    dead_man_s: float = Field(
        120.0,
        ge=0,
        description="The venue cancels open orders when it hears nothing for so long; 0: off.",
    )
    max_decision_age_s: float = Field(
        15.0,
        ge=0,
        le=60,
        description="An order that opens or adds is not sent when its decision is older, nor one "
        "for a signal that has waited longer; what closes, protects or cancels always is. Longer "
        "than runtime.absent_after_s. 0, no limit, only where connect_to is set.",
    )
    max_clock_off_ms: int = Field(
        1_000,
        gt=0,
        description="A role does not start while its clock and the venue's differ more.",
    )
    funding_s: float = Field(300.0, gt=0, description="Distance of two looks at funding payments.")
    balance_tolerance: Decimal = Field(
        Decimal("0.001"),
        ge=0,
        description="What the venue's balance may be off the account's books, share of capital.",
    )
    balance_within_s: float = Field(
        600.0,
        gt=0,
        description="How long a larger difference must stand before it is told; longer than "
        "funding_s.",
    )
    rate_share: float = Field(
        0.5, gt=0, le=1, description="Share of the venue's request limit for orders."
    )
    connect_to: str = Field(
        "", description="host:port that takes the place of the venue (a simulated exchange)."
    )
    ca_file: str = Field("", description="Certificate authority to trust instead of the system's.")
