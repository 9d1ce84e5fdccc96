"""``prism config``: show the settings and check a settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agents.dimensions import registry
from cli.reference import default_yaml
from schemas.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Show the settings, or check a settings file.")


@app.command()
def default() -> None:
    """Print every setting with its unit, default and reason, as YAML."""
    typer.echo(default_yaml(), nl=False)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Settings file (YAML).", show_default=False)],
) -> None:
    """Say OK and the settings hash, or name the first fault."""
    settings = load_settings(file)
    check_dimensions(settings)
    typer.echo(f"{file}: OK, settings hash {settings.config_hash()}")


def check_dimensions(settings: Settings) -> None:
    """Raise :class:`SettingsError` if a dimension is unknown or does not take its options.

    Options of dimensions that do not run are checked too, so that a fault does not wait in the file
    for the day on which they are switched on.
    """
    chosen = settings.dimensions
    for name in (*chosen.enabled, *chosen.options):
        registry.create(name, chosen.options.get(name, {}))
