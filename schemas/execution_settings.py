"""Settings of execution: sizing, stops, risk limits, protections, the paper venue, the account.

Money and shares of it are exact decimals; statistics are floats.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import Field, model_validator

from schemas.frame import NS_PER_MS, NS_PER_S
from schemas.section import Section


class SizingScaling(StrEnum):
    """How conviction beyond the threshold enlarges the base size."""

    ADDITIVE = "additive"
    MULTIPLICATIVE = "multiplicative"


class RiskProfile(StrEnum):
    """How much of the balance one position may be at most, beside the cap of the sizing."""

    CAUTIOUS = "cautious"
    """5% of the balance."""
    STANDARD = "standard"
    """What the sizing policy allows."""


class SizingSettings(Section):
    """How large a position a signal asks for."""

    policy: str = Field("threshold", description="Sizing policy by name: threshold, confluence.")
    base_fraction: Decimal = Field(Decimal("0.03"), gt=0, le=1, description="Share of balance.")
    scale_factor: Decimal = Field(
        Decimal("0.01"), ge=0, description="Share of balance added per point beyond the threshold."
    )
    cap_fraction: Decimal = Field(
        Decimal("0.10"), gt=0, le=1, description="Largest share of balance."
    )
    scaling: SizingScaling = Field(
        SizingScaling.ADDITIVE,
        description="additive: base + excess * scale_factor; multiplicative: base * (1 + that).",
    )
    min_score: Decimal = Field(
        Decimal(70), gt=50, le=100,
        description="confluence: longs trade from this score on, shorts from 100 less it down.",
    )  # fmt: skip
    scale_long: Decimal = Field(
        Decimal(69), ge=50, le=100,
        description="confluence: longs grow beyond this score; above min_score lies a base band.",
    )  # fmt: skip
    scale_short: Decimal = Field(
        Decimal(31), ge=0, le=50, description="confluence: shorts grow below this score."
    )
    profile: RiskProfile = Field(
        RiskProfile.STANDARD, description="cautious caps every position at 5% of the balance."
    )
    risk_fraction: Decimal = Field(
        Decimal("0.01"), gt=0, le=1,
        description="Most of the balance that a position may lose at its widest stop.",
    )  # fmt: skip
    usual_range_fraction: Decimal = Field(
        Decimal("0.005"), gt=0,
        description="Range of 5 minutes, as a share of price, up to which a size stands in full.",
    )  # fmt: skip
    volatility_floor: Decimal = Field(
        Decimal("0.25"), gt=0, le=1, description="Least that wider ranges leave of a size."
    )
    kelly_share: Decimal = Field(
        Decimal("0.25"), gt=0, le=1, description="Share of the Kelly fraction that may be risked."
    )
    kelly_trades: int = Field(
        50, ge=1, description="Closed trades that weigh as much as the prior of Kelly."
    )
    kelly_win_rate: Decimal = Field(
        Decimal("0.5"), gt=0, lt=1, description="Win rate before any trade was closed."
    )
    kelly_payoff: Decimal = Field(
        Decimal("1.5"), gt=0, description="Mean win over mean loss before any trade was closed."
    )
    kelly_floor: Decimal = Field(
        Decimal("0.002"), ge=0, le=1,
        description="Share of the balance that may be risked without an edge, to go on learning.",
    )  # fmt: skip
    liquidity_share: Decimal = Field(
        Decimal("0.25"), gt=0, le=1,
        description="Most of the shown quantity of the side to be taken, within 50 levels.",
    )  # fmt: skip


class StopsSettings(Section):
    """Where positions are left: stop, targets, trailing, break-even, time."""

    at_venue: bool = Field(
        True, description="Whether stop and targets rest at the venue; false: signals alone exit."
    )
    tight: Decimal = Field(
        Decimal("0.75"), gt=0, description="Stop at the threshold, in distances of the signal's."
    )
    wide: Decimal = Field(
        Decimal("1.5"), gt=0, description="Stop at full conviction, in distances of the signal's."
    )
    full_conviction_points: Decimal = Field(
        Decimal(20), gt=0, description="Points beyond the threshold at which the stop is widest."
    )
    fallback_fraction: Decimal = Field(
        Decimal("0.01"), gt=0, lt=1,
        description="The signal's distance where it knows no range, as a share of price.",
    )  # fmt: skip
    target_ratios: tuple[Decimal, ...] = Field(
        (Decimal(1), Decimal(2), Decimal(3)),
        description="Targets in distances of the stop where the signal carries none; rising.",
    )
    target_shares: tuple[Decimal, ...] = Field(
        (Decimal("0.5"), Decimal("0.3"), Decimal("0.2")),
        description="Share of the position that each target takes, the nearest first.",
    )
    break_even_ratio: Decimal = Field(
        Decimal(1), gt=0, description="Move in favour, in stops, at which the stop goes to entry."
    )
    break_even_bps: Decimal = Field(
        Decimal(10), ge=0, description="How far beyond entry it goes, for the fees of both ways."
    )
    trail_from_ratio: Decimal = Field(
        Decimal("1.5"), gt=0, description="Move in favour, in stops, from which the stop trails."
    )
    trail_ratio: Decimal = Field(
        Decimal(1), gt=0, description="How far it trails behind the best price, in stops."
    )
    trail_step_ratio: Decimal = Field(
        Decimal("0.1"), gt=0, description="Least move of a trailing stop, in stops."
    )
    max_holding_s: int = Field(
        14_400, gt=0, description="Event time after which a position is closed."
    )

    @model_validator(mode="after")
    def _sound(self) -> StopsSettings:
        if self.wide < self.tight:
            raise ValueError("wide must not be below tight")
        total = Decimal(0)
        for share in self.target_shares:
            total += share
        if total > 1 or any(share <= 0 for share in self.target_shares):
            raise ValueError("target_shares must be above 0 and come to at most 1")
        ratios = self.target_ratios
        if any(b <= a for a, b in zip((Decimal(0), *ratios), ratios, strict=False)):
            raise ValueError("target_ratios must be above 0 and rise")
        return self


class RiskSettings(Section):
    """Limits that every entry must keep. Shares are of the account's equity.

    At a limit is within it; what lies beyond is refused. Losses alone are too much at the limit.
    """

    max_position_fraction: Decimal = Field(
        Decimal("0.20"), gt=0, description="One position's notional."
    )
    max_gross_fraction: Decimal = Field(
        Decimal("1.5"), gt=0, description="Longs and shorts added up."
    )
    max_net_fraction: Decimal = Field(Decimal(1), gt=0, description="Longs less shorts.")
    max_leverage: Decimal = Field(
        Decimal(3), gt=0, description="Derivatives' notional over the equity."
    )
    max_correlation: float = Field(
        0.7, gt=0, le=1, description="Correlation of returns with a position of the same side."
    )
    max_concentration_fraction: Decimal = Field(
        Decimal("0.30"), gt=0, description="One base asset, over its symbols and venues."
    )
    max_sector_fraction: Decimal = Field(
        Decimal("0.50"), gt=0, description="One sector (overview.sectors); unnamed ones are free."
    )
    max_heat_fraction: Decimal = Field(
        Decimal("0.25"), gt=0, description="What all stops together would lose."
    )
    max_daily_loss_fraction: Decimal = Field(
        Decimal("0.05"), gt=0, description="Loss since 00:00 UTC, of the equity then."
    )
    max_drawdown_fraction: Decimal = Field(
        Decimal("0.15"), gt=0, le=1, description="Fall from the highest equity; it halts."
    )
    max_var95_fraction: float = Field(
        0.05, gt=0, description="Value at risk of a day, 95%, historical."
    )
    max_var99_fraction: float = Field(
        0.08, gt=0, description="Value at risk of a day, 99%, historical."
    )
    max_es95_fraction: float = Field(
        0.07, gt=0, description="Expected shortfall of a day, 95%, historical."
    )
    max_es99_fraction: float = Field(
        0.10, gt=0, description="Expected shortfall of a day, 99%, historical."
    )
    max_range_fraction: Decimal = Field(
        Decimal("0.03"), gt=0, description="Range of 5 minutes, as a share of price."
    )
    max_orders_per_minute: int = Field(60, ge=1, description="Orders placed in 60 s.")
    max_deviation_fraction: Decimal = Field(
        Decimal("0.01"), gt=0, description="Price of an order from the mid of the book."
    )
    max_order_notional: Decimal = Field(
        Decimal(100_000), gt=0, description="One order, in account currency: fat fingers."
    )
    max_mark_age_s: int = Field(
        30, gt=0, description="Age of the last mid of any open position, in event time."
    )
    sample_s: int = Field(60, gt=0, description="Event time between two samples of every mid.")
    samples: int = Field(
        360, ge=20, le=2_000, description="Samples that VaR and shortfall look back."
    )
    unknown_loss_fraction: float = Field(
        0.10,
        gt=0,
        description="What VaR and shortfall take to be lost in a day of a position whose samples "
        "are too few, whatever its side.",
    )
    correlation_samples: int = Field(
        120, ge=20, le=2_000, description="Samples that correlations look back."
    )
    samples_at_least: int = Field(
        60,
        ge=2,
        description="Samples below which a symbol's returns are too few, for VaR, shortfall "
        "(unknown_loss_fraction) and correlation (unknown).",
    )

    @property
    def sample_ns(self) -> int:
        """Time between two samples in nanoseconds."""
        return self.sample_s * NS_PER_S


class ProtectionsSettings(Section):
    """Pauses after losses; each looks back over closed trades."""

    cool_down_s: int = Field(
        0,
        ge=0,
        description="After a position of a symbol is closed, until it may open again; 0 is off: "
        "the signals have a cooldown of their own.",
    )
    stop_guard_trades: int = Field(
        4, ge=1, description="Stop-losses within stop_guard_lookback_s that stop every entry."
    )
    stop_guard_lookback_s: int = Field(3_600, gt=0, description="How far it looks back.")
    stop_guard_pause_s: int = Field(1_800, gt=0, description="How long, from the last of them.")
    drawdown_guard_fraction: Decimal = Field(
        Decimal("0.08"), gt=0, le=1, description="Fall of the balance within the lookback."
    )
    drawdown_guard_trades: int = Field(
        10, ge=1, description="Closed trades below which the fall does not count."
    )
    drawdown_guard_lookback_s: int = Field(86_400, gt=0, description="How far it looks back.")
    drawdown_guard_pause_s: int = Field(
        14_400, gt=0, description="How long, from the last closed trade."
    )
    low_profit_trades: int = Field(
        6, ge=1, description="Closed trades of a symbol below which its profit does not count."
    )
    low_profit_fraction: Decimal = Field(
        Decimal("-0.005"),
        description="Profit over notional of a symbol's trades that must be exceeded.",
    )
    low_profit_lookback_s: int = Field(21_600, gt=0, description="How far it looks back.")
    low_profit_pause_s: int = Field(
        3_600, gt=0, description="How long, from the symbol's last closed trade."
    )


class VenueFees(Section):
    """What a venue charges."""

    taker_fee_bps: Decimal = Field(ge=0, description="Taker fee, in basis points.")
    maker_fee_bps: Decimal = Field(description="Maker fee, in basis points; below 0 is a rebate.")


class PaperSettings(Section):
    """The paper venue."""

    balance: Decimal = Field(Decimal(100_000), gt=0, description="Start balance, account currency.")
    currency: str = Field("USDT", description="Account currency; symbols must settle in it.")
    latency_ms: int = Field(
        50, ge=0, description="Time from a request to the venue; it holds from the next close on."
    )
    taker_fee_bps: Decimal = Field(
        Decimal(5), ge=0, description="Taker fee of the traded notional, in basis points."
    )
    maker_fee_bps: Decimal = Field(
        Decimal(2), description="Maker fee, in basis points; below 0 is a rebate."
    )
    venue_fees: dict[str, VenueFees] = Field(
        default_factory=dict, description="Fees of a venue by its name, instead of the two above."
    )
    cancels_ahead: Decimal = Field(
        Decimal(0), ge=0, le=1,
        description="Share of the quantity cancelled at a price that stood ahead of our order.",
    )  # fmt: skip
    leverage: Decimal = Field(
        Decimal(3), ge=1, description="Equity backs this much notional of derivatives."
    )
    maintenance_fraction: Decimal = Field(
        Decimal("0.01"), gt=0, lt=1,
        description="Equity below this share of the notional of all positions liquidates.",
    )  # fmt: skip
    liquidation_fee_bps: Decimal = Field(
        Decimal(50), ge=0, description="Fee of a liquidation beside the taker fee."
    )

    def fees_of(self, venue: str) -> VenueFees:
        """What a venue charges."""
        return self.venue_fees.get(venue) or VenueFees(
            taker_fee_bps=self.taker_fee_bps, maker_fee_bps=self.maker_fee_bps
        )

    @property
    def latency_ns(self) -> int:
        """Latency in nanoseconds."""
        return self.latency_ms * NS_PER_MS


class AccountSettings(Section):
    """The account that trades."""

    id: str = Field("paper", min_length=1, description="Name of the account.")
    max_open_positions: int = Field(10, ge=1, description="No new position beyond this many.")
