"""Bytes on the wire: MessagePack with a schema version in front.

A message is the two-element array ``[version, [type, field, ...]]``. Fields may be added at the end
of a type with a default, without a new version: old readers skip them, new readers fill them in.
Anything else raises :data:`SCHEMA_VERSION`; a reader refuses what is newer than itself.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from schemas.errors import SchemaFromFuture, Undecodable
from schemas.frame import Message

SCHEMA_VERSION = 1
"""Version that this code writes, 1 to 127."""

_ARRAY_OF_TWO = 0x92
_PREFIX = bytes([_ARRAY_OF_TWO, SCHEMA_VERSION])
_encode = msgspec.msgpack.Encoder(order="deterministic").encode

M = TypeVar("M", bound=Message)


def encode(message: Message) -> bytes:
    """Bytes of a message; equal messages give equal bytes."""
    return _PREFIX + _encode(message)


class Decoder:
    """Decodes the messages of one topic.

    >>> from schemas.frame import Frame
    >>> frame = Frame("binance", "BTC/USDT", 1, 1, 0, 100, True, 2, 3)
    >>> Decoder(Frame).decode(encode(frame)) == frame
    True
    """

    def __init__(self, *types: type[Message]) -> None:
        union: Any = types[0]
        for other in types[1:]:
            union = union | other
        self._names = " | ".join(t.__name__ for t in types)
        self._decode = msgspec.msgpack.Decoder(union).decode

    def decode(self, data: bytes) -> Any:
        """The message. Raises :class:`SchemaFromFuture` or :class:`Undecodable`, nothing else."""
        if len(data) < 3 or data[0] != _ARRAY_OF_TWO:
            raise Undecodable(f"{len(data)} bytes are no message of ours (expected {self._names})")
        version = data[1]
        if version != SCHEMA_VERSION:
            if SCHEMA_VERSION < version < 128:
                raise SchemaFromFuture(
                    f"schema version {version}, this build reads up to {SCHEMA_VERSION}: upgrade it"
                )
            raise Undecodable(f"schema version {version} was never written")
        try:
            return self._decode(memoryview(data)[2:])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Undecodable(f"not a {self._names}: {error}") from error


def decode_as(type_: type[M], data: bytes) -> M:
    """One message of a known type; for tests and tools, not for the hot path."""
    message: M = Decoder(type_).decode(data)
    return message


def json_schema(*types: type[Message]) -> dict[str, Any]:
    """JSON Schema (2020-12) of message types, for a schema registry."""
    (_refs, components) = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "x-schema-version": SCHEMA_VERSION,
        "$defs": components,
    }
