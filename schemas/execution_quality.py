"""How well an order was executed: one record for each order that a signal asked for, at its end."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from schemas.frame import Message, Side


class Outcome(StrEnum):
    """How the work on an order ended."""

    FILLED = "filled"
    EXPIRED = "expired"
    """Its horizon is over, or what the book held was less."""
    STOPPED = "stopped"
    """A halt, a flatten, a signal against it, a refusal or a cancel ended it."""


class ExecutionQuality(Message, frozen=True):
    """An order from its decision to its end. Costs are above 0, gains below.

    Money, in account currency, is exact; with side s, mid m₀ at the decision and m₁ at the end,
    fills (p, q), quantity Q of which F was filled:

    - ``shortfall = s·Σ q·(p − m₀) + fees + opportunity`` (implementation shortfall, Perold 1988),
      ``opportunity = s·(Q − F)·(m₁ − m₀)``: what was not done, at the price it would have now;
    - ``improvement = s·Σ q·(o − p)``: better than the best price that could have been taken when
      the child was sent, o; above 0 is a gain.

    Rates in basis points are rounded to 4 decimals, ``None`` where there is nothing to divide by:

    - ``shortfall_bps`` of Q·m₀; ``slippage_bps = s·(p̄ − m₀)/m₀`` of the mean price against arrival;
    - ``vwap_bps``: the same against ``market_vwap``, the mean price of all that the market traded
      (``market_qty``) from the decision to the end;
    - ``impact_bps = s·(m₁ − m₀)/m₀``: how far the market went our way while we worked.

    ``children`` counts the orders that were sent; times are closes of frames.
    """

    parent_id: str
    account: str
    venue: str
    symbol: str
    tick_ns: int
    signal_id: str
    leg: str
    side: Side
    algorithm: str
    outcome: Outcome
    reason: str
    qty: Decimal
    filled_qty: Decimal
    maker_qty: Decimal
    children: int
    began_ns: int
    first_fill_ns: int | None
    last_fill_ns: int | None
    arrival_mid: Decimal | None
    end_mid: Decimal | None
    average_price: Decimal | None
    market_vwap: Decimal | None
    market_qty: Decimal
    fees: Decimal
    improvement: Decimal
    opportunity: Decimal | None
    shortfall: Decimal | None
    shortfall_bps: Decimal | None
    slippage_bps: Decimal | None
    vwap_bps: Decimal | None
    impact_bps: Decimal | None

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within the topic."""
        return self.parent_id
