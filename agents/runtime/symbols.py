"""What a stage keeps: of each symbol one state per fold, of each partition its symbols."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A table value: one symbol's states by fold, complete up to ``next_offset`` of its partition.

    Everything before ``low_water`` was in acknowledged snapshots, of whatever symbol, when this
    one was taken.
    """

    partition: int
    next_offset: int
    low_water: int
    states: dict[str, bytes]
    hour: int | None = None
    """Of the symbol's last message, in hours of event time."""
    versions: dict[str, int] = msgspec.field(default_factory=dict)
    """``state_version`` of each fold's state; what older snapshots lack comes at the end."""


@dataclass
class Symbol:
    """One symbol: a live state per fold, all of which have seen everything before ``next_offset``.

    Before ``durable`` all is in an acknowledged snapshot.
    """

    states: list[Any]
    next_offset: int
    durable: int
    parked: bool = False
    hour: int | None = None
    refused: int | None = None
    """Offset of the first message for which there was no room: reading must come back to it."""

    def seen_up_to(self, next_offset: int) -> int:
        """What need not be read again, of all before an offset that the partition has reached."""
        # While input is read again the symbol is ahead of its partition: its state holds more.
        at = max(next_offset, self.next_offset)
        return at if self.refused is None else min(at, self.refused)


@dataclass
class Partition:
    """An input partition that this worker owns."""

    symbols: dict[bytes, Symbol] = field(default_factory=dict)
    newest_low_water: int | None = None
    snapshot_ns: int | None = None

    def low_water(self, otherwise: int) -> int:
        """The oldest offset that some symbol still needs from the input."""
        return min((symbol.durable for symbol in self.symbols.values()), default=otherwise)
