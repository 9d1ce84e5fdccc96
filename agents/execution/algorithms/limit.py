"""One limit near the price of its beginning: takes what is there, the rest waits for the horizon.

The limit is the other side's best price when it began, moved away by ``limit_bps`` and rounded to
the tick toward the own side. At the end an entry gives up what is left; an exit takes it.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from agents.execution.parents.aim import ZERO, Aim, is_sweeping, sweep
from agents.execution.parents.parent import Parent, Task
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.frame import Side
from schemas.money import CONTEXT

_BPS = Decimal(10_000)


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:
    """All of it may be filled at the limit."""
    task = parent.task
    if task.reduce_only and is_sweeping(parent, view, settings):
        return sweep(parent)
    return Aim(ZERO, task.qty, rest=limit_of(task, view.tick, settings), post_only=False)


def limit_of(task: Task, tick: Decimal, settings: AlgorithmsSettings) -> Decimal:
    """The limit, at least one tick."""
    share = CONTEXT.multiply(CONTEXT.divide(settings.limit_bps, _BPS), Decimal(task.side.value))
    price = CONTEXT.add(task.other, CONTEXT.multiply(task.other, share))
    rounding = ROUND_FLOOR if task.side is Side.BUY else ROUND_CEILING
    steps = CONTEXT.divide(price, tick).to_integral_value(rounding=rounding)
    return max(CONTEXT.multiply(steps, tick), tick)
