"""All of it at once, at the market.

Of what the book does not hold, an entry gives up the rest; an exit takes it from the next books,
and tries again where the venue refuses.
"""

from __future__ import annotations

from agents.execution.parents.aim import Aim, sweep
from agents.execution.parents.parent import Parent
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings

AT_ONCE = True
MAY_REST = False


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:  # noqa: ARG001
    """One child of an entry, whatever becomes of it; of an exit as many as it needs."""
    if parent.children and not parent.task.reduce_only:
        return Aim(parent.filled, parent.filled, over=not parent.working)
    return sweep(parent)
