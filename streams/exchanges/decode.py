"""What the parsers of all venues have in common: routes by channel, and times as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from schemas.errors import MalformedMessage
from streams.events import Event, FeedEvent


class Parser(Protocol):
    """Reads the messages of one connection of a venue."""

    def parse(self, payload: bytes) -> tuple[FeedEvent, ...]:
        """Events of one message, in order; none for what only answers or keeps alive.

        Raises :class:`RejectedInput` and nothing else.
        """

    def reply(self, kind: str, payload: bytes) -> tuple[FeedEvent, ...]:
        """Events of the answer to a request: ``book``, ``trades`` and what is polled."""

    def counts(self) -> dict[str, int]:
        """Messages read so far by channel, symbols left out."""


class Shape(NamedTuple):
    """Wire type of a message, and its events."""

    wire: Any
    events: Callable[[Any], tuple[Event, ...]]


class Route:
    """How the messages of one channel are read, and how many there were."""

    __slots__ = ("_decode", "_events", "count")

    def __init__(self, shape: Shape) -> None:
        self._decode = msgspec.json.Decoder(shape.wire).decode
        self._events = shape.events
        self.count = 0

    def read(self, payload: bytes, name: str) -> tuple[Event, ...]:
        """Events of a message; :class:`MalformedMessage` if it is none of this channel."""
        try:
            events = self._events(self._decode(payload))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise MalformedMessage(f"{name}: {error}") from error
        self.count += 1
        return events


def text_between(payload: bytes, start: bytes) -> str | None:
    """The text from a message's first bytes to the next quote; ``None`` if it starts otherwise.

    >>> text_between(b'{"topic":"kline.1.B","x":1}', b'{"topic":"')
    'kline.1.B'
    """
    if not payload.startswith(start):
        return None
    return payload[len(start) : payload.find(b'"', len(start))].decode(errors="replace")


def rfc3339_ns(text: str) -> int:
    """UTC nanoseconds of a time as ``2026-08-09T21:05:48.228568804Z``, no digit lost.

    Raises :class:`MalformedMessage`.

    >>> rfc3339_ns("1970-01-01T00:00:01.5Z")
    1500000000
    """
    whole, _, fraction = text.removesuffix("Z").partition(".")
    digits = fraction.ljust(9, "0")
    try:
        seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
        nanoseconds = int(digits[:9])
    except ValueError as error:
        raise MalformedMessage(f"{text[:40]!r} is no time") from error
    return int(seconds) * 1_000_000_000 + nanoseconds
