"""Flatten: cancel the orders of a scope, close its positions, and say so when nothing is left.

A symbol is worked on at its own frames: first its working orders are cancelled, and when the venue
has none left but stops and targets, what is held is closed by one reduce-only market order. What
that leaves, because the book was too thin, is closed by the next attempt. One that the venue has
refused is tried again at the next tick. It is done when the venue
reports no orders and no positions in the whole scope; where a symbol gets no frames, that is not
yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from agents.execution.halts import Flattening, Halts
from agents.execution.orders import is_protective
from agents.venues.base import Closable, Venue
from agents.venues.live_state import LiveState
from agents.venues.paper import PaperState
from schemas.frame import Frame, Message, Side
from schemas.order import Flattened, Order, OrderStatus, OrderType, client_order_id

ZERO = Decimal(0)

LEG = "flatten"


def flatten(
    halts: Halts,
    frame: Frame,
    *,
    account: str,
    held: Mapping[str, Decimal],
    closable: Closable,
    may_close: bool,
    venue: Venue,
    at: PaperState | LiveState,
) -> list[Message]:
    """Do at one frame what flattens under way want: orders, and a record of each that is done.

    ``held`` is what can be closed, ``closable`` tells of what the venue shows how much is;
    ``may_close``: a close that was refused may be tried again.
    """
    records: list[Message] = []
    for task in list(halts.flattening):
        if task.covers(frame.key):
            qty, waits = held.get(frame.key, ZERO), frame.key in task.attempts and not may_close
            records.extend(
                _work_on(task, frame, account=account, held=qty, waits=waits, venue=venue, at=at)
            )
        orders = [key for key in venue.open_orders(at) if task.covers(key)]
        left = [key for key in held if task.covers(key)]
        if not orders and not left and venue.reports_none(at, task.command.scope, closable):
            halts.flattening.remove(task)
            records.append(_done(task, frame, account))
    return records


def _work_on(
    task: Flattening,
    frame: Frame,
    *,
    account: str,
    held: Decimal,
    waits: bool,
    venue: Venue,
    at: PaperState | LiveState,
) -> list[Order]:
    working = venue.open_orders(at).get(frame.key, [])
    # What protects the position stays until it is closed: it never opens the other side.
    waits = waits or any(not is_protective(order) for order in working)
    for order in working:
        if order.leg != LEG and not (held and waits and is_protective(order)):
            venue.cancel(at, order, now_ns=frame.close_ns)
    if waits or not held:
        return []
    attempt = task.attempts[frame.key] = task.attempts.get(frame.key, 0) + 1
    order = _closing(task, frame, account, held, attempt)
    venue.submit(at, order)
    return [order]


def _closing(
    task: Flattening, frame: Frame, account: str, held_qty: Decimal, attempt: int
) -> Order:
    command = task.command
    return Order(
        client_order_id=client_order_id(account, command.id, f"{LEG}:{frame.key}", attempt),
        version=0,
        account=account,
        venue=frame.venue,
        symbol=frame.symbol,
        tick_ns=frame.close_ns,
        status=OrderStatus.INTENT,
        side=Side.SELL if held_qty > 0 else Side.BUY,
        type=OrderType.MARKET,
        qty=held_qty.copy_abs(),
        filled_qty=Decimal(0),
        reduce_only=True,
        signal_id=command.id,
        leg=LEG,
        attempt=attempt,
        reason=f"flatten: by {command.by or 'unknown'}: {command.reason} ({command.id})",
    )


def _done(task: Flattening, frame: Frame, account: str) -> Flattened:
    return Flattened(
        account=account,
        venue=frame.venue,
        symbol=frame.symbol,
        tick_ns=frame.close_ns,
        command_id=task.command.id,
        scope=task.command.scope,
    )
