"""A run's records as files: a Parquet table of scores, a JSON-lines file per kind of decision.

Every file is written under a temporary name and takes its own only when the run is closed; the
summary comes last. So a folder with a ``summary.json`` holds whole files of one run, whatever
ended it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import UsageError
from schemas.frame import Message
from schemas.plain import from_plain, plain
from schemas.score import DIMENSIONS, ConfluenceScore
from schemas.topics import (
    DEAD_LETTERS,
    FILLS,
    MONITOR,
    ORDERS,
    OVERVIEW,
    PORTFOLIO,
    QUALITY,
    SIGNALS,
    TRADE_ALERTS,
    Topic,
)

M = TypeVar("M", bound=Message)

SUMMARY = "summary.json"
SCORES = "confluence_scores.parquet"
LINES = {
    SIGNALS.name: "signals.jsonl",
    ORDERS.name: "orders.jsonl",
    FILLS.name: "fills.jsonl",
    QUALITY.name: "quality.jsonl",
    PORTFOLIO.name: "portfolio.jsonl",
    MONITOR.name: "monitor.jsonl",
    TRADE_ALERTS.name: "trade_alerts.jsonl",
    OVERVIEW.name: "overview.jsonl",
    DEAD_LETTERS.name: "dead_letters.jsonl",
}
"""JSON-lines file of each topic that has one."""

ROW_GROUP = 10_000
"""Rows kept in memory before they go to the Parquet file."""

_NAMES = ["venue", "symbol"]
_SCHEMA = pa.schema(
    [
        pa.field("venue", pa.string(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("tick_ns", pa.int64(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("reliability", pa.float64(), nullable=False),
        *(pa.field(f"score_{name}", pa.float64()) for name in DIMENSIONS),
        *(pa.field(f"contribution_{name}", pa.float64()) for name in DIMENSIONS),
    ]
)


class RunFiles:
    """Writes one run into a folder, which is made if it is not there; one run at a time.

    Call :meth:`add` for every record, then :meth:`close` once; :meth:`abandon` removes what is
    unfinished. Raises :class:`UsageError` if the folder cannot be used, or not any more.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: list[dict[str, Any]] = []
        self._lines: dict[str, IO[bytes]] = {}
        self._scores: pq.ParquetWriter | None = None
        self._unfinished: list[Path] = []
        self._alone: int | None = None
        try:
            with self._writing():
                directory.mkdir(parents=True, exist_ok=True)
                self._alone = _hold(directory)
                for topic, name in LINES.items():
                    self._lines[topic] = self._temporary(name).open("wb")
                self._scores = pq.ParquetWriter(
                    self._temporary(SCORES), _SCHEMA, compression="zstd", use_dictionary=_NAMES
                )
        except UsageError:
            self.abandon()
            raise

    def add(self, topic: Topic, message: Message) -> None:
        """Take one record; topics without a file are passed over."""
        if isinstance(message, ConfluenceScore):
            self._rows.append(_row(message))
            if len(self._rows) >= ROW_GROUP:
                with self._writing():
                    self._write_rows()
            return
        lines = self._lines.get(topic.name)
        if lines is not None:
            with self._writing():
                lines.write(json_line(message))

    def close(self, documents: Mapping[str, Any]) -> None:
        """Give every file its name; ``documents`` are JSON files by name, with the summary."""
        with self._writing():
            self._write_rows()
            if self._scores is not None:
                self._scores.close()
            for lines in self._lines.values():
                lines.close()
            for name, document in documents.items():
                text = msgspec.json.format(msgspec.json.encode(document), indent=2)
                self._temporary(name).write_bytes(text + b"\n")
            # While there is no summary, the folder does not claim that its files belong together.
            (self._directory / SUMMARY).unlink(missing_ok=True)
            names = [SCORES, *LINES.values(), *documents]
            for name in sorted(names, key=lambda name: name == SUMMARY):
                self._temporary(name).replace(self._directory / name)
        self._let_go()

    def abandon(self) -> None:
        """Remove the unfinished files; what an earlier run left stays as it is."""
        for open_file in (self._scores, *self._lines.values()):
            if open_file is not None:
                with contextlib.suppress(OSError):  # of what cannot be written nothing is kept
                    open_file.close()
        for path in self._unfinished:
            path.unlink(missing_ok=True)
        self._let_go()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"{self._directory}: cannot be written ({error.strerror or error}); "
                "make room, or name another folder"
            ) from error

    def _let_go(self) -> None:
        if self._alone is not None:
            os.close(self._alone)
            self._alone = None

    def _temporary(self, name: str) -> Path:
        path = self._directory / f".{name}.unfinished"
        self._unfinished.append(path)
        return path

    def _write_rows(self) -> None:
        if self._rows and self._scores is not None:
            self._scores.write_table(pa.Table.from_pylist(self._rows, schema=_SCHEMA))
            self._rows.clear()


def _hold(directory: Path) -> int:
    """Hold a folder until what this gives is closed, or the process ends.

    Raises :class:`UsageError` if another run holds it. A file system that knows no such locks goes
    without.
    """
    held = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise UsageError(
            f"{directory}: another run writes there; wait for its end, or name another folder"
        ) from error
    except OSError:
        pass
    return held


def json_line(message: Message) -> bytes:
    """Canonical JSON of a message with its field names: keys sorted, exact decimals as strings."""
    return msgspec.json.encode(plain(message), order="deterministic") + b"\n"


def read_lines(path: Path, *types: type[M]) -> list[M]:
    """The messages of a JSON-lines file; a line is of the first type that has all its fields.

    Raises :class:`UsageError` naming the line that is none of them.
    """
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            fields = msgspec.json.decode(line)
            type_ = next(type_ for type_ in types if {*fields} <= {*type_.__struct_fields__})
            found.append(from_plain(type_, fields))
        except (ValueError, TypeError, LookupError, StopIteration) as error:
            names = " or ".join(type_.__name__ for type_ in types)
            raise UsageError(f"{path}:{number}: not a {names}: {error}") from error
    return found


def _row(score: ConfluenceScore) -> dict[str, Any]:
    row: dict[str, Any] = {
        "venue": score.venue,
        "symbol": score.symbol,
        "tick_ns": score.tick_ns,
        "score": score.score,
        "reliability": score.reliability,
    }
    for part in score.contributions:
        if part.score is not None:
            row[f"score_{part.dimension}"] = part.score
            row[f"contribution_{part.dimension}"] = part.contribution
    return row
