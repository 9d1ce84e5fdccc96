"""From fills to closed positions: what each earned after fees and funding."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.closed_trades import ClosedTrade, Exit
from agents.execution.ledger import Holding
from agents.execution.orders import MONITOR, REDUCE, STOP, TARGET, TIME, UNPROTECTED
from agents.venues.paper import LIQUIDATION
from schemas.money import CONTEXT
from schemas.order import Fill

ZERO = Decimal(0)


class Opening(msgspec.Struct):
    """Where a position's account stood when it was opened, and what was paid for it since."""

    earned: Decimal
    notional: Decimal = ZERO


def earned(holding: Holding) -> Decimal:
    """What a symbol has earned in all: realised, less fees, with funding."""
    return CONTEXT.add(CONTEXT.subtract(holding.realised_pnl, holding.fees), holding.funding)


def follow(
    openings: dict[str, Opening],
    fill: Fill,
    *,
    before: Holding,
    after: Holding,
    exit_: Exit,
    balance: Decimal,
    flat: bool,
) -> ClosedTrade | None:
    """Take a fill, with the position before and after it; the position that it closed.

    A fill that turns a position closes the old one, and its fee falls to that. ``flat`` says that
    nothing is left that could be closed.
    """
    key = f"{fill.venue}:{fill.symbol}"
    opening = openings.get(key)
    if opening is None:
        opening = openings[key] = Opening(earned(before))
    turned = before.qty * after.qty < 0
    grown = CONTEXT.subtract(abs(after.qty), abs(before.qty))
    if grown > 0 and not turned:
        added = CONTEXT.multiply(grown, fill.price)
        opening.notional = CONTEXT.add(opening.notional, added)
    if not flat and not turned:
        return None
    del openings[key]
    if turned:
        openings[key] = Opening(earned(after), after.cost)
    return ClosedTrade(
        key=key,
        closed_ns=fill.tick_ns,
        exit=exit_,
        profit=CONTEXT.subtract(earned(after), opening.earned),
        notional=opening.notional,
        balance=balance,
    )


def exit_by(leg: str) -> Exit:
    """What kind of exit the order of a leg makes."""
    if leg.startswith(TARGET):
        return Exit.TARGET
    if leg.startswith(REDUCE):
        return Exit.MONITOR
    known = {
        STOP: Exit.STOP,
        UNPROTECTED: Exit.STOP,
        TIME: Exit.TIME,
        MONITOR: Exit.MONITOR,
        LIQUIDATION: Exit.LIQUIDATION,
    }
    return known.get(leg, Exit.SIGNAL)
