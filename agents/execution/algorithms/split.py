"""Split by impact: children so small that each is cheap by the book it meets, one a slice.

Each takes as much as the shown book gives at a mean price within ``max_impact_bps`` of the best
(``parents/impact.py``); then the book gets a slice's time to fill up. What is left ``sweep_s``
before the end is taken.
"""

from __future__ import annotations

from agents.execution.parents.aim import Aim, is_sweeping, sweep
from agents.execution.parents.impact import within_impact
from agents.execution.parents.parent import Parent
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.money import CONTEXT

MAY_REST = False


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:
    """What is cheap now, once a slice."""
    if is_sweeping(parent, view, settings):
        return sweep(parent)
    if parent.sent_slice == parent.slice or parent.working:
        return Aim(parent.filled, parent.filled)
    side = parent.task.side
    cheap = within_impact(view.levels(side), side, settings.max_impact_bps, view.step)
    upto = min(CONTEXT.add(parent.filled, cheap), parent.task.qty)
    return Aim(upto, upto)
