"""``prism journal``: what was traded, from the files of a run or from the durable ledger."""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from agents.execution.journal import Trade, journal
from agents.execution.ledger import EXACT, ZERO
from cli.common import PANEL_OUTPUT, ConfigOption, SetOption, settings_of
from cli.quality import quality_in, quality_of_store, show_quality
from schemas.errors import SourceMissing, UsageError
from schemas.frame import NS_PER_S
from schemas.order import Fill, Funding, Order
from schemas.plain import plain
from schemas.topics import FILLS, ORDERS
from streams.sinks.files import LINES, read_lines

_WIDTH = 120
"""Of the table, where the terminal is narrower: every figure is there, if wrapped."""

_COLUMNS = (
    "opened", "closed", "venue", "symbol", "side", "qty", "entry", "exit", "gross", "fees",
    "funding", "net", "fills", "reason",
)  # fmt: skip


def journal_command(
    *,
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder that `prism replay` or `prism up --out` has written.", show_default=False
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Durable ledger; else store.url of the settings."),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="Else account.id; of a folder, all.")
    ] = None,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Print CSV, for spreadsheets.", rich_help_panel=PANEL_OUTPUT),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, for machines.", rich_help_panel=PANEL_OUTPUT),
    ] = False,
    quality: Annotated[
        bool,
        typer.Option("--quality", help="How well each order was executed, instead of the trades."),
    ] = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """List the trades of an account: from the first fill of a position to the one that ends it.

    Net is gross profit less fees plus funding, exact. A position that is still open comes last,
    with what was realised on it so far. With --quality: what each order that a signal asked for
    cost against the price of its arrival, and what they come to by algorithm.
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json: choose one")
    if folder is not None and store is not None:
        raise UsageError("the folder of a run, or a ledger with --store: choose one")
    if quality:
        records = (
            quality_in(folder, account)
            if folder is not None
            else quality_of_store(*_store(store, account, config, overrides))
        )
        show_quality(records, as_csv=as_csv, as_json=as_json)
        return
    if folder is not None:
        orders, fills = _from_folder(folder, account)
    else:
        orders, fills = _from_store(*_store(store, account, config, overrides))
    trades = journal(orders, fills)
    if as_json:
        document = [{**plain(trade), "net_pnl": format(trade.net_pnl, "f")} for trade in trades]
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        writer.writerows(_row(trade) for trade in trades)
    else:
        _print(trades)


def _store(
    store: str | None, account: str | None, config: Path | None, overrides: list[str] | None
) -> tuple[str, str]:
    """URL of the ledger, and the account."""
    settings = settings_of(config, overrides)
    url = store or settings.store.url
    if not url:
        raise UsageError("name the folder of a run, or a ledger with --store or store.url")
    return url, account or settings.account.id


def orders_and_fills(source: str, account: str) -> tuple[list[Order], list[Fill | Funding]]:
    """What an account did, by a ledger's URL or the folder of a run."""
    if "://" in source:
        return _from_store(source, account)
    return _from_folder(Path(source), account)


def _from_folder(folder: Path, account: str | None) -> tuple[list[Order], list[Fill | Funding]]:
    for topic in (ORDERS, FILLS):
        path = folder / LINES[topic.name]
        if not path.is_file():
            raise SourceMissing(
                f"{path}: not there; name the folder that `prism replay` has written"
            )
    orders = read_lines(folder / LINES[ORDERS.name], Order)
    fills: list[Fill | Funding] = read_lines(folder / LINES[FILLS.name], Fill, Funding)
    return (
        [order for order in orders if account in {None, order.account}],
        [fill for fill in fills if account in {None, fill.account}],
    )


def _from_store(url: str, account: str) -> tuple[list[Order], list[Fill | Funding]]:
    from streams.store.ledger import ledger_to_read

    ledger = ledger_to_read(url)
    try:
        return ledger.order_versions(account), ledger.fills(account)
    finally:
        ledger.close()


def _row(trade: Trade) -> list[str]:
    closed = "" if trade.closed_ns is None else _when(trade.closed_ns)
    exit_price = "" if trade.exit_price is None else format(trade.exit_price, "f")
    return [
        _when(trade.opened_ns), closed, trade.venue, trade.symbol, trade.side,
        *(format(value, "f") for value in (trade.qty, trade.entry_price)), exit_price,
        *(
            format(value, "f")
            for value in (trade.gross_pnl, trade.fees, trade.funding, trade.net_pnl)
        ),
        str(trade.fills), trade.reason,
    ]  # fmt: skip


def _print(trades: list[Trade]) -> None:
    if not trades:
        typer.echo("no trades")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("opened", "lasted", "symbol", "side", "qty", "entry", "exit", "fees", "net"):
        left = name in {"opened", "symbol", "side"}
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for trade in trades:
        table.add_row(
            _when(trade.opened_ns)[:19].replace("T", " "),
            "open" if trade.closed_ns is None else _lasted(trade.closed_ns - trade.opened_ns),
            f"{trade.venue}:{trade.symbol}",
            trade.side,
            f"{trade.qty:f}",
            f"{trade.entry_price:.8g}",
            "" if trade.exit_price is None else f"{trade.exit_price:.8g}",
            f"{trade.fees:.2f}",
            f"{trade.net_pnl:.2f}",
        )
    console = Console(highlight=False, soft_wrap=True, width=max(Console().width, _WIDTH))
    console.print(table)
    net = ZERO
    for trade in trades:
        net = EXACT.add(net, trade.net_pnl)
    won = len([1 for trade in trades if trade.closed_ns is not None and trade.net_pnl > 0])
    closed = len([1 for trade in trades if trade.closed_ns is not None])
    console.print(f"{closed} closed, {won} of them won, {len(trades) - closed} open; net {net:.2f}")


def _lasted(elapsed_ns: int) -> str:
    return str(timedelta(seconds=round(elapsed_ns / NS_PER_S)))


def _when(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / NS_PER_S, UTC).isoformat(timespec="milliseconds")
