"""The rules by name, found by scanning the folder: a new limit is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

import agents.execution.rules
from agents.execution.proposal import Proposal

Rule = Callable[[Proposal], str | None]


@cache
def rules() -> dict[str, Rule]:
    """Every rule's ``check`` by the name of its file, in the order of the names."""
    prefix = "agents.execution.rules."
    names = sorted(m.name for m in pkgutil.iter_modules(agents.execution.rules.__path__, prefix))
    return {name.removeprefix(prefix): importlib.import_module(name).check for name in names}


def breach(now: Proposal) -> str | None:
    """The first rule's answer, or ``None``: the order may be placed."""
    return next((text for check in rules().values() if (text := check(now)) is not None), None)
