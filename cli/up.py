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
from cli.feeds import GeneratedFeed, feed_of
from cli.live import Market, live
from cli.markets import PlayedMarket, SimulatedMarket, VenueMarket
from cli.pace import Pacer, parse_duration_s, parse_speed
from cli.report import report
from cli.run import Run
from cli.show import LiveTable, Show, StatusLines
from cli.stop import Stop
from schemas.errors import UsageError
from schemas.settings import Settings
from streams.exchanges.venue import venue_of

PANEL_MARKET = "Market"

GENERATED_AHEAD_S = 60.0
"""Market time of the generated market that is rushed through first, so that scores are ready."""


def up(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--source",
            help="Recording or klines to play instead, repeatable, or `generated`: a small market "
            "without an exchange, the same at any speed.",
            rich_help_panel=PANEL_MARKET,
        ),
    ] = None,
    venue: Annotated[
        str | None,
        typer.Option(
            help="Listen to a real venue's public data: binance, binanceusdm, bybit, coinbase, "
            "hyperliquid.",
            rich_help_panel=PANEL_MARKET,
        ),
    ] = None,
    symbols: Annotated[
        str | None,
        typer.Option(
            help="Unified names, comma-separated; of a --venue also top:N by turnover.",
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
        typer.Option(
            help="Of --source: market time per wall time: 1x, 20x, max.",
            rich_help_panel=PANEL_MARKET,
        ),
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
    """Run a market through agents and account and watch it: scores, signals, positions.

    Feed, agents, account and sinks run in this process, over a broker inside it. Left alone it
    starts a simulated exchange and listens to it as to a real one, without a network; --venue
    listens to a real one's public data, without keys; --source plays files. Ctrl-C stops it
    cleanly. Without a terminal it runs headless.
    """
    given = [*(overrides or []), *([] if broker is None else [f"broker.url={broker}"])]
    settings = settings_of(config, given)
    pace = parse_speed(speed)
    duration_s = None if duration is None else parse_duration_s(duration)
    market: Market
    if source or history or series:
        if venue is not None or symbols is not None:
            raise UsageError("a live feed takes --venue and --symbols, and no files")
        feed = feed_of(source, settings, seed=seed, history=history, series=series)
        ahead_s = GENERATED_AHEAD_S if isinstance(feed, GeneratedFeed) else 0.0
        market = PlayedMarket(feed, Pacer(pace, ahead_s=ahead_s))
    else:
        market = _exchange(settings, venue=venue, symbols=symbols, seed=seed, pace=pace)
    settings = _in_one_process(settings, market, pace)
    board = Board(start_balance=settings.paper.balance)
    plain = headless or not sys.stdout.isatty()
    show: Show = StatusLines(board) if plain else LiveTable(board, title=f"{market.title} {speed}")
    # A broker outside may deliver outputs again after a rebalance, and a live feed gives a frame
    # when it is there; then topics are not in the order of a replay, and there are no digests.
    ordered = market.ordered and _is_inside(settings)
    with Stop() as stop, Run(settings, out=out, watchers=[board], ordered=ordered) as run:
        with show:
            complete = uvloop.run(
                live(settings, market, run, show=show, stop=stop, duration_s=duration_s)
            )
        summary = run.close(complete=complete, sources=market.sources())
    report(summary, out=out, as_json=as_json, quiet=False)


def _exchange(
    settings: Settings, *, venue: str | None, symbols: str | None, seed: int, pace: float | None
) -> Market:
    """A venue's market, or without one that of the simulated exchange."""
    if pace != 1.0:
        raise UsageError("--speed goes with --source: an exchange keeps its own time")
    if venue is not None:
        if symbols is None:
            raise UsageError("--venue needs --symbols: BTC/USDT:USDT,... or top:N")
        return VenueMarket(venue_of(venue), symbols, settings)
    if not _is_inside(settings):
        raise UsageError(
            "the simulated exchange stays off a broker that others read, where its frames would "
            "pass for a real venue's; give --venue or --source"
        )
    return SimulatedMarket(symbols, settings, seed=seed)


def _is_inside(settings: Settings) -> bool:
    return settings.broker.url.startswith("embedded:")


def _in_one_process(settings: Settings, market: Market, pace: float | None) -> Settings:
    """Settings for all roles together: the market's symbols, and one partition where it is ours.

    A slow pace stretches market time, so the watchdog gets more patience in wall time.
    """
    runtime = settings.runtime.model_copy(
        update={
            "symbols": tuple(market.keys()),
            "absent_after_s": settings.runtime.absent_after_s * max(1.0, 1.0 / (pace or 1.0)),
        }
    )
    broker = settings.broker
    if _is_inside(settings):
        # One reader gains nothing from partitions, and one partition keeps the order of digests.
        broker = broker.model_copy(update={"partitions": 1})
    return settings.model_copy(update={"runtime": runtime, "broker": broker})
