"""Bytes of a file that may be compressed (gzip, Zstandard) or cut short."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from schemas.errors import SourceMissing, TruncatedSource

_PLAIN_CHUNK = 1 << 18
# Damage loses what its piece gave so far, so compressed pieces are small; 128 KiB is 3% faster.
_COMPRESSED_CHUNK = 1 << 12
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP_WINDOW = 31  # zlib: largest window, gzip header and checksum


def chunks(path: Path, on_read: Callable[[int], None]) -> Iterator[bytes]:
    """Decompressed pieces of a file, in order; ``on_read`` is told how many bytes each took.

    Raises :class:`SourceMissing` if it cannot be opened, and :class:`TruncatedSource` after the
    last good piece if the compressed data breaks off or is damaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_ZSTD))
            file.seek(0)
            if head.startswith(_GZIP):
                yield from _decompressed(file, lambda: zlib.decompressobj(_GZIP_WINDOW), on_read)
            elif head == _ZSTD:
                yield from _decompressed(file, zstandard.ZstdDecompressor().decompressobj, on_read)
            else:
                while piece := file.read(_PLAIN_CHUNK):
                    on_read(len(piece))
                    yield piece
    except OSError as error:
        raise SourceMissing(f"{path}: {error.strerror or error}; name a recorded file") from error


def _decompressed(
    file: BinaryIO, decompressor: Any, on_read: Callable[[int], None]
) -> Iterator[bytes]:
    stream = decompressor()
    read = 0
    try:
        while compressed := file.read(_COMPRESSED_CHUNK):
            read += len(compressed)
            on_read(len(compressed))
            while compressed:
                if stream.eof:  # files may be several compressed streams end to end
                    stream = decompressor()
                yield stream.decompress(compressed)
                compressed = stream.unused_data
    except (zlib.error, zstandard.ZstdError) as error:
        raise TruncatedSource(f"compressed data is damaged within byte {read}: {error}") from error
    if not stream.eof:
        raise TruncatedSource(f"compressed data breaks off at byte {read}")
