"""The end of a run in words: for people on the terminal, as JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import typer

from cli.tally import Tally


def report(summary: Mapping[str, Any], *, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Print the summary on stdout (not if ``quiet``) and what went wrong on stderr."""
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
        typer.echo(text.decode())
    elif not quiet:
        typer.echo(_text(summary, out=out))
    unused = _unused(summary, out=out)
    if unused is not None:
        warn(unused)


def warn(text: str) -> None:
    """One warning on stderr."""
    typer.echo(f"prism: warning: {text}", err=True)


def warn_of_unused(tally: Tally) -> None:
    """What of the recordings that were read to look at could not be used, if anything."""
    if tally.unused:
        warn(told_unused(tally.unused, where="`prism replay` keeps them in dead_letters.jsonl"))


def _unused(summary: Mapping[str, Any], *, out: Path | None) -> str | None:
    reasons = summary["dead_letters_by_reason"]
    if not reasons:
        return None
    where = "name a folder with --out to keep them"
    if out is not None:
        where = f"see {out / 'dead_letters.jsonl'}"
    return told_unused(reasons, where=where)


def told_unused(reasons: Mapping[str, int], *, where: str) -> str:
    """What could not be used, by reason, and where to see it.

    >>> told_unused({"malformed": 2}, where="see dead.letters")
    '2 inputs could not be used (malformed 2); see dead.letters'
    """
    named = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    count = sum(reasons.values())  # ints
    inputs = "1 input" if count == 1 else f"{count:,} inputs"
    return f"{inputs} could not be used ({named}); {where}"


def _text(summary: Mapping[str, Any], *, out: Path | None) -> str:
    scores = ", ".join(f"{name} {count:,}" for name, count in summary["scores"].items())
    sides = ", ".join(f"{side} {count:,}" for side, count in summary["signals_by_side"].items())
    series = "".join(f", {name} {count:,}" for name, count in summary["series_values"].items())
    history = f"{summary['history_bars']:,} bars{series}"
    lines = [
        f"frames   {summary['frames']:,} ({summary['ticks']:,} ticks), "
        f"{summary['data_seconds']:,.1f} s of market in {summary['wall_seconds']:,.1f} s "
        f"({summary['speed']:,.0f}x real time)",
        *([f"history  {history}"] if summary["history_bars"] or series else []),
        f"scores   {scores or 'none'}",
        f"signals  {summary['signals']:,} ({sides})",
        f"orders   {summary['orders']:,} records, {summary['fills']:,} fills",
    ]
    if out is not None:
        lines.append(f"written  {out}")
    return "\n".join(lines)
