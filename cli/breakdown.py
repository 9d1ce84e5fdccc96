"""The breakdown of a score as people read it: tables, gauges and sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table as RichTable
from rich.text import Text

from agents.interpretation.breakdown import Breakdown, Row, Table
from agents.interpretation.interpret import DimensionWords, Reason
from agents.interpretation.phrasebook import plain_name
from agents.interpretation.sentences.base import Tone, tone_of
from agents.interpretation.sentences.figures import points, price
from cli.moment import written
from schemas.score import ConfluenceScore

CELLS = 18
"""Width of a gauge."""

MOST_REASONS = 4
"""Reasons of a side that are shown; the data has them all."""

_FILL = {Tone.BULLISH: "▓", Tone.NEUTRAL: "▒", Tone.BEARISH: "░"}
_STYLE = {Tone.BULLISH: "green", Tone.NEUTRAL: "yellow", Tone.BEARISH: "red"}
_PLAIN = str.maketrans(
    {"▓": "#", "▒": "=", "░": "-", "·": ".", "−": "-", "σ": " sigma", "×": "x", "±": "+/-"}
)
"""For terminals that know no more than ASCII."""


class BreakdownView:
    """Draws a breakdown; fits 80 columns."""

    def __init__(self, told: Breakdown) -> None:
        self._told = told

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        drawn = Group(*self._parts())
        if "utf" in options.encoding.lower():
            yield drawn
            return
        for text, style, control in console.render(drawn, options):
            yield Segment(text.translate(_PLAIN), style, control)

    def _parts(self) -> Iterator[RenderableType]:
        told = self._told
        headline = Text(told.interpretation.headline, style="bold")
        yield Group(self._head(), headline, Text(""), table(told.whole, heading="dimension"))
        yield _section("In force", list(in_force(told.confluence)))
        for name, reasons in (
            ("Bullish", told.interpretation.bullish),
            ("Bearish", told.interpretation.bearish),
        ):
            if reasons:
                yield _section(name, [_reason(r) for r in reasons[:MOST_REASONS]])
        change = [*told.interpretation.change, *smallest_flip(told.confluence)]
        yield _section("What would change the view", change)
        if told.interpretation.notes:
            yield _section("To know", told.interpretation.notes)
        for part, words in zip(told.tables, told.interpretation.dimensions, strict=True):
            yield _dimension(part, words)

    def _head(self) -> Text:
        whole = self._told.confluence
        head = Text(f"{whole.venue}:{whole.symbol}", style="bold")
        head.append(f"  {written(whole.tick_ns)}", style="not bold")
        at = "none" if whole.price is None else price(whole.price)
        trust = ", ".join(f"{part.name} {part.value:.2f}" for part in whole.reliability_parts)
        limits = f"long at {whole.long_threshold:g}, short at {whole.short_threshold:g}"
        lines = [f"price {at}   {limits}   reliability {whole.reliability:.2f}", f"({trust})"]
        if whole.signal_id is not None:
            lines.append(f"signal {whole.signal_id}")
        head.append("\n" + "\n".join(lines), style="not bold dim")
        return head


def in_force(whole: ConfluenceScore) -> Iterator[str]:
    """Regime, weights and thresholds as the market moved them, and what changed at this tick."""
    regime = "not known yet" if whole.regime is None else plain_name(whole.regime.value)
    moved = ", ".join(
        f"{plain_name(part.dimension)} ×{part.multiplier:.2f}"
        for part in whole.contributions
        if part.multiplier != 1.0
    )
    yield f"Regime {regime}; base weights by regime and skill: {moved or 'as they are'}."
    for name, limit, points_of in (
        ("Long", whole.long_threshold, [m.long_points for m in whole.threshold_moves]),
        ("Short", whole.short_threshold, [m.short_points for m in whole.threshold_moves]),
    ):
        if points_of:
            told = ", ".join(
                f"{_signed(by, 2)} {move.name} at {move.ratio:.2f} of usual"
                for move, by in zip(whole.threshold_moves, points_of, strict=True)
            )
            base = limit - math.fsum(points_of)
            yield f"{name} at {limit:.2f}, {base:.2f} moved by {told}."
        else:
            yield f"{name} at {limit:.2f}, not moved."
    yield from (f"Changed now: {change}." for change in whole.changes)


def smallest_flip(whole: ConfluenceScore) -> Iterator[str]:
    """The least change of one component that would have given another signal."""
    flip = whole.flip
    if flip is None:
        if whole.score is not None:
            yield "No single component, whatever its score, would have given another signal."
    else:
        given = "no signal" if flip.signal is None else f"the signal {flip.signal}"
        yield (
            f"Smallest flip: {plain_name(flip.component)} ({plain_name(flip.dimension)}) at "
            f"{flip.to:.2f} instead of {flip.score:.2f} would have given {given}."
        )


def table(part: Table, *, heading: str = "component") -> RichTable:
    """A table of scores: each line, then the total."""
    drawn = RichTable(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    drawn.add_column(heading, no_wrap=True)
    for name in ("score", "weight", "impact", "push", "DIV"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("gauge", no_wrap=True)
    for row in part.rows:
        drawn.add_row(*_cells(row))
    drawn.add_row(*_cells(part.total, name="total"), style="bold")
    return drawn


def gauge(value: float | None) -> Text:
    """A bar of 18 cells from 0 to 100, its filling by the way that the score leans.

    >>> gauge(61.78).plain, gauge(None).plain
    ('▓▓▓▓▓▓▓▓▓▓▓·······', '··················')
    """
    if value is None:
        return Text("·" * CELLS, style="dim")
    filled = round(value / 100.0 * CELLS)
    tone = tone_of(value)
    bar = Text(_FILL[tone] * filled, style=_STYLE[tone])
    return bar.append("·" * (CELLS - filled), style="dim")


def _cells(row: Row, *, name: str | None = None) -> list[Text]:
    label = Text(row.name if name is None else name)
    if row.score is None or row.gauge is None:
        waiting = [Text("..", style="dim"), *(Text("", style="dim") for _ in range(4))]
        return [label, *waiting, gauge(None)]
    style = _STYLE[tone_of(row.gauge)]
    return [
        label,
        Text(f"{row.score:.2f}", style=style),
        Text(f"{row.weight:.2f}"),
        Text(f"{row.impact:.1f}"),
        Text(_signed(row.push, 2), style=style),
        Text(_signed(row.divergence, 1), style=_side(row.divergence)),
        gauge(row.gauge),
    ]


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0.0 else text


def _side(value: float) -> str:
    if value == 0.0:
        return "dim"
    return "green" if value > 0.0 else "red"


def _dimension(part: Table, words: DimensionWords) -> Group:
    said = [*words.patterns, *words.components]
    headline = Text(f"\n{words.headline}", style="bold")
    return Group(headline, table(part), *(_item(Text(line)) for line in said))


def _section(name: str, lines: Sequence[str | Text]) -> Group:
    return Group(Text(f"\n{name}", style="bold"), *(_item(Text.assemble(line)) for line in lines))


def _reason(reason: Reason) -> Text:
    style = _side(reason.points)
    return Text.assemble((f"{points(reason.points)}  ", style), reason.text)


def _item(line: Text) -> Padding:
    return Padding(line, (0, 0, 0, 2), expand=False)
