"""From an aim to orders: what to cancel and what to send, so that nothing is ever doubled.

At every moment ``filled + what works <= qty``: a child is only sent for what no other child can
still fill, and what rests is cancelled, and seen to be cancelled, before it is taken instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from agents.execution.parents.aim import Aim
from agents.execution.parents.parent import Child, Parent
from agents.execution.parents.view import View
from schemas.money import CONTEXT, floor_to_step

ZERO = Decimal(0)
_TWO = Decimal(2)


class Send(NamedTuple):
    """A child to be sent; ``price`` ``None`` takes at the market."""

    qty: Decimal
    price: Decimal | None
    post_only: bool


class Moves(NamedTuple):
    """What to do now: children to cancel, and at most one to send."""

    cancels: Sequence[Child] = ()
    send: Send | None = None


def moves(parent: Parent, aim: Aim, view: View) -> Moves:
    """What brings a parent to its aim."""
    resting = [child for child in parent.working if child.is_resting]
    staying = [child for child in resting if not child.leaving]
    if aim.over or parent.stopped:
        return Moves(staying)
    free = CONTEXT.subtract(parent.left, parent.out())
    taking = _left(child for child in parent.working if not child.is_resting)
    done = CONTEXT.add(parent.filled, taking)
    behind = CONTEXT.subtract(min(aim.due, parent.task.qty), done)
    if resting and _would_be_stranded(parent, view, free, resting):
        return Moves()
    if behind > 0:
        if resting:
            return Moves(staying)
        return Moves(send=_sized(parent, aim, view, behind, free=free, price=None))
    if aim.rest is None:
        return Moves(staying)
    # Once a slice: every move is an order more, and loses its place in the queue.
    moves_on = parent.slice != parent.sent_slice
    away = [child for child in staying if moves_on and _is_behind(parent, child, aim.rest)]
    if len(staying) < len(resting) or away:
        return Moves(away)
    out = CONTEXT.add(done, _left(resting))
    room = CONTEXT.subtract(min(aim.may, parent.task.qty), out)
    if aim.clip is not None:
        room = ZERO if resting else min(room, aim.clip)
    return Moves(send=_sized(parent, aim, view, room, free=free, price=aim.rest))


def is_dust(parent: Parent, view: View) -> bool:
    """Whether what is left is too small for the venue, and nothing works that could fill it."""
    if parent.task.reduce_only or parent.working or parent.left <= 0:
        return False
    return CONTEXT.multiply(parent.left, view.other(parent.task.side)) < view.least


def _would_be_stranded(parent: Parent, view: View, free: Decimal, resting: list[Child]) -> bool:
    """Whether what a cancel would leave is too small to be sent again: it had better wait."""
    task = parent.task
    if task.reduce_only:
        return False
    after = CONTEXT.add(free, _left(resting))
    return CONTEXT.multiply(after, view.other(task.side)) < view.least


def _left(children: Iterable[Child]) -> Decimal:
    total = ZERO
    for child in children:
        total = CONTEXT.add(total, child.left)
    return total


def _is_behind(parent: Parent, child: Child, rest: Decimal) -> bool:
    """Whether the best price has moved away from a child."""
    return child.price is not None and (rest - child.price) * parent.task.side.value > 0


def _sized(
    parent: Parent, aim: Aim, view: View, want: Decimal, *, free: Decimal, price: Decimal | None
) -> Send | None:
    """A child in whole steps that the venue takes, or nothing: then it waits until more is due.

    It takes a remainder along that would be too small to be sent later; a clip is halved instead.
    """
    at = view.other(parent.task.side) if price is None else price
    qty = free if want >= free else floor_to_step(want, view.step)
    later = CONTEXT.subtract(free, qty)
    if qty > 0 and 0 < CONTEXT.multiply(later, at) < view.least and not aim.capped:
        # Half of it where no more may be shown, so that both halves can be sent.
        half = floor_to_step(CONTEXT.divide(free, _TWO), view.step)
        qty = free if aim.clip is None else min(qty, half)
    small = CONTEXT.multiply(qty, at) < view.least and not parent.task.reduce_only
    if qty <= 0 or small:
        return None
    return Send(qty, price, aim.post_only)
