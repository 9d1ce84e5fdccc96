"""Ways to show a board while it changes: a live table, or a line now and then."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

import typer
from rich.console import Console
from rich.live import Live

from cli.board import Board
from cli.view import LiveView
from schemas.frame import NS_PER_MS, NS_PER_S
from schemas.topics import FILLS, FRAMES, ORDERS, SIGNALS


class Show(Protocol):
    """Something that shows a board now and then; a context manager."""

    def __enter__(self) -> Show: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def draw(self, now_ns: int) -> None:
        """Show the board as it stands, if it is time to."""


class LiveTable:
    """The live view in the terminal, several times a second."""

    every_ns = 125 * NS_PER_MS

    def __init__(self, board: Board, *, title: str) -> None:
        self._board = board
        self._view = LiveView(board, title=title)
        self._live = Live(self._view, console=Console(), auto_refresh=False)
        self._rate = Rate(self.every_ns)

    def __enter__(self) -> LiveTable:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.refresh()
        self._live.stop()

    def draw(self, now_ns: int) -> None:
        """Draw, if the last drawing is old enough."""
        if self._rate.due(self._board.counts[FRAMES.name], now_ns):
            self._view.frames_per_s = self._rate.per_s
            self._live.refresh()


class StatusLines:
    """One line on stderr every few seconds, without control codes."""

    every_ns = 5 * NS_PER_S

    def __init__(self, board: Board) -> None:
        self._board = board
        self._rate = Rate(self.every_ns)

    def __enter__(self) -> StatusLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def draw(self, now_ns: int) -> None:
        """Print, if the last line is old enough."""
        counts = self._board.counts
        if self._rate.due(counts[FRAMES.name], now_ns):
            typer.echo(
                f"prism: {counts[FRAMES.name]:,} frames ({self._rate.per_s:,.0f}/s), "
                f"{counts[SIGNALS.name]} signals, {counts[ORDERS.name]} orders, "
                f"{counts[FILLS.name]} fills, equity {self._board.equity:,.2f}",
                err=True,
            )


class Rate:
    """Says when ``every_ns`` have gone by, and how many a second there were in them."""

    def __init__(self, every_ns: int) -> None:
        self._every_ns = every_ns
        self._last: tuple[int, int] | None = None
        self.per_s = 0.0

    def due(self, count: int, now_ns: int) -> bool:
        """Whether it is time; the first call only starts the clock."""
        if self._last is None:
            self._last = (count, now_ns)
        before, then_ns = self._last
        if now_ns - then_ns < self._every_ns:
            return False
        # The rate is smoothed over about four drawings, or it would flicker.
        fresh = (count - before) * NS_PER_S / (now_ns - then_ns)
        self.per_s += (fresh - self.per_s) * (0.25 if self.per_s else 1.0)
        self._last = (count, now_ns)
        return True
