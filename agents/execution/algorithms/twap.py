"""Time-weighted: equal parts over the horizon, each due one slice after it may begin.

After slice k of n, ``floor(qty · k / n)`` in whole steps is due; after the last one all of it. What
a part did not get by resting is taken when the next one begins; what is left ``sweep_s`` before
the end is taken then. So the whole is filled within the horizon, as far as the books hold it.
"""

from __future__ import annotations

from decimal import Decimal

from agents.execution.parents.aim import ONE, Aim, by_schedule, by_weights
from agents.execution.parents.curve import VolumeCurve
from agents.execution.parents.parent import Parent, Task
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings


def schedule(
    task: Task,
    settings: AlgorithmsSettings,
    step: Decimal,
    curve: VolumeCurve | None,  # noqa: ARG001
) -> tuple[Decimal, ...]:
    """Equal parts."""
    return by_weights(task.qty, [ONE] * settings.slices, step)


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:
    """Where the clock says it should be."""
    return by_schedule(parent, view, settings)
