"""Adaptive: a schedule that leans on urgency, and waits or hurries with spread and volume.

With urgency u in [0, 1], ``τ · (1 + u · (1 − τ))`` of the order is to be done by the share τ of the
time: straight at 0, bent to the front at 1, as the optimal paths of Almgren and Chriss (2000) are
with growing risk aversion; a polynomial, so that it is exact. Then, slice by slice:

- the market traded at least its mean of a slice in the last one: the next part may begin early;
- the spread is above its mean since the beginning: what is behind may wait one slice longer;
- at urgency 1 nothing rests: what may be done is taken.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from agents.execution.parents.aim import ONE, ZERO, Aim, by_schedule, by_weights
from agents.execution.parents.curve import VolumeCurve
from agents.execution.parents.parent import Parent, Task
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.money import CONTEXT


def schedule(
    task: Task,
    settings: AlgorithmsSettings,
    step: Decimal,
    curve: VolumeCurve | None,  # noqa: ARG001
) -> tuple[Decimal, ...]:
    """Parts by the bent path."""
    slices = settings.slices
    path = [bent(number, slices, settings.urgency) for number in range(slices + 1)]
    parts = [CONTEXT.subtract(after, before) for before, after in pairwise(path)]
    return by_weights(task.qty, parts, step)


def bent(number: int, of: int, urgency: Decimal) -> Decimal:
    """Share of the order by the end of a slice.

    >>> [str(bent(k, 2, Decimal(1))) for k in range(3)]
    ['0', '0.75', '1']
    """
    done = CONTEXT.divide(Decimal(number), Decimal(of))
    early = CONTEXT.multiply(urgency, CONTEXT.subtract(ONE, done))
    return CONTEXT.multiply(done, CONTEXT.add(ONE, early))


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:
    """Where the schedule says it should be, give or take a slice."""
    wanted = by_schedule(
        parent, view, settings, lag=2 if _is_wide(parent, view) else 1, lead=int(_is_busy(parent))
    )
    return Aim(wanted.may, wanted.may) if settings.urgency == 1 else wanted


def _is_wide(parent: Parent, view: View) -> bool:
    spread = view.spread
    if spread is None or not parent.spreads:
        return False
    return CONTEXT.multiply(spread, Decimal(parent.spreads)) > parent.spread_sum


def _is_busy(parent: Parent) -> bool:
    """Whether the last whole slice traded at least the mean of all of them."""
    if not parent.slice or parent.slice_volume == ZERO:
        return False
    return CONTEXT.multiply(parent.slice_volume, Decimal(parent.slice)) >= parent.volume_at_slice
