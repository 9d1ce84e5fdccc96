"""Progress of long work, on stderr and only for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cli.feeds import FileFeed
from cli.tally import Tally

_FRAMES_PER_UPDATE = 100


@contextmanager
def progress(feed: FileFeed, tally: Tally, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Show bytes read, market time and speed while the body runs, which calls what it gets often.

    Nothing is shown if ``shown`` is false or stderr is no terminal.
    """
    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield lambda: None
        return
    bar = Progress(
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%  {task.description}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("reading", total=feed.size_bytes())

        def advance() -> None:
            if tally.frames % _FRAMES_PER_UPDATE:
                return
            elapsed_s = bar.tasks[0].elapsed or 0.0
            speed = tally.data_seconds / elapsed_s if elapsed_s else 0.0
            text = f"{tally.data_seconds / 60:,.1f} min of market, {speed:,.0f}x"
            bar.update(task, completed=feed.bytes_read(), description=text)

        yield advance
