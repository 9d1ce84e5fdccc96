"""``prism up``: a market played through the pipeline, live in the terminal or headless."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.board import Board
from cli.common import PANEL_OUTPUT, ConfigOption, JsonOption, SetOption, settings_of
from cli.feeds import GeneratedFeed, RecordedFeed
from cli.pace import Pacer, parse_duration_s, parse_speed
from cli.play import LiveTable, Show, StatusLines, play
from cli.report import report
from cli.run import Run
from cli.stop import Stop

PANEL_MARKET = "Market"

GENERATED_AHEAD_S = 60.0
"""Market time of the generated market that is rushed through first, so that scores are ready."""


def up(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--source",
            help="Recording to play instead; repeat for several files.",
            rich_help_panel=PANEL_MARKET,
        ),
    ] = None,
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
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Play a market through the pipeline and watch it: scores, signals, positions.

    Without --source it is a generated market that needs no network. Ctrl-C stops it cleanly.
    Without a terminal it runs headless.
    """
    settings = settings_of(config, overrides)
    feed = RecordedFeed(source, settings) if source else GeneratedFeed(settings, seed=seed)
    pacer = Pacer(parse_speed(speed), ahead_s=0.0 if source else GENERATED_AHEAD_S)
    duration_s = None if duration is None else parse_duration_s(duration)
    board = Board(start_balance=settings.paper.balance)
    plain = headless or not sys.stdout.isatty()
    show: Show = StatusLines(board) if plain else LiveTable(board, title=f"{feed.title} {speed}")
    with Stop() as stop, Run(settings, out=out, watchers=[board]) as run:
        frames = feed.frames(run.dead_letter)
        with show:
            complete = play(frames, run, show=show, pacer=pacer, stop=stop, duration_s=duration_s)
        summary = run.close(complete=complete, sources=feed.sources())
    report(summary, out=out, as_json=as_json, quiet=False)
