"""Dimensions by name, found by scanning this folder: a new dimension is one new file."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import agents.dimensions
from agents.dimensions.base import Dimension
from schemas.errors import SettingsError
from schemas.settings import validated


@cache
def dimensions() -> dict[str, type[Dimension[Any]]]:
    """Every dimension class of this folder by its name."""
    found: dict[str, type[Dimension[Any]]] = {}
    for module in pkgutil.iter_modules(agents.dimensions.__path__, "agents.dimensions."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Dimension) and value is not Dimension:
                found[value.name] = value
    return dict(sorted(found.items()))


def create(name: str, options: Mapping[str, Any]) -> Dimension[Any]:
    """A dimension by name and plain option values; :class:`SettingsError` names what does not fit.

    Of an unknown dimension it names the nearest known one.
    """
    known = dimensions()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise SettingsError(f"unknown dimension {name}; the nearest known one is {''.join(near)}")
    kind: Any = known[name]
    made: Dimension[Any] = kind(
        validated(kind.options_type, options, at=f"dimensions.options.{name}")
    )
    return made
