"""Iceberg: rests at its own side's best price, one clip at a time; the next when that is filled.

A clip follows the best price away from it, once a slice, never back. What is left ``sweep_s``
before the end is taken.
"""

from __future__ import annotations

from decimal import Decimal

from agents.execution.parents.aim import ZERO, Aim, is_sweeping, sweep
from agents.execution.parents.parent import Parent
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.money import CONTEXT, floor_to_step


def aim(parent: Parent, view: View, settings: AlgorithmsSettings) -> Aim:
    """All of it may rest, a clip of it at a time."""
    task = parent.task
    if is_sweeping(parent, view, settings):
        return sweep(parent)
    return Aim(
        ZERO, task.qty, rest=view.own(task.side), clip=clip_of(task.qty, view.step, settings)
    )


def clip_of(qty: Decimal, step: Decimal, settings: AlgorithmsSettings) -> Decimal:
    """What is shown: the share of the order in whole steps, at least one."""
    share = CONTEXT.multiply(qty, settings.clip_fraction)
    return max(floor_to_step(share, step), step)
