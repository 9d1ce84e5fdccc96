"""What an algorithm wants at a moment, and the arithmetic of schedules that several share."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from agents.execution.parents.parent import Parent
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.money import CONTEXT, floor_to_step

ZERO = Decimal(0)
ONE = Decimal(1)


class Aim(NamedTuple):
    """Where a parent should be. Quantities count from its beginning.

    What is behind ``due`` is taken at the market. What lies between that and ``may`` rests at
    ``rest`` (``None``: does not rest), at most ``clip`` of it at a time. ``capped`` aims are never
    rounded up, not even for a remainder that is too small for the venue. ``over``: nothing more is
    sent, and what rests is cancelled.
    """

    due: Decimal
    may: Decimal
    rest: Decimal | None = None
    post_only: bool = True
    clip: Decimal | None = None
    capped: bool = False
    over: bool = False


def sweep(parent: Parent) -> Aim:
    """All that is left, at the market."""
    return Aim(parent.task.qty, parent.task.qty)


def is_sweeping(parent: Parent, view: View, settings: AlgorithmsSettings) -> bool:
    """Whether the end is so near that what is left is taken."""
    return view.now_ns >= parent.task.ends_ns - settings.sweep_ns


def by_weights(qty: Decimal, weights: Sequence[Decimal], step: Decimal) -> tuple[Decimal, ...]:
    """Cumulative quantities in whole steps: ``floor(qty · Σ weights so far / Σ weights)``, in the
    end all of it.

    >>> by_weights(Decimal(10), [Decimal(1), Decimal(1), Decimal(1)], Decimal(1))
    (Decimal('3'), Decimal('6'), Decimal('10'))
    """
    total = ZERO
    for weight in weights:
        total = CONTEXT.add(total, weight)
    schedule, sofar = [], ZERO
    for weight in weights[:-1]:
        sofar = CONTEXT.add(sofar, weight)
        share = CONTEXT.divide(CONTEXT.multiply(qty, sofar), total)
        schedule.append(floor_to_step(share, step))
    return (*schedule, qty)


def by_schedule(
    parent: Parent, view: View, settings: AlgorithmsSettings, *, lag: int = 1, lead: int = 0
) -> Aim:
    """Where the schedule is: what was due ``lag`` slices ago is taken if it was not filled."""
    if is_sweeping(parent, view, settings):
        return sweep(parent)
    now, last = parent.slice, len(parent.schedule) - 1
    may = parent.schedule[min(now + lead, last)]
    if not settings.rests:
        return Aim(may, may)
    due = parent.schedule[min(now - lag, last)] if now >= lag else ZERO
    return Aim(due, may, rest=view.own(parent.task.side))
