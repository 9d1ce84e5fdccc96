"""``prism replay``: recorded markets through the whole pipeline, into files and digests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agents.runtime import huge_pages
from cli.common import (
    PANEL_OUTPUT,
    ConfigOption,
    HistoryOption,
    JsonOption,
    SeriesOption,
    SetOption,
    SymbolOption,
    settings_of,
)
from cli.feeds import FileFeed
from cli.progress import progress
from cli.report import report, warn
from cli.run import PipelineRun
from cli.stop import STOPPED_BY, Stop
from schemas.errors import UsageError


def replay(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="Recordings, or klines (CSV, Feather); files of one symbol in the order of time.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the outputs; made if needed.",
            show_default=False,
            rich_help_panel=PANEL_OUTPUT,
        ),
    ],
    config: ConfigOption = None,
    overrides: SetOption = None,
    venue: Annotated[
        str | None, typer.Option(help="Name of the venue, instead of the one detected.")
    ] = None,
    symbol: SymbolOption = None,
    history: HistoryOption = None,
    series: SeriesOption = None,
    as_json: JsonOption = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", help="No progress and no summary.", rich_help_panel=PANEL_OUTPUT),
    ] = False,
) -> None:
    """Run recorded market data through the whole pipeline, as fast as it goes.

    Writes market.json, summary.json, confluence_scores.parquet, signals.jsonl, orders.jsonl,
    fills.jsonl, quality.jsonl, portfolio.jsonl, monitor.jsonl, trade_alerts.jsonl, overview.jsonl
    and dead_letters.jsonl into the folder. The same recording and settings give the same digests on
    any machine. Ctrl-C stops it; the summary then says that it is not complete.

    Of klines each bar is one tick without trades and book: what needs those is not ready, and there
    are no signals.
    """
    settings = settings_of(config, overrides)
    feed = FileFeed(sources, settings, venue=venue, symbol=symbol, history=history, series=series)
    huge_pages.keep()
    with Stop() as stop, PipelineRun(settings, out=out) as run:
        with progress(feed, run.tally, shown=not quiet) as advance:
            for message in feed.messages(run.dead_letter):
                run.take(message)
                if stop.requested:
                    break
                advance()
        if not run.tally.frames and not stop.requested:
            raise UsageError(f"{feed.title}: no frame could be made of it; look into the files")
        summary = run.close(complete=not stop.requested, sources=feed.sources())
    report(summary, out=out, as_json=as_json, quiet=quiet)
    if stop.by is not None:
        warn("stopped before the end; the outputs cover what was read until then")
        raise typer.Exit(STOPPED_BY + stop.by)
