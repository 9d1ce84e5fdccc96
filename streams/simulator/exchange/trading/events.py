"""What happens to accounts, for those who tell the owners of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.conditional import Conditional
from streams.simulator.exchange.trading.orders import Fill, Order


class Execution(StrEnum):
    """What happened to an order."""

    NEW = "new"
    TRADE = "trade"
    AMENDED = "amended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Cause(StrEnum):
    """What changed balances or positions."""

    ORDER = "order"
    FUNDING = "funding"
    MARGIN = "margin"


@dataclass(frozen=True)
class OrderChanged:
    """An order changed; ``fill`` is what it got, where that is it."""

    account: Account
    order: Order
    execution: Execution
    fill: Fill | None = None


@dataclass(frozen=True)
class ConditionalChanged:
    """A conditional order came, triggered, or went."""

    account: Account
    conditional: Conditional


@dataclass(frozen=True)
class BalanceChanged:
    """Money or a position changed, by a trade of this symbol or otherwise."""

    account: Account
    listing: Listing
    cause: Cause


@dataclass(frozen=True)
class LeverageChanged:
    """The leverage of a symbol was set."""

    account: Account
    listing: Listing
    leverage: int


AccountEvent: TypeAlias = OrderChanged | ConditionalChanged | BalanceChanged | LeverageChanged
OnEvent: TypeAlias = Callable[[AccountEvent], None]
