"""Percentage of volume: goes with the market, never beyond its share of what was traded.

After each slice ``participation · volume`` may be filled, the volume being what the market has
traded since the parent began. What may be filled rests; what it did not get by the next slice is
taken. At the end an entry gives up what the market's volume did not allow; an exit takes it.
"""

from __future__ import annotations

from agents.execution.parents.aim import Aim, is_sweeping, sweep
from agents.execution.parents.parent import Parent
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.money import CONTEXT


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:
    """The share of the volume up to the last slice, and up to the one before."""
    task = parent.task
    if task.reduce_only and is_sweeping(parent, view, settings):
        return sweep(parent)
    share = settings.participation
    may = min(CONTEXT.multiply(parent.volume_at_slice, share), task.qty)
    if not settings.rests:
        return Aim(may, may, capped=True)
    before = CONTEXT.subtract(parent.volume_at_slice, parent.slice_volume)
    due = min(CONTEXT.multiply(before, share), task.qty)
    return Aim(due, may, rest=view.own(task.side), capped=True)
