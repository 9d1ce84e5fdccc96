"""A series as CSV: the time in the first column, the value in another; the header names them.

Times are ISO-8601 (UTC where no zone is named) or counts of s or ms since 1970, in any order. A
date alone is known when its day is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from schemas.errors import MalformedMessage, RejectedInput, SourceMissing
from streams.history.lines import text_lines
from streams.history.times import known_ns
from streams.history.values import Told, number
from streams.recordings.raw_lines import Reject


def read(
    path: Path, column: str | None, reject: Reject, on_read: Callable[[int], None]
) -> Iterator[Told]:
    """The rows in the order of the file; those that are none go to ``reject``.

    Raises :class:`SourceMissing` if it is not clear which column holds the values.
    """
    lines = text_lines(path, reject, on_read)
    header = [name.strip() for name in next(lines, "").split(",")]
    at: int | None = None
    for line in lines:
        fields = line.split(",")
        if at is None:
            at = _place(path, header, fields, column)
        try:
            row = _told(fields, at, line)
        except RejectedInput as error:
            reject(path.name, error, line.encode(), 0)
            continue
        yield row


def _place(path: Path, header: Sequence[str], fields: Sequence[str], column: str | None) -> int:
    """The column that was named; or ``value``; or the only one that holds numbers."""
    if _is(known_ns, header[0]):
        raise SourceMissing(f"{path}: its first line is no header; write time,value above it")
    if column is not None and column not in header[1:]:
        raise SourceMissing(f"{path}: no column {column}; it has {', '.join(header)[:400]}")
    wanted = column or "value"
    if wanted in header[1:]:
        return header.index(wanted, 1)
    numeric = [at for at in range(1, min(len(fields), len(header))) if _is(number, fields[at])]
    if len(numeric) != 1:
        names = ", ".join(header[at] for at in numeric[:4]) or "none that holds numbers"
        raise SourceMissing(
            f"{path}: which column holds the value? ({names}); name it: FILE#COLUMN, or time,value"
        )
    return numeric[0]


def _told(fields: Sequence[str], at: int, line: str) -> Told:
    if at >= len(fields):
        raise MalformedMessage("a row without a value")
    return Told(known_ns(fields[0]), number(fields[at]), line.encode())


def _is(parse: Callable[[str], float], text: str) -> bool:
    try:
        parse(text)
    except MalformedMessage:
        return False
    return True
