"""The end of a run in words: for people on the terminal, as JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import typer


def report(summary: Mapping[str, Any], *, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Print the summary on stdout (not if ``quiet``) and what went wrong on stderr."""
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
        typer.echo(text.decode())
    elif not quiet:
        typer.echo(_text(summary, out=out))
    for line in warnings(summary, out=out):
        typer.echo(f"prism: warning: {line}", err=True)


def warnings(summary: Mapping[str, Any], *, out: Path | None) -> list[str]:
    """What the reader should know before trusting the numbers; a line each."""
    lines = []
    reasons = summary["dead_letters_by_reason"]
    if reasons:
        named = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
        where = (
            "run with --out to keep them" if out is None else f"see {out / 'dead_letters.jsonl'}"
        )
        lines.append(f"{summary['dead_letters']} inputs could not be used ({named}); {where}")
    if not summary["complete"]:
        lines.append("stopped before the end; the outputs cover what was read until then")
    return lines


def _text(summary: Mapping[str, Any], *, out: Path | None) -> str:
    scores = ", ".join(f"{name} {count:,}" for name, count in summary["scores"].items())
    sides = ", ".join(f"{side} {count:,}" for side, count in summary["signals_by_side"].items())
    lines = [
        f"frames   {summary['frames']:,} ({summary['ticks']:,} ticks), "
        f"{summary['data_seconds']:,.1f} s of market in {summary['wall_seconds']:,.1f} s "
        f"({summary['speed']:,.0f}x real time)",
        f"scores   {scores or 'none'}",
        f"signals  {summary['signals']:,} ({sides})",
        f"orders   {summary['orders']:,} records, {summary['fills']:,} fills",
    ]
    if out is not None:
        lines.append(f"written  {out}")
    return "\n".join(lines)
