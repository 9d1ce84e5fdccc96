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
SymbolOption = Annotated[
    str | None,
    typer.Option("--symbol", help="Symbol of klines whose file name does not tell it."),
]
HistoryOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--history",
        metavar="KLINES",
        help="Klines of the time before the first frame; repeat for more timeframes.",
    ),
]
SeriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--series",
        metavar="NAME[@SYMBOL]=FILE[#COLUMN]",
        help="Timestamped values, as fear_greed=index.csv; repeat for more.",
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
