"""The live view: a board drawn as a table that fits the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from cli.board import Board, SymbolRow
from schemas.frame import NS_PER_S
from schemas.score import DIMENSIONS, NEUTRAL
from schemas.signal import SignalKind
from schemas.topics import DEAD_LETTERS, FILLS, FRAMES, ORDERS, SIGNALS

SILENT_AFTER_NS = 10 * NS_PER_S
"""Market time after which a symbol without frames counts as silent."""

_LINES_AROUND = 5
_GAUGE_CELLS = 15
_FACES = {
    "technical": "tech",
    "volume": "vol",
    "orderflow": "flow",
    "orderbook": "book",
    "price_structure": "strc",
    "sentiment": "sent",
}
_KIND_STYLE = {SignalKind.LONG: "bold green", SignalKind.SHORT: "bold red", SignalKind.EXIT: ""}


class Glyphs(NamedTuple):
    """What a terminal can show."""

    line: str
    mark: str
    absent: str


ROUND = Glyphs("─", "●", "—")
PLAIN = Glyphs("-", "o", "-")


class LiveView:
    """Draws a board; ``title`` says what plays.

    Narrow terminals get fewer columns, low ones fewer symbols, with a line that says so.
    """

    def __init__(self, board: Board, *, title: str) -> None:
        self._board = board
        self._title = title
        self.frames_per_s = 0.0

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        glyphs = ROUND if "utf" in options.encoding.lower() else PLAIN
        rows = list(self._board.rows.values())
        fitting = max(console.height - _LINES_AROUND, 1)
        yield self._head()
        yield self._table(rows[:fitting], width=options.max_width, glyphs=glyphs)
        if len(rows) > fitting:
            yield Text(f"{len(rows) - fitting} more symbols do not fit", style="dim")
        yield self._foot()

    def _head(self) -> Text:
        moment = datetime.fromtimestamp(self._board.close_ns // NS_PER_S, UTC)
        head = Text("Market Prism", style="bold", no_wrap=True, overflow="ellipsis")
        head.append(f"  {self._title}", style="not bold cyan")
        head.append(f"  {moment:%Y-%m-%d %H:%M:%S} UTC", style="not bold")
        head.append(f"  {self.frames_per_s:,.0f} frames/s", style="not bold dim")
        return head

    def _foot(self) -> Text:
        counts = self._board.counts
        text = (
            f"equity {self._board.equity:,.2f}  balance {self._board.balance:,.2f}  "
            f"signals {counts[SIGNALS.name]}  orders {counts[ORDERS.name]}  "
            f"fills {counts[FILLS.name]}  frames {counts[FRAMES.name]:,}"
        )
        if counts[DEAD_LETTERS.name]:
            text += f"  dead letters {counts[DEAD_LETTERS.name]}"
        return Text(f"{text}  Ctrl-C stops", style="dim", no_wrap=True, overflow="ellipsis")

    def _table(self, rows: list[SymbolRow], *, width: int, glyphs: Glyphs) -> Table:
        columns = [column for column in COLUMNS if width >= column.least_width]
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(
                column.heading, justify="right" if column.right else "left", no_wrap=True
            )
        for row in rows:
            at = Drawing(row, self._board.close_ns, glyphs)
            table.add_row(*(column.cell(at) for column in columns))
        return table


class Drawing(NamedTuple):
    """One row about to be drawn, at a market time."""

    row: SymbolRow
    now_ns: int
    glyphs: Glyphs


class Column(NamedTuple):
    """One column, and how wide a terminal must be to have room for it."""

    heading: str
    cell: Callable[[Drawing], Text]
    least_width: int = 0
    right: bool = True


def _price(at: Drawing) -> Text:
    price = at.row.price
    return Text("" if price is None else f"{price:,.{at.row.decimals}f}")


def _score(at: Drawing) -> Text:
    score = at.row.score
    return _waiting() if score is None else Text(f"{score:.1f}", style=_lean(score))


def _gauge(at: Drawing) -> Text:
    """A scale from 0 to 100 with a mark at the score; no mark while there is none."""
    line, mark, _ = at.glyphs
    score = at.row.score
    if score is None:
        return Text(line * _GAUGE_CELLS, style="dim")
    cell = min(int(score / 100 * _GAUGE_CELLS), _GAUGE_CELLS - 1)
    scale = Text(line * cell, style="dim")
    scale.append(mark, style=f"not dim {_lean(score)}")
    scale.append(line * (_GAUGE_CELLS - 1 - cell))
    return scale


def _trust(at: Drawing) -> Text:
    trust = at.row.reliability
    return Text("" if trust is None else f"{trust:.2f}", style="dim")


def _face(name: str) -> Callable[[Drawing], Text]:
    def cell(at: Drawing) -> Text:
        if name not in at.row.faces:
            return Text(at.glyphs.absent, style="dim")
        score = at.row.faces[name]
        return _waiting() if score is None else Text(f"{score:.0f}", style=_lean(score))

    return cell


def _signal(at: Drawing) -> Text:
    signal = at.row.signal
    if signal is None:
        return Text("")
    age_s = (at.now_ns - signal.tick_ns) // NS_PER_S
    return Text(f"{signal.kind.value} {_age(age_s)}", style=_KIND_STYLE[signal.kind])


def _position(at: Drawing) -> Text:
    held = at.row.position
    if held is None or not held.qty:
        return Text("flat", style="dim")
    return Text(f"{held.qty.normalize():+f}", style="green" if held.qty > 0 else "red")


def _profit(at: Drawing) -> Text:
    if at.row.position is None:
        return Text("")
    profit = at.row.profit()
    return Text(f"{profit:+,.2f}", style="green" if profit >= 0 else "red")


def _feed(at: Drawing) -> Text:
    state = at.row.feed(at.now_ns, silent_after_ns=SILENT_AFTER_NS)
    return Text(state, style="green" if state == "ok" else "yellow")


def _waiting() -> Text:
    return Text("..", style="dim")


def _lean(score: float) -> str:
    if score == NEUTRAL:
        return ""
    return "green" if score > NEUTRAL else "red"


def _age(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds}s"
    return f"{seconds // 60}m" if seconds < 7200 else f"{seconds // 3600}h"


COLUMNS = (
    Column("symbol", lambda at: Text(at.row.symbol), right=False),
    Column("price", _price, 40),
    Column("score", _score),
    Column("short <-> long", _gauge, 136, right=False),
    Column("trust", _trust, 120),
    *(Column(_FACES[name], _face(name), 80) for name in DIMENSIONS),
    Column("signal", _signal, right=False),
    Column("position", _position, 104),
    Column("P&L", _profit, 52),
    Column("feed", _feed, 112, right=False),
)
