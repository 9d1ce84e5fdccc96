"""Which messages of the input are part of a state, and from where they would be needed again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec
from faust.types import TP


class Applied(msgspec.Struct, frozen=True, array_like=True):
    """The last frame of a symbol that is part of the state."""

    epoch: int
    seq: int
    close_ns: int


class OrderedSnapshot(msgspec.Struct, frozen=True, array_like=True):
    """The table value: the state, and where its inputs must be read from again."""

    applied: dict[str, Applied]
    starts: dict[str, dict[int, int]]
    state: bytes
    state_version: int | None = None
    """Of the fold's state; what older snapshots lack comes at the end."""


class Unapplied:
    """Offsets by partition whose messages are read, but not yet part of the state."""

    def __init__(self) -> None:
        self._entries: dict[TP, deque[tuple[int, str, int]]] = {}

    def add(self, tp: TP, offset: int, key: str, at_ns: int) -> None:
        """A message of a symbol that is part of the state once its step at ``at_ns`` is."""
        self.read(tp)
        self._entries[tp].append((offset, key, at_ns))

    def read(self, tp: TP) -> None:
        """Something of a partition was read."""
        self._entries.setdefault(tp, deque())

    def partitions(self) -> list[TP]:
        """Partitions of which something was read."""
        return list(self._entries)

    def first(self, tp: TP, settled_ns: Callable[[str], int], otherwise: int) -> int:
        """The first offset of a partition that is still needed.

        ``settled_ns`` tells up to which close nothing of a symbol is.
        """
        entries = self._entries[tp]
        while entries:
            offset, key, at_ns = entries[0]
            if at_ns > settled_ns(key):
                return offset
            entries.popleft()
        return otherwise
