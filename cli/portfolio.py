"""``prism portfolio``: where an account stands, by the files of a run or a running system."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cli.common import PANEL_OUTPUT, ConfigOption, SetOption, settings_of
from cli.monitor import TABLE_WIDTH, assessments_in, assessments_table, latest, show_assessments
from cli.roles import BrokerOption
from schemas.errors import SourceMissing, UsageError
from schemas.frame import NS_PER_S, Message
from schemas.plain import plain
from schemas.portfolio import Earned, Portfolio
from schemas.position_assessment import PositionAssessment
from schemas.settings import Settings
from schemas.topics import MONITOR, PORTFOLIO
from streams.sinks.files import LINES, read_lines
from streams.transport.between import all_records
from streams.transport.log import TopicPartition, open_log

_WIDTH = 120
_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE = 60
"""Points of the equity curve that are drawn."""


def portfolio_command(
    *,
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder that `prism replay` or `prism up --out` has written.", show_default=False
        ),
    ] = None,
    broker: BrokerOption = None,
    account: Annotated[
        str | None, typer.Option("--account", help="Else account.id; of a folder, all.")
    ] = None,
    monitor: Annotated[
        bool,
        typer.Option("--monitor", help="What the position monitor said and did, from the first."),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, for machines.", rich_help_panel=PANEL_OUTPUT),
    ] = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Show profit and loss, risk-adjusted returns, exposure, who earned it, and what is watched.

    From the folder of a run, or, with --broker, from a running account. It is the account's own
    last record: of the last minute, or of the last closed position if that came later. Of open
    positions it shows what the monitor said last; with --monitor, all that it said and did.
    """
    if (folder is None) == (broker is None):
        raise UsageError("name the folder of a run, or a broker with --broker")
    given = [*(overrides or []), *([] if broker is None else [f"broker.url={broker}"])]
    settings = settings_of(config, given)
    named = account or settings.account.id
    if folder is not None:
        path = folder / LINES[PORTFOLIO.name]
        if not path.is_file():
            raise SourceMissing(
                f"{path}: not there; name the folder that `prism replay` has written"
            )
        records = [r for r in read_lines(path, Portfolio) if account in {None, r.account}]
        watched = assessments_in(folder) if (folder / LINES[MONITOR.name]).is_file() else []
        judged = [r for r in watched if account in {None, r.account}]
    else:
        told = asyncio.run(_newest(settings))
        records = [r for r in told if isinstance(r, Portfolio) and r.account == named]
        judged = [r for r in told if isinstance(r, PositionAssessment) and r.account == named]
    if monitor:
        show_assessments(judged, as_json=as_json)
        return
    if not records:
        raise SourceMissing(f"no record of a portfolio: account {named} has not traded yet")
    records.sort(key=lambda record: record.tick_ns)
    last = records[-1]
    judged = latest(judged, [p.key for p in last.positions])
    if as_json:
        document = {
            **plain(last),
            "equity_curve": [[r.tick_ns, format(r.equity, "f")] for r in records],
            "monitor": plain(judged),
        }
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        _print(records, judged)


async def _newest(settings: Settings) -> list[Message]:
    """What the two topics hold: a day of minutes, and of what the monitor said."""
    log = await open_log(settings.broker.url)
    try:
        counts = await log.partition_counts()
        found = list[Message]()
        for topic in (PORTFOLIO, MONITOR):
            at = TopicPartition(settings.broker.topic_prefix + topic.name, 0)
            if at.topic not in counts:
                raise SourceMissing(
                    f"the broker has no topic {at.topic}; start `prism execution`, or set "
                    "broker.topic_prefix"
                )
            decode = topic.decoder().decode
            found += [decode(record.value or b"") async for record in all_records(log, at)]
        return found
    finally:
        await log.close()


def _print(records: Sequence[Portfolio], judged: Sequence[PositionAssessment]) -> None:
    last = records[-1]
    console = Console(highlight=False, soft_wrap=True, width=max(Console().width, _WIDTH))
    at = datetime.fromtimestamp(last.tick_ns / NS_PER_S, UTC)
    console.print(f"account {last.account} at {at:%Y-%m-%d %H:%M:%S} UTC, in {last.currency}")
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    cells = [
        ("equity", _money(last.equity)), ("net P&L", _money(last.net_pnl)),
        ("sharpe", _number(last.sharpe)),
        ("realised", _money(last.realised)), ("unrealised", _money(last.unrealised)),
        ("sortino", _number(last.sortino)),
        ("fees", _money(last.fees)), ("funding", _money(last.funding)),
        ("beta", _number(last.beta)),
        ("positions closed", str(last.trades)), ("win rate", _percent(last.win_rate)),
        ("profit factor", _number(last.profit_factor)),
        ("max drawdown", _money(last.max_drawdown)), ("drawdown", _money(last.drawdown)),
        ("recovery factor", _number(last.recovery_factor)),
        ("gross exposure", f"{_money(last.gross)} ({_percent(last.exposure_fraction)})"),
        ("net exposure", _money(last.net)),
        ("heat", f"{_money(last.heat)} ({_percent(last.heat_fraction)})"),
        ("return a position", _bps(last.return_bps)), ("its t", _number(last.return_t)),
        ("signals' IC", _number(last.information_coefficient)),
    ]  # fmt: skip
    for first in range(0, len(cells), 3):
        table.add_row(*(text for cell in cells[first : first + 3] for text in cell))
    console.print(table)
    if len(records) > 1:
        console.print(f"equity  {_curve([r.equity for r in records])}")
    _print_positions(console, last)
    if judged:
        console.print(assessments_table(judged), width=TABLE_WIDTH)
    for title, parts in (
        ("by symbol", last.by_symbol),
        ("by dimension", last.by_dimension),
        ("by exit", last.by_exit),
    ):
        if parts:
            console.print(f"{title:13} {_earned(parts)}")


def _print_positions(console: Console, last: Portfolio) -> None:
    if not last.positions:
        return
    table = Table(box=None, pad_edge=False)
    for name in (
        "position", "qty", "notional", "unrealised", "heat", "weight", "parity", "change",
        "liquidation",
    ):  # fmt: skip
        table.add_column(name, justify="left" if name == "position" else "right", no_wrap=True)
    for p in last.positions:
        change = _money(p.rebalance) if p.rebalance else "-"
        table.add_row(
            p.key, format(p.qty, "f"), _money(p.notional), _money(p.unrealised), _money(p.heat),
            _percent(p.weight), _percent(p.parity_weight), change,
            "-" if p.liquidation_price is None else _money(p.liquidation_price),
        )  # fmt: skip
    console.print(table)
    for pair in last.correlations:
        console.print(f"correlation   {pair.a} {pair.b} {_number(pair.value)}")


def _curve(values: Sequence[Decimal]) -> str:
    """A line of blocks from the lowest to the highest equity, at most :data:`_CURVE` of them."""
    picked = [values[at * len(values) // _CURVE] for at in range(_CURVE)]
    shown = values if len(values) <= _CURVE else [*picked[:-1], values[-1]]
    low, high = min(shown), max(shown)
    steps = len(_BLOCKS) - 1
    line = "".join(
        _BLOCKS[int((value - low) / (high - low) * steps)] if high > low else _BLOCKS[0]
        for value in shown
    )
    return f"{_money(low)} {line} {_money(high)}"


def _earned(parts: Sequence[Earned]) -> str:
    return ", ".join(f"{part.name} {_money(part.net)}" for part in parts)


def _money(value: Decimal) -> str:
    return f"{value:,.2f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _bps(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} bps"
