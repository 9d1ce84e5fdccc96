"""What the position monitor makes of positions, for ``prism portfolio``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from schemas.errors import SourceMissing
from schemas.frame import NS_PER_S
from schemas.plain import plain
from schemas.position_assessment import PositionAssessment
from schemas.topics import MONITOR
from streams.sinks.files import LINES, read_lines

TABLE_WIDTH = 200
"""Of the table, where the terminal is narrower: every figure is there, if wrapped."""


def assessments_in(folder: Path) -> list[PositionAssessment]:
    """The records in the folder of a run."""
    path = folder / LINES[MONITOR.name]
    if not path.is_file():
        raise SourceMissing(f"{path}: not there; name the folder that `prism replay` has written")
    return read_lines(path, PositionAssessment)


def latest(records: Iterable[PositionAssessment], keys: Sequence[str]) -> list[PositionAssessment]:
    """The last record of each of these symbols (``venue:symbol``) that has one."""
    found = {f"{r.venue}:{r.symbol}": r for r in sorted(records, key=lambda r: r.tick_ns)}
    return [found[key] for key in keys if key in found]


def changes(records: Sequence[PositionAssessment]) -> list[PositionAssessment]:
    """Those that say something else than the one before of the same position, or that acted."""
    before: dict[str, tuple[str, ...]] = {}
    found = []
    for record in records:
        said = (record.level.value, record.advice.value, record.blind)
        if before.get(record.signal_id) != said or record.action.value != "hold":
            found.append(record)
        before[record.signal_id] = said
    return found


def assessments_table(records: Sequence[PositionAssessment]) -> Table:
    """A line for each record."""
    table = Table(box=None, pad_edge=False)
    for name in ("monitor", "at", "risk", "confidence", "gain", "to stop", "leverage", "advice"):
        left = name in {"monitor", "at", "advice"}
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for name in ("done", "why"):
        table.add_column(name, no_wrap=True)
    for r in records:
        table.add_row(
            f"{r.venue}:{r.symbol}",
            f"{datetime.fromtimestamp(r.tick_ns / NS_PER_S, UTC):%m-%d %H:%M:%S}",
            f"{r.level.value} {r.risk:.2f}",
            "-" if r.confidence is None else f"{r.confidence:.2f}",
            f"{r.gain_ratio:+.2f}", f"{r.stop_ratio:.2f}", f"{r.leverage:.1f}",
            r.advice.value, r.action.value, r.reason,
        )  # fmt: skip
    return table


def show_assessments(records: Sequence[PositionAssessment], *, as_json: bool) -> None:
    """Print them: all of them in JSON, otherwise a table of what changed."""
    if as_json:
        document = msgspec.json.encode(plain(list(records)))
        typer.echo(msgspec.json.format(document, indent=2).decode())
    elif not records:
        typer.echo("no position was monitored")
    else:
        console = Console(highlight=False, soft_wrap=True, width=max(Console().width, TABLE_WIDTH))
        console.print(assessments_table(changes(records)))
