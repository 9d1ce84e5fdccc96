"""Progress of long work, on stderr and only for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.tally import Tally

_FRAMES_PER_UPDATE = 100


@contextmanager
def progress(tally: Tally, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Show market time, frames and speed while the body runs; it calls what it is given per frame.

    Nothing is shown if ``shown`` is false or stderr is no terminal. A recording does not say how
    much market time it holds, so the bar has no end.
    """
    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield lambda: None
        return
    bar = Progress(
        BarColumn(bar_width=20),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("reading", total=None)

        def advance() -> None:
            if tally.frames % _FRAMES_PER_UPDATE:
                return
            elapsed_s = bar.tasks[0].elapsed or 0.0
            speed = tally.data_seconds / elapsed_s if elapsed_s else 0.0
            minutes = tally.data_seconds / 60
            bar.update(
                task,
                description=f"{minutes:,.1f} min of market, {tally.frames:,} frames, {speed:,.0f}x",
            )

        yield advance
