"""Digest of a topic: the same bytes in the same order give the same 64 hex digits, anywhere.

The digest is SHA-256 over the encoded bodies, deduplicated by id and sorted by (tick, venue,
symbol, id). It does not depend on partitions, offsets, delivery order or repeated deliveries.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from schemas.codec import encode
from schemas.errors import StateError
from schemas.frame import Backfill, Frame, Instrument, Message
from schemas.series import Series

SortKey = tuple[int, str, str, str]


def sort_key(message: Message) -> SortKey:
    """(tick, venue, symbol, id) of a message that decides or is decided."""
    match message:
        case Frame(close_ns=at_ns, epoch=epoch, seq=seq):
            return (at_ns, message.venue, message.symbol, f"{epoch}:{seq}")
        case Instrument(effective_ns=at_ns):
            return (at_ns, message.venue, message.symbol, "instrument")
        case Backfill(known_ns=at_ns, timeframe_ns=timeframe_ns, open_ns=opens):
            id_ = f"backfill:{message.source}:{timeframe_ns}:{opens[:1]}"
            return (at_ns, message.venue, message.symbol, id_)
        case Series(known_ns=at_ns, name=name, at_ns=times):
            id_ = f"series:{name}:{message.source}:{times[:1]}"
            return (at_ns, message.venue, message.symbol, id_)
        case _:
            named: Any = message
            return (named.tick_ns, named.venue, named.symbol, named.id)


class StreamDigest:
    """Digest of messages that come almost in order: by (tick, venue, symbol), ids in any order.

    Memory is one group. Raises :class:`StateError` when a group comes back after a later one.
    """

    def __init__(self) -> None:
        self._hash = sha256()
        self._group: tuple[int, str, str] | None = None
        self._bodies: dict[str, bytes] = {}
        self.count = 0

    def add(self, message: Message, body: bytes | None = None) -> None:
        """Take one message; ``body`` saves encoding it again."""
        tick_ns, venue, symbol, id_ = sort_key(message)
        group = (tick_ns, venue, symbol)
        if group != self._group:
            if self._group is not None and group < self._group:
                raise StateError(
                    f"digest: {group} comes after {self._group}; sort the messages first"
                )
            self._flush()
            self._group = group
        self._bodies.setdefault(id_, encode(message) if body is None else body)

    def hexdigest(self) -> str:
        """Digest of what came so far."""
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        for id_ in sorted(self._bodies):
            self._hash.update(self._bodies[id_])
        self.count += len(self._bodies)
        self._bodies.clear()


def digest(messages: list[Message]) -> str:
    """Digest of messages in any order, with repeats."""
    stream = StreamDigest()
    for message in sorted(messages, key=sort_key):
        stream.add(message)
    return stream.hexdigest()
