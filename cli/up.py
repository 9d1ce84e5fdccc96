"""``prism up``: a market, the agents and the account in one process, live in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from cli.board import Board
from cli.common import (
    PANEL_OUTPUT,
    ConfigOption,
    HistoryOption,
    JsonOption,
    SeriesOption,
    SetOption,
    settings_of,
)
from cli.feeds import Feed, feed_of
from cli.live import live
from cli.pace import Pacer, parse_duration_s, parse_speed
from cli.report import report
from cli.run import Run
from cli.show import LiveTable, Show, StatusLines
from cli.stop import Stop
from schemas.settings import Settings

PANEL_MARKET = "Market"

GENERATED_AHEAD_S = 60.0
"""Market time of the generated market that is rushed through first, so that scores are ready."""


def up(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--source",
            help="Recording or klines to play instead; repeat for several files.",
            rich_help_panel=PANEL_MARKET,
        ),
    ] = None,
    history: HistoryOption = None,
    series: SeriesOption = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the generated market.", rich_help_panel=PANEL_MARKET)
    ] = 7,
    speed: Annotated[
        str,
        typer.Option(help="Market time per wall time: 1x, 20x, max.", rich_help_panel=PANEL_MARKET),
    ] = "1x",
    duration: Annotated[
        str | None,
        typer.Option(
            help="Stop after this much wall time: 20s, 5m, 1h.", rich_help_panel=PANEL_MARKET
        ),
    ] = None,
    headless: Annotated[
        bool,
        typer.Option(
            "--headless",
            help="No live view; a status line now and then.",
            rich_help_panel=PANEL_OUTPUT,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the same files that replay writes.", rich_help_panel=PANEL_OUTPUT
        ),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="kafka://host:port instead of the broker inside the process.",
            rich_help_panel=PANEL_MARKET,
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Play a market through agents and account and watch it: scores, signals, positions.

    Feed, agents, account and sinks run in this process, over a broker inside it. Without --source
    it is a generated market that needs no network. Ctrl-C stops it cleanly. Without a terminal it
    runs headless.
    """
    given = [*(overrides or []), *([] if broker is None else [f"broker.url={broker}"])]
    settings = settings_of(config, given)
    feed = feed_of(source, settings, seed=seed, history=history, series=series)
    pace = parse_speed(speed)
    settings = _in_one_process(settings, feed, pace)
    pacer = Pacer(pace, ahead_s=0.0 if source else GENERATED_AHEAD_S)
    duration_s = None if duration is None else parse_duration_s(duration)
    board = Board(start_balance=settings.paper.balance)
    plain = headless or not sys.stdout.isatty()
    show: Show = StatusLines(board) if plain else LiveTable(board, title=f"{feed.title} {speed}")
    # A broker outside may deliver outputs again after a rebalance; then topics are not in order.
    ordered = settings.broker.url.startswith("embedded:")
    with Stop() as stop, Run(settings, out=out, watchers=[board], ordered=ordered) as run:
        with show:
            complete = uvloop.run(
                live(settings, feed, run, show=show, pacer=pacer, stop=stop, duration_s=duration_s)
            )
        summary = run.close(complete=complete, sources=feed.sources())
    report(summary, out=out, as_json=as_json, quiet=False)


def _in_one_process(settings: Settings, feed: Feed, pace: float | None) -> Settings:
    """Settings for all roles together: the feed's symbols, and one partition where it is ours.

    A slow pace stretches market time, so the watchdog gets more patience in wall time.
    """
    runtime = settings.runtime.model_copy(
        update={
            "symbols": tuple(feed.keys()),
            "absent_after_s": settings.runtime.absent_after_s * max(1.0, 1.0 / (pace or 1.0)),
        }
    )
    broker = settings.broker
    if broker.url.startswith("embedded:"):
        # One reader gains nothing from partitions, and one partition keeps the order of digests.
        broker = broker.model_copy(update={"partitions": 1})
    return settings.model_copy(update={"runtime": runtime, "broker": broker})
