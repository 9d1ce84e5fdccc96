"""Reconciliation: what the account holds for true against what the venue shows.

Over the union of both sides, orders and positions. It converges when nothing differs but what the
settings say is to be ignored. Orders that are still on their way are no difference; what nobody
knows the fate of is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.frame import Side
from schemas.live_settings import Foreign
from schemas.money import CONTEXT
from schemas.order import Order, OrderStatus
from schemas.venue import AccountReport, RestingOrder, VenuePosition

ZERO = Decimal(0)

_AT_VENUE = frozenset({OrderStatus.ACKNOWLEDGED, OrderStatus.PARTIAL})


class Found(NamedTuple):
    """``differences`` for people; ``strays`` are orders of ours that are done here and work there;
    ``adopted`` and ``ignored`` are positions that were there before us.
    """

    differences: tuple[str, ...]
    strays: tuple[RestingOrder, ...]
    adopted: tuple[VenuePosition, ...] = ()
    ignored: Mapping[str, Decimal] = {}


def compare(
    report: AccountReport,
    orders: Mapping[str, Order],
    held: Mapping[str, Decimal],
    *,
    outside: Mapping[str, Decimal],
    foreign: Foreign,
    first: bool,
) -> Found:
    """Compare a look at the venue with the orders of ours by id and positions by symbol.

    ``outside`` are positions that are ignored. Only at the ``first`` convergence of an account may
    a position be foreign: later it is a fill that is missing.
    """
    shown = {order.client_order_id: order for order in report.orders}
    unknown = [o.client_order_id for o in orders.values() if o.status is OrderStatus.UNKNOWN]
    differences = [f"order {id_}: nobody knows what became of it" for id_ in sorted(unknown)]
    for id_, order in sorted(orders.items()):
        if order.status in _AT_VENUE and id_ not in shown:
            differences.append(f"order {id_}: {order.status.value} here, not open at the venue")
    strays = [o for id_, o in sorted(shown.items()) if id_ in orders and _is_done(orders[id_])]
    differences += [f"order {o.client_order_id}: done here, open at the venue" for o in strays]
    if foreign is Foreign.REFUSE:
        others = sorted(shown.keys() - orders.keys())
        differences += [f"order {id_} of {shown[id_].symbol}: not ours" for id_ in others]
    return _positions(
        report.positions, held, outside, foreign=foreign, first=first,
        so_far=Found(tuple(differences), tuple(strays)),
    )  # fmt: skip


def _positions(
    positions: Sequence[VenuePosition],
    held: Mapping[str, Decimal],
    outside: Mapping[str, Decimal],
    *,
    foreign: Foreign,
    first: bool,
    so_far: Found,
) -> Found:
    shown = {position.symbol: position for position in positions}
    differences = list(so_far.differences)
    adopted, ignored = [], {}
    for symbol in sorted(shown.keys() | held.keys() | outside.keys()):
        there = shown.get(symbol, VenuePosition(symbol, ZERO, ZERO))
        ours = held.get(symbol, ZERO)
        beyond = CONTEXT.subtract(there.qty, CONTEXT.add(ours, outside.get(symbol, ZERO)))
        if not beyond:
            continue
        if first and not ours and foreign is Foreign.ADOPT:
            adopted.append(there)
        elif first and foreign is Foreign.IGNORE:
            ignored[symbol] = beyond
        else:
            differences.append(f"position {symbol}: {ours} here, {there.qty} at the venue")
    return Found(tuple(differences), so_far.strays, tuple(adopted), ignored)


def _is_done(order: Order) -> bool:
    return order.status in {
        OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.RECONCILED,
    }  # fmt: skip


def side_of(qty: Decimal) -> Side:
    """Side of a signed quantity."""
    return Side.BUY if qty > 0 else Side.SELL
