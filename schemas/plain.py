"""Messages as plain dicts, lists, numbers and strings, for JSON, and back."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, IntEnum
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import msgspec


def plain(value: Any) -> Any:
    """A message by its field names; exact decimals as strings, enums by value, sides by name.

    >>> from schemas.score import ReliabilityPart
    >>> plain(ReliabilityPart("fitness", 1.0))
    {'name': 'fitness', 'value': 1.0}
    """
    match value:
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case tuple() | list():
            return [plain(item) for item in value]
        case IntEnum():
            return value.name.lower()
        case Enum():
            return value.value
        case Decimal():
            return format(value, "f")
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case _:
            return value


def from_plain(type_: Any, value: Any) -> Any:
    """The message or value of a type that :func:`plain` has made this of.

    Fields that are not there take their defaults. Raises ``ValueError``, ``TypeError`` or
    ``LookupError`` for what does not fit.

    >>> from schemas.score import ReliabilityPart
    >>> from_plain(ReliabilityPart, {"name": "fitness", "value": 1.0}).value
    1.0
    """
    if get_origin(type_) is tuple:
        return tuple(from_plain(get_args(type_)[0], item) for item in value)
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        hints = _hints(type_)
        return type_(**{name: from_plain(hints[name], item) for name, item in value.items()})
    if isinstance(type_, type) and issubclass(type_, IntEnum):
        return type_[value.upper()]
    return msgspec.convert(value, type_)


@cache
def _hints(type_: type) -> dict[str, Any]:
    return get_type_hints(type_)
