"""What is held, at its marks: exposure, heat, correlations, and how to spread the risk evenly."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import combinations

import msgspec

from agents.execution.account_state import AccountState
from agents.execution.portfolio.risk_parity import covariance, parity_weights
from agents.execution.statistics import Returns, correlation
from agents.venues.base import Venue
from schemas.money import CONTEXT, decimal_of
from schemas.portfolio import Correlation, HeldShare

ZERO = Decimal(0)
_CENT = Decimal("0.01")
_ROUNDED = Context(prec=60, rounding=ROUND_HALF_EVEN)


def positions_of(state: AccountState, venue: Venue) -> list[HeldShare]:
    """Open positions with a mark, by key. Without a stop all of a position is at risk."""
    found = []
    for key in sorted(state.ledger.holdings):
        qty, mark = state.ledger.holdings[key].qty, state.marks.get(key)
        if not qty or mark is None:
            continue
        guard = state.guards.get(key)
        per_unit = mark if guard is None else guard.risk_per_unit(mark)
        found.append(
            HeldShare(
                key=key,
                qty=qty,
                notional=CONTEXT.multiply(qty, mark),
                unrealised=state.unrealised(key),
                heat=CONTEXT.multiply(abs(qty), per_unit),
                weight=0.0,
                liquidation_price=venue.liquidation_price(state.venue, key),
            )
        )
    total = gross(found)
    if not total:
        return found
    return [
        msgspec.structs.replace(p, weight=float(CONTEXT.divide(abs(p.notional), total)))
        for p in found
    ]


def gross(positions: Sequence[HeldShare]) -> Decimal:
    """Notionals added up without their signs."""
    total = ZERO
    for position in positions:
        total = CONTEXT.add(total, abs(position.notional))
    return total


def correlations_of(
    state: AccountState, keys: Sequence[str], *, window: int, at_least: int
) -> tuple[Correlation, ...]:
    """Correlations of all pairs over the last samples of the risk engine. Cost: O(pairs)."""
    series = {key: state.risk.returns.get(key, [])[-window:] for key in keys}
    return tuple(
        Correlation(a, b, correlation(series[a], series[b], at_least=at_least))
        for a, b in combinations(keys, 2)
    )


def balanced(
    state: AccountState,
    positions: Sequence[HeldShare],
    *,
    window: int,
    at_least: int,
    band: Decimal,
) -> list[HeldShare]:
    """The positions with their parity weights, and what to change to get there.

    Sides stay as they are: a short's returns count with their sign turned. A change below the band
    times the gross exposure is not suggested.
    """
    if len(positions) < 2:
        return [msgspec.structs.replace(p, parity_weight=1.0) for p in positions]
    series = [_signed(state.risk.returns.get(p.key, [])[-window:], p.qty) for p in positions]
    found = covariance(series, at_least=at_least)
    if found is None:
        return [*positions]
    total = gross(positions)
    changed = []
    for position, weight in zip(positions, parity_weights(found), strict=True):
        target = CONTEXT.multiply(total, decimal_of(weight))
        change = CONTEXT.subtract(target, abs(position.notional))
        worth = abs(change) > CONTEXT.multiply(total, band)
        changed.append(
            msgspec.structs.replace(
                position,
                parity_weight=weight,
                rebalance=change.quantize(_CENT, context=_ROUNDED) if worth else ZERO,
            )
        )
    return changed


def _signed(returns: Returns, qty: Decimal) -> Returns:
    return returns if qty > 0 else [None if r is None else -r for r in returns]
