"""``prism drift``: live fills against those that the paper venue gave for the same signals."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from agents.execution.paper_drift import Done, Drift, DriftSummary, drift, summary
from cli.common import PANEL_OUTPUT, ConfigOption, SetOption, settings_of
from cli.journal import orders_and_fills
from schemas.errors import UsageError
from schemas.frame import NS_PER_MS
from schemas.plain import plain

_WIDTH = 120
_COLUMNS = (
    "venue", "symbol", "signal_id", "leg", "live_qty", "live_price", "live_fees", "paper_qty",
    "paper_price", "paper_fees", "price_bps", "price_cost", "later_ms",
)  # fmt: skip


def drift_command(
    live: Annotated[
        str, typer.Argument(help="Live: a ledger's URL, or a folder.", show_default=False)
    ],
    paper: Annotated[
        str, typer.Argument(help="Paper: a ledger's URL, or a folder.", show_default=False)
    ],
    *,
    account: Annotated[str | None, typer.Option("--account", help="Else account.id.")] = None,
    paper_account: Annotated[
        str, typer.Option("--paper-account", help="The paper account's name.")
    ] = "paper",
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Print CSV, for spreadsheets.", rich_help_panel=PANEL_OUTPUT),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, for machines.", rich_help_panel=PANEL_OUTPUT),
    ] = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Compare what an account got live with what another one got on paper, leg by leg of a signal.

    Run a second `prism execution` on paper over the same topics, with an account.id and a ledger of
    its own. Costs are above 0 where live was worse.
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json: choose one")
    named = account or settings_of(config, overrides).account.id
    found = drift(orders_and_fills(live, named), orders_and_fills(paper, paper_account))
    if as_json:
        document = {"legs": plain(found), "summary": plain(summary(found))}
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        writer.writerows(_row(one) for one in found)
    else:
        _print(found, summary(found))


def _row(one: Drift) -> list[str]:
    return [
        one.venue, one.symbol, one.signal_id, one.leg, *_side(one.live), *_side(one.paper),
        _text(one.price_bps), _text(one.price_cost), _later(one),
    ]  # fmt: skip


def _side(done: Done | None) -> list[str]:
    if done is None:
        return ["", "", ""]
    return [_text(done.qty), _text(done.price), _text(done.fees)]


def _text(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def _later(one: Drift) -> str:
    """By how much the live account's first fill came later."""
    if one.live is None or one.paper is None:
        return ""
    return str((one.live.first_ns - one.paper.first_ns) // NS_PER_MS)


def _print(found: Sequence[Drift], total: DriftSummary) -> None:
    console = Console(highlight=False, soft_wrap=True, width=max(Console().width, _WIDTH))
    table = Table(box=None, pad_edge=False)
    names = ("symbol", "leg", "live qty", "price", "paper qty", "price", "worse by", "cost", "ms")
    for name in names:
        table.add_column(name, justify="left" if name in names[:2] else "right", no_wrap=True)
    for one in found:
        live, paper = _side(one.live), _side(one.paper)
        table.add_row(
            f"{one.venue}:{one.symbol}", one.leg, live[0], live[1][:12], paper[0], paper[1][:12],
            _bps(one.price_bps), f"{one.price_cost:.2f}", _later(one),
        )  # fmt: skip
    if found:
        console.print(table)
    console.print(
        f"{total.pairs} pairs, {total.only_live} live alone, {total.only_paper} on paper alone; "
        f"live prices worse by {_bps(total.price_bps)} ({total.price_cost:.2f}); fees "
        f"{_bps(total.live_fee_bps)} live, {_bps(total.paper_fee_bps)} on paper"
    )


def _bps(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:.2f} bps"
