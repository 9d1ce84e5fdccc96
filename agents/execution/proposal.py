"""What the rules look at: an entry that is about to be placed, and where the account stands."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.closed_trades import ClosedTrade
from agents.execution.statistics import Tail
from schemas.execution_settings import ProtectionsSettings, RiskSettings
from schemas.frame import ContractKind, Side, contract_kind
from schemas.money import CONTEXT

ZERO = Decimal(0)


class Exposure(msgspec.Struct, frozen=True):
    """One position at its mark. ``notional`` is signed, ``risk`` what its stop would lose.

    ``correlation`` of its returns with those of the proposed symbol, ``None`` while unknown;
    ``age_ns`` is how old its mark is.
    """

    key: str
    notional: Decimal
    risk: Decimal = ZERO
    correlation: float | None = None
    age_ns: int = 0


class Proposal(msgspec.Struct, frozen=True):
    """An order that makes a position larger, as the account would be with it filled.

    ``after`` is the position of its symbol then, ``others`` the open positions beside it. ``mid``
    and ``range_fraction`` are those of its symbol; ``stale`` names what of its market is out of
    date. ``tail`` are losses of a day as shares of the equity, with the order filled.
    """

    now_ns: int
    side: Side
    price: Decimal
    notional: Decimal
    equity: Decimal
    after: Exposure
    limits: RiskSettings
    protections: ProtectionsSettings
    max_open_positions: int
    opens: bool = True
    mid: Decimal | None = None
    range_fraction: Decimal | None = None
    stale: tuple[str, ...] = ()
    others: tuple[Exposure, ...] = ()
    sectors: dict[str, str] = {}
    tail: Tail | None = None
    drawdown: Decimal = ZERO
    daily_loss: Decimal = ZERO
    halted: str = ""
    recent_orders: int = 0
    trades: tuple[ClosedTrade, ...] = ()

    @property
    def key(self) -> str:
        """``venue:symbol``."""
        return self.after.key

    @property
    def positions(self) -> tuple[Exposure, ...]:
        """All positions, with the order filled."""
        return (*self.others, self.after)

    def share(self, fraction: Decimal) -> Decimal:
        """A share of the equity, at least 0."""
        return max(CONTEXT.multiply(self.equity, fraction), ZERO)

    def gross(self, *, derivatives_only: bool = False) -> Decimal:
        """Notionals added up without their signs."""
        total = ZERO
        for position in self.positions:
            spot = contract_kind(symbol_of(position.key)) is ContractKind.SPOT
            if not (derivatives_only and spot):
                total = CONTEXT.add(total, abs(position.notional))
        return total


def symbol_of(key: str) -> str:
    """Symbol of ``venue:symbol``."""
    return key.partition(":")[2]


def base_of(key: str) -> str:
    """Base asset of ``venue:symbol``.

    >>> base_of("binanceusdm:BTC/USDT:USDT")
    'BTC'
    """
    return symbol_of(key).partition("/")[0]


def beyond(rule: str, value: Decimal | float, limit: Decimal | float, what: str) -> str | None:
    """The breach, named with limit and value, if the value lies beyond the limit."""
    return f"{rule}: limit {limit}, {what} {value}" if value > limit else None
