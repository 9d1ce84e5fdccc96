"""``prism drill``: does the kill switch work?"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli.common import PANEL_OUTPUT

if TYPE_CHECKING:
    from cli.drill.drill import Step


def drill(
    *,
    venue: Annotated[
        str, typer.Option(help="Whose protocol the exchange speaks: binanceusdm, bybit, binance.")
    ] = "binanceusdm",
    spot: Annotated[
        bool, typer.Option("--spot", help="On its spot, where the venue has perpetuals, too.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the generated market.")] = 7,
    within: Annotated[
        float, typer.Option("--within", min=1, help="Seconds that each step may take.")
    ] = 120.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON at the end.", rich_help_panel=PANEL_OUTPUT)
    ] = False,
) -> None:
    """Halt and flatten a live account on the simulated exchange, and kill it in between.

    Starts an exchange on loopback and, as a process of its own, broker, feed, ledger and the
    execution role. Positions are opened, with stops and targets at the venue; the account is halted
    through the topic control, killed with SIGKILL, started again, and flattened. The exchange's own
    books say whether anything is left. Nothing leaves the machine. Exit code 0: nothing is left; 1:
    a step failed.
    """
    from cli.drill.drill import Drill

    with tempfile.TemporaryDirectory(prefix="prism-drill-") as folder:
        exercise = Drill(
            Path(folder),
            venue=venue,
            spot=spot,
            seed=seed,
            within_s=within,
            tell=_ignore if as_json else _print,
        )
        passed = asyncio.run(exercise.run())
    if as_json:
        document = {"passed": passed, "steps": exercise.steps}
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        typer.echo("passed: halted, killed, flattened, and nothing is left" if passed else "FAILED")
    if not passed:
        raise typer.Exit(1)


def _print(step: Step) -> None:
    mark = "ok" if step.passed else "FAIL"
    typer.echo(f"{step.at_s:7.2f} s  {mark:<5}{step.name:<14} {step.fact}")


def _ignore(_step: Step) -> None:
    """It is told at the end."""
