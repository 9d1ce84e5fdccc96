"""Small Binance messages and recordings, written by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from schemas.frame import Frame
from schemas.health import DeadLetter
from schemas.settings import FramesSettings
from streams.recordings import Recording, sources_from

START_NS = 1_700_000_000_000_000_000
"""A whole second."""
MS = 1_000_000

Levels = Sequence[tuple[str, str]]


def line(after_ms: float, message: dict[str, Any]) -> bytes:
    """One line of a recording, ``after_ms`` behind its start."""
    return b"%d %s" % (START_NS + int(after_ms * MS), json.dumps(message).encode())


def snapshot(update_id: int, bids: Levels, asks: Levels) -> dict[str, Any]:
    return {"lastUpdateId": update_id, "bids": bids, "asks": asks}


def diff(first: int, last: int, bids: Levels = (), asks: Levels = ()) -> dict[str, Any]:
    data = {"e": "depthUpdate", "E": 1, "s": "ABCUSDT", "U": first, "u": last, "b": bids, "a": asks}
    return {"stream": "abcusdt@depth@100ms", "data": data}


def trade(trade_id: int, price: str = "10", qty: str = "1", **more: Any) -> dict[str, Any]:
    data = {"e": "trade", "s": "ABCUSDT", "t": trade_id, "p": price, "q": qty, "T": 1, "m": False}
    return {"stream": "abcusdt@trade", "data": {**data, "M": True, **more}}


def touch(update_id: int, bid: tuple[str, str], ask: tuple[str, str]) -> dict[str, Any]:
    data = {"u": update_id, "s": "ABCUSDT", "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    return {"stream": "abcusdt@bookTicker", "data": data}


BOOK = snapshot(100, [("10", "1"), ("9", "2")], [("11", "3"), ("12", "4"), ("13", "1")])


def write(path: Path, lines: Iterable[bytes]) -> Path:
    """A recording of these lines; compressed if the name ends in .gz."""
    text = b"".join(piece + b"\n" for piece in lines)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


class Played:
    """A recording, its frames and its dead letters."""

    def __init__(self, *paths: Path, settings: FramesSettings | None = None) -> None:
        self.recording: Recording
        (self.recording,) = sources_from(paths)
        self.dead: list[DeadLetter] = []
        self.frames: list[Frame] = list(
            self.recording.frames(settings or FramesSettings(), on_dead_letter=self.dead.append)
        )

    @property
    def reasons(self) -> list[str]:
        """Why things became dead letters, in order."""
        return [letter.reason for letter in self.dead]

    @property
    def trade_ids(self) -> list[int | str]:
        """Ids of all trades, in order."""
        return [trade_id for frame in self.frames for trade_id in frame.trades.id]

    @property
    def last(self) -> Frame:
        """The last frame."""
        return self.frames[-1]
