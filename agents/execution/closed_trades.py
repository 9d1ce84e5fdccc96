"""Closed positions: what the protections and the Kelly fraction look back on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from schemas.money import CONTEXT

ZERO = Decimal(0)

KEPT = 500
"""Closed positions that are remembered; older ones no protection looks back to."""


class Exit(StrEnum):
    """What closed a position."""

    SIGNAL = "signal"
    STOP = "stop"
    TARGET = "target"
    TIME = "time"
    MONITOR = "monitor"
    LIQUIDATION = "liquidation"


class ClosedTrade(msgspec.Struct, frozen=True, array_like=True):
    """A position from its opening until it was flat.

    ``profit`` after fees and funding, ``notional`` what was paid for all that was opened,
    ``balance`` of the account afterwards: all in account currency.
    """

    key: str
    closed_ns: int
    exit: Exit
    profit: Decimal
    notional: Decimal
    balance: Decimal


def since(trades: Sequence[ClosedTrade], from_ns: int) -> list[ClosedTrade]:
    """Those closed at or after a time."""
    return [trade for trade in trades if trade.closed_ns >= from_ns]


def profit_of(trades: Sequence[ClosedTrade]) -> Decimal:
    """Profit of all of them together."""
    total = ZERO
    for trade in trades:
        total = CONTEXT.add(total, trade.profit)
    return total
