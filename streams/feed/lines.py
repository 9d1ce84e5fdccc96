"""The feed's own lines of a recording, beside the messages of the venue.

A recording made by the feed is the log of everything that its frames were made of: the venue's
messages as they came, and as JSON objects whose first key is ``prism`` what the feed itself knew:
what the file is of, channels that went down or up, replies that it asked for, messages that it
published beside frames, and its book where a file begins. So frames can be made of it once more.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from schemas.errors import MalformedMessage
from schemas.frame import Backfill, Instrument
from schemas.series import Series
from streams.events import BookSnapshot, DerivativesEvent, Levels

MARK = b'{"prism":'
"""How a line of the feed's own begins behind its time."""


class Head(msgspec.Struct, tag="head", tag_field="prism", frozen=True):
    """What the lines behind it are of; the first line of a file.

    ``rules`` are those in force where the feed has been running; else they are told behind it.
    """

    venue: str
    raw: str
    symbol: str
    rules: Instrument | None = None


class Link(msgspec.Struct, tag="link", tag_field="prism", frozen=True):
    """Channels of the symbol went down, or came up."""

    channels: tuple[str, ...]
    up: bool


class Reply(msgspec.Struct, tag="reply", tag_field="prism", frozen=True):
    """What the venue answered to a request."""

    kind: str
    data: msgspec.Raw


class Values(msgspec.Struct, tag="values", tag_field="prism", frozen=True):
    """What was polled, known from here on."""

    event: DerivativesEvent


class Gone(msgspec.Struct, tag="gone", tag_field="prism", frozen=True):
    """Trade ids that were asked for and that the venue does not have."""

    first: int
    last: int


class Book(msgspec.Struct, tag="book", tag_field="prism", frozen=True):
    """The feed's own book where a file begins, so that each can be read alone."""

    update_id: int
    exchange_ns: int | None
    bids: Levels
    asks: Levels

    def event(self) -> BookSnapshot:
        """As a snapshot."""
        return BookSnapshot(None, self.exchange_ns, self.update_id, self.bids, self.asks)


class Told(msgspec.Struct, tag="told", tag_field="prism", frozen=True):
    """A message that the feed published beside frames."""

    message: Instrument | Backfill | Series


class Unreadable(msgspec.Struct, tag="unreadable", tag_field="prism", frozen=True):
    """A message of the venue that cannot stand in a line, because it holds a line break."""

    body: bytes


class End(msgspec.Struct, tag="end", tag_field="prism", frozen=True):
    """The feed stopped here."""


OwnLine: TypeAlias = Head | Link | Reply | Values | Gone | Book | Told | Unreadable | End

encode_line = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OwnLine).decode


def decode_line(payload: bytes) -> OwnLine:
    """A line of the feed's own. Raises :class:`MalformedMessage`."""
    try:
        line: OwnLine = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedMessage(f"no line of a feed: {error}") from error
    return line


def as_line(payload: bytes) -> bytes:
    """A venue's message as it can stand in a line."""
    return encode_line(Unreadable(payload)) if b"\n" in payload else payload
