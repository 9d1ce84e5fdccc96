"""``prism plot``: price, scores and confluence of recorded market data as a picture."""

from __future__ import annotations

import importlib.util
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.common import (
    PANEL_OUTPUT,
    ConfigOption,
    HistoryOption,
    SeriesOption,
    SetOption,
    SymbolOption,
    settings_of,
)
from cli.feeds import FileFeed
from cli.moment import Moment, parse_moment
from cli.progress import progress
from cli.report import warn_of_unused
from cli.run import PipelineRun
from cli.stop import STOPPED_BY, Stop
from schemas.errors import SourceMissing, UsageError
from schemas.frame import NS_PER_S, Backfill, Frame, Message
from schemas.score import NEUTRAL, ConfluenceScore
from schemas.topics import Topic

KINDS = (".pdf", ".png", ".svg")

NOT_READY = float("nan")
"""What leaves a gap in a line."""


class Curves:
    """Gathers price and scores from some time on; klines have no mid, so it takes their closes."""

    def __init__(self) -> None:
        self.begin_ns = 0
        self.close: float | None = None
        self.times: list[datetime] = []
        self.lines: dict[str, list[float]] = {"price": []}

    def add(self, _topic: Topic, message: Message) -> None:
        """Take one record."""
        if not isinstance(message, ConfluenceScore) or message.tick_ns < self.begin_ns:
            return
        self.times.append(datetime.fromtimestamp(message.tick_ns / NS_PER_S, UTC))
        price = self.close if message.price is None else message.price
        found = {part.dimension: part.score for part in message.contributions}
        for name, value in {"price": price, **found, "confluence": message.score}.items():
            self.lines.setdefault(name, []).append(NOT_READY if value is None else value)


def plot(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="Recordings, or klines (CSV, Feather), of one symbol.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The picture; its ending says which kind (.png, .svg, .pdf).",
            show_default=False,
            rich_help_panel=PANEL_OUTPUT,
        ),
    ],
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Draw from here on; see `prism score`.")
    ] = "+0s",
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Draw up to here. Default: all.")
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    symbol: SymbolOption = None,
    history: HistoryOption = None,
    series: SeriesOption = None,
) -> None:
    """Draw price, the score of each enabled dimension, and confluence over time.

    Everything before --from runs through the pipeline too, so that scores are what they would be.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("plots need matplotlib, which is not installed: pip install matplotlib")
    if out.suffix not in KINDS:
        raise UsageError(f"{out}: write it as {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if not out.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}; make it, or name another")
    settings = settings_of(config, overrides)
    feed = FileFeed(sources, settings, symbol=symbol, history=history, series=series)
    if len(feed.keys()) > 1:
        raise UsageError(f"{feed.title}: more than one symbol; give the files of one")
    window = parse_moment(begin), None if end is None else parse_moment(end)
    with Stop() as stop, PipelineRun(settings, watchers=[curves := Curves()]) as run:
        gather(curves, feed, run, stop, window)
    if stop.by is not None:
        raise typer.Exit(STOPPED_BY + stop.by)
    warn_of_unused(run.tally)
    if not curves.times:
        raise SourceMissing(f"{feed.title}: no tick in that time; see --from and --to")
    draw(curves, title=feed.title, out=out)


def gather(
    curves: Curves,
    feed: FileFeed,
    run: PipelineRun,
    stop: Stop,
    window: tuple[Moment, Moment | None],
) -> None:
    """Run the feed up to the end of the window, or until somebody stops it."""
    begin, end = window
    start_ns = None
    with progress(feed, run.tally, shown=True) as advance:
        for message in feed.messages(run.dead_letter):
            if isinstance(message, Backfill):
                curves.close = message.close[-1]
            elif isinstance(message, Frame):
                start_ns = message.open_ns if start_ns is None else start_ns
                curves.begin_ns = begin.after(start_ns)
                if end is not None and message.close_ns > end.after(start_ns):
                    return
            run.take(message)
            if stop.requested:
                return
            advance()


def draw(curves: Curves, *, title: str, out: Path) -> None:
    """One strip per line over a common time, neutral and the ends of the range marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 1.0 * len(curves.lines) + 1.0), dpi=80, layout="constrained")
    strips = figure.subplots(len(curves.lines), sharex=True)
    for strip, (name, values) in zip(strips, curves.lines.items(), strict=True):
        is_price = name == "price"
        strip.plot(curves.times, values, linewidth=0.7, color="black" if is_price else "tab:blue")
        strip.set_ylabel(name.replace("_", "\n"), fontsize=8)
        strip.tick_params(labelsize=7)
        if not is_price:
            strip.set_ylim(0.0, 100.0)
            strip.set_yticks((0.0, NEUTRAL, 100.0))
            strip.axhline(NEUTRAL, color="grey", linewidth=0.5)
            if all(map(math.isnan, values)):
                strip.text(0.5, 0.6, "not ready", transform=strip.transAxes, ha="center")
    figure.suptitle(f"{title} (UTC)", fontsize=9)
    figure.savefig(out)
