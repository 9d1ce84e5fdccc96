"""Live fills against paper fills of the same signals: what the paper venue's assumptions are worth.

Two accounts decide by the same signals, one at a real venue and one on paper. What both did for one
leg of a signal is a pair. Costs are above 0 where live was worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from agents.execution.ledger import EXACT, ZERO
from schemas.money import CONTEXT
from schemas.order import Fill, Funding, Order

_BPS = Decimal(10_000)
_PLACES = Decimal("0.0001")


class Leg(NamedTuple):
    """What a pair has in common: one leg of one signal, ``open`` or ``stop`` for example."""

    venue: str
    symbol: str
    signal_id: str
    leg: str


class Done(msgspec.Struct, frozen=True):
    """All fills of one account for a leg. ``price`` is their mean by quantity, ``side`` 1 or −1."""

    side: int
    qty: Decimal
    price: Decimal
    fees: Decimal
    first_ns: int


class Drift(msgspec.Struct, frozen=True):
    """One leg; ``None`` is what one of the two did not do.

    ``price_bps = side · (live − paper) / paper``, rounded to 4 decimals; ``price_cost`` is that
    difference in money on the quantity that both have done.
    """

    venue: str
    symbol: str
    signal_id: str
    leg: str
    live: Done | None
    paper: Done | None
    price_bps: Decimal | None = None
    price_cost: Decimal = ZERO


class DriftSummary(msgspec.Struct, frozen=True):
    """All legs. ``price_bps`` weighs pairs by what both have done, at the paper price; fees are of
    each account's own notional.
    """

    pairs: int
    only_live: int
    only_paper: int
    price_cost: Decimal
    price_bps: Decimal | None
    live_fee_bps: Decimal | None
    paper_fee_bps: Decimal | None


Account = tuple[Sequence[Order], Sequence[Fill | Funding]]
"""Orders in all their versions, and fills."""


def drift(live: Account, paper: Account) -> list[Drift]:
    """Every leg that either has done, in the order of the first fill."""
    there, here = _done(*live), _done(*paper)
    found = [_compare(leg, there.get(leg), here.get(leg)) for leg in there.keys() | here.keys()]
    return sorted(found, key=lambda one: (_first_ns(one), one.venue, one.symbol, one.leg))


def summary(found: Sequence[Drift]) -> DriftSummary:
    """What they come to."""
    cost, both = ZERO, ZERO
    for one in found:
        cost = EXACT.add(cost, one.price_cost)
        if one.live is not None and one.paper is not None:
            both = EXACT.add(both, EXACT.multiply(_common(one.live, one.paper), one.paper.price))
    lives = [one.live for one in found if one.live is not None]
    papers = [one.paper for one in found if one.paper is not None]
    pairs = len(lives) + len(papers) - len(found)
    return DriftSummary(
        pairs=pairs,
        only_live=len(lives) - pairs,
        only_paper=len(papers) - pairs,
        price_cost=cost,
        price_bps=_bps(cost, both),
        live_fee_bps=_fee_bps(lives),
        paper_fee_bps=_fee_bps(papers),
    )


def _done(orders: Iterable[Order], fills: Iterable[Fill | Funding]) -> Mapping[Leg, Done]:
    legs = {o.client_order_id: Leg(o.venue, o.symbol, o.signal_id, o.leg) for o in orders}
    trades = {(f.venue, f.symbol, f.trade_id): f for f in fills if isinstance(f, Fill)}
    by_leg: dict[Leg, list[Fill]] = {}
    for fill in trades.values():
        leg = legs.get(fill.client_order_id)
        if leg is not None:  # what was adopted belongs to no signal
            by_leg.setdefault(leg, []).append(fill)
    return {leg: _sum(found) for leg, found in by_leg.items()}


def _sum(fills: Sequence[Fill]) -> Done:
    qty, worth, fees = ZERO, ZERO, ZERO
    for fill in fills:
        qty = EXACT.add(qty, fill.qty)
        worth = EXACT.add(worth, EXACT.multiply(fill.qty, fill.price))
        fees = EXACT.add(fees, fill.fee)
    price = CONTEXT.divide(worth, qty)
    return Done(fills[0].side.value, qty, price, fees, min(fill.tick_ns for fill in fills))


def _compare(leg: Leg, live: Done | None, paper: Done | None) -> Drift:
    if live is None or paper is None:
        return Drift(*leg, live=live, paper=paper)
    worse = EXACT.multiply(EXACT.subtract(live.price, paper.price), Decimal(live.side))
    cost = EXACT.multiply(worse, _common(live, paper))
    return Drift(*leg, live=live, paper=paper, price_bps=_bps(worse, paper.price), price_cost=cost)


def _common(live: Done, paper: Done) -> Decimal:
    return min(live.qty, paper.qty)


def _first_ns(one: Drift) -> int:
    return min(done.first_ns for done in (one.live, one.paper) if done is not None)


def _fee_bps(done: Sequence[Done]) -> Decimal | None:
    fees, worth = ZERO, ZERO
    for one in done:
        fees = EXACT.add(fees, one.fees)
        worth = EXACT.add(worth, EXACT.multiply(one.qty, one.price))
    return _bps(fees, worth)


def _bps(part: Decimal, whole: Decimal) -> Decimal | None:
    if not whole:
        return None
    return CONTEXT.divide(CONTEXT.multiply(part, _BPS), whole).quantize(_PLACES)
