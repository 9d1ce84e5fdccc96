"""How well orders were executed, for ``prism journal --quality``: a table, CSV or JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from agents.execution.parents.quality import Summary, summaries
from schemas.errors import SourceMissing
from schemas.execution_quality import ExecutionQuality
from schemas.plain import plain
from schemas.topics import QUALITY
from streams.sinks.files import LINES, read_lines

_WIDTH = 120
_COLUMNS = ExecutionQuality.__struct_fields__


def quality_in(folder: Path, account: str | None) -> list[ExecutionQuality]:
    """The records in the folder of a run; of one account, if it is named."""
    path = folder / LINES[QUALITY.name]
    if not path.is_file():
        raise SourceMissing(f"{path}: not there; name the folder that `prism replay` has written")
    return [r for r in read_lines(path, ExecutionQuality) if account in {None, r.account}]


def quality_of_store(url: str, account: str) -> list[ExecutionQuality]:
    """The records of an account in a ledger."""
    from streams.store.ledger import ledger_to_read

    ledger = ledger_to_read(url)
    try:
        return ledger.quality(account)
    finally:
        ledger.close()


def show_quality(records: Sequence[ExecutionQuality], *, as_csv: bool, as_json: bool) -> None:
    """Print them: each order in CSV, orders and summaries in JSON, both as tables otherwise."""
    if as_json:
        document = {"orders": plain(list(records)), "summaries": plain(summaries(records))}
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        for record in records:
            fields = plain(record)
            writer.writerow("" if fields[name] is None else fields[name] for name in _COLUMNS)
    elif not records:
        typer.echo("no orders")
    else:
        console = Console(highlight=False, soft_wrap=True, width=max(Console().width, _WIDTH))
        console.print(_orders(records))
        console.print()
        console.print(_summaries(summaries(records)))


def _orders(records: Sequence[ExecutionQuality]) -> Table:
    table = _table("symbol", "leg", "by", "outcome", "qty", "filled", "children", "shortfall",
                   "slippage", "vs vwap", "fees", left=4)  # fmt: skip
    for record in records:
        table.add_row(
            f"{record.venue}:{record.symbol}",
            record.leg,
            record.algorithm,
            record.outcome.value,
            f"{record.qty:f}",
            f"{record.filled_qty:f}",
            str(record.children),
            _bps(record.shortfall_bps),
            _bps(record.slippage_bps),
            _bps(record.vwap_bps),
            f"{record.fees:.2f}",
        )
    return table


def _summaries(found: Sequence[Summary]) -> Table:
    table = _table("by", "leg", "orders", "complete", "filled", "maker", "shortfall", "median",
                   "p95", "slippage", "vs vwap", "to fill", "fees", left=2)  # fmt: skip
    for one in found:
        table.add_row(
            one.algorithm,
            one.leg,
            str(one.orders),
            str(one.complete),
            f"{one.fill_rate:.0%}",
            f"{one.maker_share:.0%}",
            _bps(one.shortfall_bps),
            _bps(one.median_bps),
            _bps(one.p95_bps),
            _bps(one.slippage_bps),
            _bps(one.vwap_bps),
            "" if one.to_fill_s is None else f"{one.to_fill_s:.1f} s",
            f"{one.fees:.2f}",
        )
    return table


def _table(*names: str, left: int) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(names):
        table.add_column(name, justify="left" if number < left else "right", no_wrap=True)
    return table


def _bps(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.2f} bps"
