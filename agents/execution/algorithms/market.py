"""All of it at once, at the market; what the book does not hold is given up."""

from __future__ import annotations

from agents.execution.parents.aim import Aim, sweep
from agents.execution.parents.parent import Parent
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings

AT_ONCE = True
MAY_REST = False


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:  # noqa: ARG001
    """One child, whatever becomes of it."""
    if parent.children:
        return Aim(parent.filled, parent.filled, over=not parent.working)
    return sweep(parent)
