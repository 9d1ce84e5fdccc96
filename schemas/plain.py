"""Messages as plain dicts, lists, numbers and strings, for JSON."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

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
