"""The algorithms by name, found by scanning their folder: a new one is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import agents.execution.algorithms
from agents.execution.parents.aim import Aim
from agents.execution.parents.curve import VolumeCurve
from agents.execution.parents.parent import Parent, Task
from agents.execution.parents.view import View
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.errors import SettingsError

Scheduling = Callable[[Task, AlgorithmsSettings, Decimal, VolumeCurve | None], tuple[Decimal, ...]]


class Algorithm(NamedTuple):
    """What a file gives: where a parent should be, and, if it has one, its schedule."""

    name: str
    aim: Callable[[Parent, View, AlgorithmsSettings], Aim]
    schedule: Scheduling | None
    learns_volume: bool
    may_rest: bool
    at_once: bool
    """Whether an entry is one order and no work."""


@cache
def algorithms() -> dict[str, Algorithm]:
    """Every algorithm by the name of its file, in the order of the names."""
    path = agents.execution.algorithms.__path__
    found = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(path)):
        module = importlib.import_module(f"agents.execution.algorithms.{name}")
        found[name] = Algorithm(
            name,
            module.aim,
            getattr(module, "schedule", None),
            getattr(module, "LEARNS_VOLUME", False),
            getattr(module, "MAY_REST", True),
            getattr(module, "AT_ONCE", False),
        )
    return found


def algorithm(name: str) -> Algorithm:
    """One algorithm. Raises :class:`SettingsError` if there is none of that name."""
    known = algorithms()
    if name not in known:
        raise SettingsError(f"algorithm {name!r} is not known; choose one of {', '.join(known)}")
    return known[name]
