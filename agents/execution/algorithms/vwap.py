"""Volume-weighted: parts in proportion to what is usually traded at their time of day.

``w_k`` is the mean quantity that was traded on earlier days in the bucket around the middle of
slice k; after it ``floor(qty · (w_1 + … + w_k) / Σ w)`` is due. The curve is learnt from frames and
from history that was told; while a time of the horizon is not known, parts are equal. It ends as
TWAP does.
"""

from __future__ import annotations

from decimal import Decimal

from agents.execution.parents.aim import ONE, Aim, by_schedule, by_weights
from agents.execution.parents.curve import VolumeCurve
from agents.execution.parents.parent import Parent, Task
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings

LEARNS_VOLUME = True


def schedule(
    task: Task, settings: AlgorithmsSettings, step: Decimal, curve: VolumeCurve | None
) -> tuple[Decimal, ...]:
    """Parts by the curve as it is known now."""
    middles = [
        task.begun_ns + number * settings.slice_ns + settings.slice_ns // 2
        for number in range(settings.slices)
    ]
    weights = None if curve is None else curve.weights(middles, settings.bucket_ns)
    return by_weights(task.qty, weights or [ONE] * settings.slices, step)


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:
    """Where the schedule says it should be."""
    return by_schedule(parent, view, settings)
