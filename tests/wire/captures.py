"""Captured connections of ``market-data/wire``: what was received, and when."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import zstandard


class Received(NamedTuple):
    """One message as it came in."""

    receive_ns: int
    connection: str
    payload: bytes


def captured(market_data: Path, name: str) -> Iterator[Received]:
    """Every message that the capture's WebSocket connections received, in order."""
    with (market_data / "wire" / f"{name}.jsonl.zst").open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file)
        for line in io.TextIOWrapper(reader, encoding="utf-8"):
            record = json.loads(line)
            if record["t"] == "recv":
                time_ns = int(record["ts"] * 1e9)
                yield Received(time_ns, record["conn"], record["data"].encode())


def captured_lines(path: Path) -> Iterator[Received]:
    """Every message of a gzip file of ``receive_ns json`` lines."""
    for line in gzip.decompress(path.read_bytes()).splitlines():
        stamp, _, payload = line.partition(b" ")
        yield Received(int(stamp), path.name, payload)
