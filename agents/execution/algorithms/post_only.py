"""Rests at its own side's best price and never takes: it waits for the horizon.

It never rests nearer to the other side than the best price of its beginning: it does not run after
the market. At the end an entry gives up what is left; an exit takes it.
"""

from __future__ import annotations

from agents.execution.parents.aim import ZERO, Aim, is_sweeping, sweep
from agents.execution.parents.parent import Parent
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.frame import Side


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:
    """All of it may rest."""
    task = parent.task
    if task.reduce_only and is_sweeping(parent, view, settings):
        return sweep(parent)
    further = min if task.side is Side.BUY else max
    return Aim(ZERO, task.qty, rest=further(task.own, view.own(task.side)))
