"""The settings reference: every key with unit, bounds, default and reason, as commented YAML.

``config/default.yaml`` is this text; a test holds the two together.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agents.dimensions import registry
from schemas.settings import Settings

HEADER = """\
# Market Prism: every setting with its default.
#
# This file is written by `prism config default`; copy what you want to change into a file of your
# own and give it with --config. Later sources win: these defaults, a file, environment variables
# (PRISM_<SECTION>__<KEY>), --set section.key=value. Unknown keys are refused.
# Exact decimals are quoted.
"""

_UNITS = {
    "_ns": "nanoseconds",
    "_ms": "milliseconds",
    "_s": "seconds",
    "_bps": "basis points",
    "_usd": "US dollars",
    "_fraction": "share of 1",
}
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_WIDTH = 98


def default_yaml() -> str:
    """Text of ``config/default.yaml``; loading it gives ``Settings()``."""
    lines = [HEADER]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if not isinstance(section, type) or not issubclass(section, BaseModel):
            raise TypeError(f"section {name} is no settings model")
        lines.append(_comment(_summary(section), indent=0))
        lines.append(f"{name}:")
        lines.extend(_keys(section, indent=2))
        if name == "dimensions":
            lines.extend(_dimension_options(indent=2))
        lines.append("")
    return "\n".join(lines)


def _keys(section: type[BaseModel], *, indent: int) -> Iterator[str]:
    defaults = section().model_dump(mode="json")
    for name, field in section.model_fields.items():
        yield _comment(_describe(name, field), indent=indent)
        yield f"{' ' * indent}{name}: {_scalar(defaults[name])}"


def _dimension_options(*, indent: int) -> Iterator[str]:
    """Options of every dimension, commented out: an empty ``options`` means these defaults."""
    margin = " " * indent
    yield f"{margin}# What options can hold, with the defaults:"
    yield f"{margin}# options:"
    for name, dimension in registry.dimensions().items():
        yield f"{margin}#   {name}:"
        for line in _keys(dimension.options_type, indent=4):
            yield from (f"{margin}# {part}".rstrip() for part in line.splitlines())


def _describe(name: str, field: FieldInfo) -> str:
    notes = [note for note in (_unit(name), _bounds(field), _choices(field)) if note]
    text = field.description or ""
    return f"{text} [{'; '.join(notes)}]" if notes else text


def _unit(name: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")


def _bounds(field: FieldInfo) -> str:
    found = []
    for constraint in field.metadata:
        for attribute, words in _BOUNDS.items():
            limit = getattr(constraint, attribute, None)
            if limit is not None:
                found.append(f"{words} {limit}")
    return ", ".join(found)


def _choices(field: FieldInfo) -> str:
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "one of " + ", ".join(str(member.value) for member in kind)
    return ""


def _comment(text: str, *, indent: int) -> str:
    start = f"{' ' * indent}# "
    return textwrap.fill(text, _WIDTH, initial_indent=start, subsequent_indent=start)


def _summary(section: type[BaseModel]) -> str:
    return (section.__doc__ or "").strip().splitlines()[0]


def _scalar(value: Any) -> str:
    """One value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
