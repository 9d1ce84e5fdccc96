"""``prism rank``: recordings through the market overview, as tables."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from agents.overview.overview import Overview
from cli.common import ConfigOption, JsonOption, SetOption, settings_of
from cli.feeds import FileFeed
from cli.moment import parse_moment
from cli.report import warn, warn_of_unused
from cli.tally import Tally
from schemas.errors import UsageError
from schemas.frame import NS_PER_S, Frame
from schemas.overview import AssetOverview, LeadLag, MarketOverview, SymbolOverview
from schemas.topics import DEAD_LETTERS
from streams.sinks.files import json_line

_NONE = "-"
_ROOM = 110
_SHORT = {
    "volatility": "vol bps",
    "illiquidity": "illiq",
    "correlation": "corr",
    "sector_flow": "sector",
    "relative_strength": "str bps",
    "spread": "spr bps",
    "inefficiency": "ineff",
}


def rank(
    *,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="Recordings; files of one symbol in the order of time.",
            show_default=False,
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Market time of the overview; see `prism score`. Default: the end."
        ),
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank the symbols of recordings beside one another, and compare venues of one asset."""
    settings = settings_of(config, overrides)
    feed = FileFeed(sources, settings)
    moment = None if at is None else parse_moment(at)
    until_ns: int | None = None
    overview = Overview(settings)
    state = overview.initial()
    found: MarketOverview | None = None
    tally = Tally(digests=False)
    ended = True
    for frame in feed.messages(partial(tally.add, DEAD_LETTERS)):
        if not isinstance(frame, Frame):
            continue  # history and series are no market
        if moment is not None and until_ns is None:
            until_ns = moment.after(frame.open_ns)
        for given in overview.step(state, frame):
            if until_ns is None or given.tick_ns <= until_ns:
                found = given
        if until_ns is not None and frame.close_ns > until_ns + settings.overview.interval_ns:
            ended = False
            break
    warn_of_unused(tally)
    if found is None:
        raise UsageError(
            f"{feed.title}: no interval of {settings.overview.interval_s} s is complete by then; "
            "name a later time, longer recordings or a shorter overview.interval_s"
        )
    if until_ns is not None and ended and found.tick_ns + settings.overview.interval_ns <= until_ns:
        warn("the recordings end before that time; this is their last overview")
    if as_json:
        typer.echo(json_line(found), nl=False)
    else:
        show(found, Console(width=None if sys.stdout.isatty() else _ROOM))


def show(given: MarketOverview, console: Console) -> None:
    """Print an overview as tables; a narrow console has no room for the measures."""
    moment = datetime.fromtimestamp(given.tick_ns // NS_PER_S, UTC)
    console.print(f"Market overview  {moment:%Y-%m-%d %H:%M:%S} UTC", highlight=False)
    console.print(_ranks(given.symbols))
    console.print()
    if console.width >= _ROOM:
        console.print(_measures(given.symbols))
        console.print()
    if given.assets:
        console.print(_assets(given.assets))
    for asset in given.assets:
        for lead in asset.leads:
            console.print(_sentence(lead), highlight=False, soft_wrap=True)


def _ranks(rows: tuple[SymbolOverview, ...]) -> Table:
    table = _table("#", "symbol", "", "score", "selection", "cross-market", "quality", "coverage")
    for row in rows:
        scores = (row.score, row.selection, row.cross_market, row.quality)
        table.add_row(
            str(row.rank),
            f"{row.venue}:{row.symbol}",
            "chosen" if row.chosen else "" if row.present else "absent",
            *(_number(score, ".1f") for score in scores),
            f"{row.coverage:.0%}",
        )
    return table


def _measures(rows: tuple[SymbolOverview, ...]) -> Table:
    names = [measure.name.removesuffix("_bps") for measure in rows[0].measures]
    table = _table("symbol", *(_SHORT.get(name, name) for name in names))
    for row in rows:
        values = (_compact(measure.value) for measure in row.measures)
        table.add_row(f"{row.venue}:{row.symbol}", *values)
    return table


def _assets(rows: tuple[AssetOverview, ...]) -> Table:
    table = _table("asset", "flow", "range bps", "venue", "premium bps", "bought", "sold")
    for row in rows:
        flow, wide = _number(row.flow, "+.2f"), _number(row.range_bps, ".2f")
        for number, leg in enumerate(row.legs):
            head = ("", "", "") if number else (row.asset, flow, wide)
            premium = _number(leg.premium_bps, "+.2f")
            table.add_row(*head, leg.venue, premium, _compact(leg.bought), _compact(leg.sold))
    return table


def _sentence(lead: LeadLag) -> str:
    if lead.correlation is None:
        return f"{lead.first} and {lead.second}: too little history to say who leads"
    found = f"(correlation {lead.correlation:.2f})"
    if lead.lag_ms is None:
        return f"{lead.first} and {lead.second}: neither leads by more than chance {found}"
    if not lead.lag_ms:
        return f"{lead.first} and {lead.second} move together {found}"
    ahead, behind = lead.first, lead.second
    if lead.lag_ms < 0:
        ahead, behind = behind, ahead
    return f"{ahead} leads {behind} by {abs(lead.lag_ms):.0f} ms {found}"


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in headings:
        left = heading in {"symbol", "", "asset", "venue"}
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    return table


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)


def _compact(value: float | None) -> str:
    if value is None:
        return _NONE
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
