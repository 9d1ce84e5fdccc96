"""The commands of `prism`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from agents.runtime import logs
from cli import (
    config,
    control,
    journal,
    live_feed,
    plot,
    portfolio,
    rank,
    replay,
    roles,
    score,
    simulate,
    up,
    verify,
)
from cli.drift import drift_command
from cli.drill.command import drill
from cli.preflight.command import preflight

app = typer.Typer(
    name="prism",
    help="Market Prism: crypto market data to frames, scores, signals and orders, "
    "the same every time it is replayed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"prism {version('market-prism')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """What holds for every command."""
    logs.to_stderr()


app.command("up", rich_help_panel="Run")(up.up)
app.command("simulate", rich_help_panel="Run")(simulate.simulate)
app.command("feed", rich_help_panel="Roles over a broker")(roles.feed)
app.command("worker", rich_help_panel="Roles over a broker")(roles.worker)
app.command("execution", rich_help_panel="Roles over a broker")(roles.execution)
app.command("overview", rich_help_panel="Roles over a broker")(roles.overview)
app.command("verify", rich_help_panel="Roles over a broker")(verify.verify)
app.command("preflight", rich_help_panel="Roles over a broker")(preflight)
app.command("halt", rich_help_panel="Stop")(control.halt)
app.command("resume", rich_help_panel="Stop")(control.resume)
app.command("flatten", rich_help_panel="Stop")(control.flatten)
app.command("drill", rich_help_panel="Stop")(drill)
app.command("journal", rich_help_panel="Look")(journal.journal_command)
app.command("drift", rich_help_panel="Look")(drift_command)
app.command("portfolio", rich_help_panel="Look")(portfolio.portfolio_command)
app.command("score", rich_help_panel="Look")(score.score)
app.command("plot", rich_help_panel="Look")(plot.plot)
app.command("replay", rich_help_panel="Reproduce")(replay.replay)
app.command("record", rich_help_panel="Reproduce")(live_feed.record)
app.command("rank", rich_help_panel="Reproduce")(rank.rank)
app.add_typer(config.app, name="config", rich_help_panel="Set up")
