"""``prism score``: why a symbol scores what it does, from a running system or a recording."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from agents.interpretation.breakdown import Breakdown
from cli.breakdown import BreakdownView
from cli.client_logs import quiet_client
from cli.common import PANEL_OUTPUT, ConfigOption, SetOption, settings_of
from cli.moment import parse_moment
from cli.roles import BrokerOption
from cli.snapshots import ScoreTopics, from_recording
from cli.stop import STOPPED_BY, Stop
from schemas.errors import BrokerUnreachable, SourceMissing, UsageError
from schemas.plain import plain
from schemas.settings import Settings
from streams.transport.broker import Address
from streams.transport.log import open_log

LOOK_S = 0.5
"""How often ``--watch`` looks for a new tick."""


def score(  # noqa: PLR0913 - the options of a command are its arguments
    symbol: Annotated[
        str,
        typer.Argument(
            metavar="SYMBOL",
            help="As BTC/USDT:USDT or binanceusdm:BTC/USDT:USDT.",
            show_default=False,
        ),
    ],
    *,
    broker: BrokerOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow a running system, tick by tick.")
    ] = False,
    source: Annotated[
        list[Path] | None,
        typer.Option("--source", help="Recording to read instead; repeat for several files."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="With --source: 2024-08-09T00:01:30Z, epoch s, ms or ns, or +90s from the start. "
            "Default: the last tick.",
        ),
    ] = None,
    venue: Annotated[
        str | None,
        typer.Option(help="With --source: name of the venue, instead of the one detected."),
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print everything as JSON.", rich_help_panel=PANEL_OUTPUT),
    ] = False,
) -> None:
    """Show the score of a symbol with all that it is made of, in tables and in sentences.

    In a table, `impact` is weight times score, `push` the points by which the line moves the total
    off 50, and `DIV` what timeframes that disagree add.
    """
    if source and (watch or broker is not None):
        raise UsageError("--source reads a recording; leave out --broker and --watch")
    if not source and (at is not None or venue is not None):
        raise UsageError(
            "--at and --venue go with --source; a running system shows its newest tick"
        )
    given = [*(overrides or []), *([] if broker is None else [f"broker.url={broker}"])]
    settings = settings_of(config, given)
    moment = None if at is None else parse_moment(at)
    with Stop() as stop:
        if not source:
            _check_broker(settings.broker.url)
            quiet_client()
            asyncio.run(_from_broker(settings, symbol, stop, watch=watch, as_json=as_json))
            return
        told = from_recording(source, symbol, at=moment, venue=venue, settings=settings, stop=stop)
    if told is not None:
        _show(told, as_json=as_json)
    elif stop.by is not None:
        raise typer.Exit(STOPPED_BY + stop.by)


def _check_broker(url: str) -> None:
    """Refuse an embedded broker that nobody but its own process can read."""
    if not url.startswith("embedded:"):
        return
    folder = Address.of(url).folder
    if folder is None:
        raise UsageError(
            "the embedded broker lives inside the process of `prism up`, so nothing else can read "
            "it: run over Kafka and give --broker kafka://host:port, or give --source RECORDING"
        )
    if not (folder / "log.sqlite").exists():
        raise SourceMissing(f"{folder}: no embedded broker has kept its log there; check the path")


async def _from_broker(
    settings: Settings, symbol: str, stop: Stop, *, watch: bool, as_json: bool
) -> None:
    url = settings.broker.url
    try:
        log = await open_log(url)
    except BrokerUnreachable as error:
        if not url.startswith("embedded:"):
            raise
        raise UsageError(f"{error}; or give --source RECORDING") from error
    try:
        topics = ScoreTopics(log, settings)
        key = await topics.find(symbol)
        if watch:
            await follow(topics, key, stop, as_json=as_json)
            return
        told = await topics.newest(key)
        if told is None:
            raise SourceMissing(f"{key}: its scores are gone from the broker; is a feed running?")
        _show(told, as_json=as_json)
    finally:
        await log.close()


async def follow(topics: ScoreTopics, key: str, stop: Stop, *, as_json: bool) -> None:
    """Show every new tick until somebody stops it: in place on a terminal, else one after another.

    Of ticks that come faster than it looks, it shows the newest.
    """
    console = Console()
    live = None
    if console.is_terminal and not as_json:
        live = Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop")
        live.start()
    shown_ns = -1
    try:
        while not stop.requested:
            told = await topics.newest(key)
            if told is not None and told.confluence.tick_ns > shown_ns:
                shown_ns = told.confluence.tick_ns
                if live is not None:
                    live.update(BreakdownView(told), refresh=True)
                elif as_json:
                    typer.echo(msgspec.json.encode(plain(told)))
                else:
                    console.print(BreakdownView(told), "")
            await asyncio.to_thread(stop.wait, LOOK_S)
    finally:
        if live is not None:
            live.stop()


def _show(told: Breakdown, *, as_json: bool) -> None:
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(plain(told)), indent=2)
        typer.echo(text.decode())
    else:
        Console().print(BreakdownView(told))
