"""Options that several commands take, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.config import check_dimensions
from schemas.settings import Settings, load_settings

PANEL_SETTINGS = "Settings"
PANEL_OUTPUT = "Output"

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file (YAML); see `prism config default`.",
        rich_help_panel=PANEL_SETTINGS,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="One setting; repeat for more.",
        rich_help_panel=PANEL_SETTINGS,
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the summary as JSON on stdout.", rich_help_panel=PANEL_OUTPUT
    ),
]


def settings_of(config: Path | None, overrides: list[str] | None) -> Settings:
    """Settings from file, environment and overrides, dimension options checked."""
    settings = load_settings(config, overrides=overrides or ())
    check_dimensions(settings)
    return settings
