"""``prism halt``, ``resume``, ``flatten``: what a person wants of an account, over the broker."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from agents.execution.halts import Halts, Restriction
from agents.execution.lifecycle import DONE
from cli.client_logs import quiet_client
from cli.common import PANEL_OUTPUT, ConfigOption, SetOption, settings_of
from cli.report import warn
from cli.roles import BrokerOption
from cli.symbols import nearest
from schemas.clock import now_ns
from schemas.control import Command, Flatten, Halt, Resume, TradingMode
from schemas.errors import StoreError, UsageError
from schemas.frame import NS_PER_S
from schemas.ids import content_id
from schemas.order import Order, Position
from schemas.plain import plain
from schemas.settings import Settings
from schemas.topics import CONTROL, FRAMES, ORDERS, POSITIONS
from streams.commands import CommandLine
from streams.transport.between import last_records
from streams.transport.kafka_address import servers_of
from streams.transport.log import Log, TopicPartition, open_log, topic_specs

_END = 1 << 63
_LOOK_BACK = 2_000

AccountOption = Annotated[str | None, typer.Option("--account", help="Else account.id.")]
ScopeOption = Annotated[
    str | None,
    typer.Option(
        "--symbol", metavar="VENUE:SYMBOL", help="Only this one; else all of the account."
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stands in every refusal.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who. Else the name of your login.")]
WaitOption = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for the account's answer.")
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the outcome as JSON on stdout.", rich_help_panel=PANEL_OUTPUT
    ),
]


class Outcome(NamedTuple):
    """What became of a command. ``meant`` is the nearest known symbol where its own is unknown."""

    command: Command
    taken: Command | None
    flat: bool | None
    meant: str | None
    in_force: Sequence[Restriction]
    open_positions: Sequence[Position]
    working_orders: Sequence[Order]


def halt(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    broker: BrokerOption = None,
    account: AccountOption = None,
    symbol: ScopeOption = None,
    mode: Annotated[
        TradingMode, typer.Option(help="halt, reduce_only (closings go on) or signal_only.")
    ] = TradingMode.HALT,
    reason: ReasonOption = "halted by hand",
    by: ByOption = None,
    wait: WaitOption = 10.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Stop new orders of an account, or of one symbol, at once and until `prism resume`.

    It survives restarts. Orders that are at the venue stay there, positions stay open: `prism
    flatten` ends those too. Exit code 1 if no account answers in time; the halt is then written all
    the same, and holds before that account decides anything more.
    """
    settings = _settings(config, overrides, broker)
    given = _given("halt", settings, account=account, symbol=symbol, reason=reason, by=by)
    _carry_out(settings, Halt(**given, mode=mode), wait_s=wait, as_json=as_json)


def resume(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    broker: BrokerOption = None,
    account: AccountOption = None,
    symbol: ScopeOption = None,
    reason: ReasonOption = "resumed by hand",
    by: ByOption = None,
    wait: WaitOption = 10.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """End what was halted with the same --symbol, or without one; say what is still in force."""
    settings = _settings(config, overrides, broker)
    given = _given("resume", settings, account=account, symbol=symbol, reason=reason, by=by)
    _carry_out(settings, Resume(**given), wait_s=wait, as_json=as_json)


def flatten(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    broker: BrokerOption = None,
    account: AccountOption = None,
    symbol: ScopeOption = None,
    reason: ReasonOption = "flattened by hand",
    by: ByOption = None,
    wait: WaitOption = 60.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Halt, cancel every order and close every position; wait until the venue reports none.

    Exit code 1 if it does not within --wait seconds; the account goes on trying. What is closed
    stays halted until `prism resume`.
    """
    settings = _settings(config, overrides, broker)
    given = _given("flatten", settings, account=account, symbol=symbol, reason=reason, by=by)
    _carry_out(settings, Flatten(**given), wait_s=wait, as_json=as_json)


def _settings(config: Path | None, overrides: list[str] | None, broker: str | None) -> Settings:
    given = [*(overrides or []), *([] if broker is None else [f"broker.url={broker}"])]
    settings = settings_of(config, given)
    if settings.broker.url.startswith("embedded:"):
        raise UsageError(
            "the embedded broker is inside the process of `prism up`: end that one with Ctrl-C, or "
            "name a broker with --broker kafka://host:port"
        )
    servers_of(settings.broker.url)
    quiet_client()
    return settings


def _given(
    kind: str,
    settings: Settings,
    *,
    account: str | None,
    symbol: str | None,
    reason: str,
    by: str | None,
) -> dict[str, Any]:
    scope = symbol or ""
    if scope and not all(scope.partition(":")):
        raise UsageError(f"--symbol {scope}: write venue:symbol, as binanceusdm:BTC/USDT:USDT")
    named, given_ns = account or settings.account.id, now_ns()
    who = by or getpass.getuser()
    return {
        "account": named,
        "effective_ns": None,
        "reason": reason,
        "id": content_id("command", kind, named, scope, who, reason, str(given_ns)),
        "by": who,
        "scope": scope,
        "given_ns": given_ns,
    }


def _carry_out(settings: Settings, command: Command, *, wait_s: float, as_json: bool) -> None:
    outcome = asyncio.run(_ask(settings, command, wait_s))
    if as_json:
        document = msgspec.json.encode(_document(outcome))
        typer.echo(msgspec.json.format(document, indent=2).decode())
    else:
        typer.echo(_text(outcome))
    failures = list(_failures(outcome, wait_s))
    for failure in failures:
        warn(failure)
    if failures:
        raise typer.Exit(1)


async def _ask(settings: Settings, command: Command, wait_s: float) -> Outcome:
    log = await open_log(settings.broker.url)
    try:
        await log.ensure_topics(topic_specs(settings.broker))
        line = CommandLine(log, settings.broker)
        await line.send(command)
        taken = await line.taken(command, within_s=wait_s)
        flat = None
        if isinstance(command, Flatten):
            done = None if taken is None else await line.flattened(command, within_s=wait_s)
            flat = done is not None
        named = command.account
        told, versions = _stored(settings, named) or (
            await line.all_of(POSITIONS, Position, account=named),
            await line.all_of(ORDERS, Order, account=named),
        )
        positions = {f"{p.venue}:{p.symbol}": p for p in told}
        orders = {o.client_order_id: o for o in versions}
        known = {*settings.runtime.symbols, *positions, *await _heard_of(log, settings)}
        known.update(f"{order.venue}:{order.symbol}" for order in orders.values())
        mistyped = command.scope and known and command.scope not in known
        return Outcome(
            command,
            taken,
            flat,
            nearest(command.scope, known) if mistyped else None,
            await _in_force(line, named),
            [position for position in positions.values() if position.qty],
            [order for order in orders.values() if order.status not in DONE],
        )
    finally:
        await log.close()


def _stored(settings: Settings, account: str) -> tuple[list[Position], list[Order]] | None:
    """Positions and working orders as the ledger has them; ``None`` if it cannot be had.

    The topics forget after a day, and positions and stops may be older.
    """
    from streams.store.ledger import ledger_to_read

    if not settings.store.url:
        return None
    try:
        ledger = ledger_to_read(settings.store.url)
        try:
            return ledger.positions(account), ledger.working_orders(account)
        finally:
            ledger.close()
    except (StoreError, UsageError) as error:
        warn(
            f"positions and orders are those of the last day alone, as the broker has them: {error}"
        )
        return None


async def _heard_of(log: Log, settings: Settings) -> set[str]:
    """Whose frames were published lately."""
    name = settings.broker.topic_prefix + FRAMES.name
    found: set[str] = set()
    for number in range(settings.broker.partitions):
        records = await last_records(log, TopicPartition(name, number), _LOOK_BACK)
        found.update(record.key.decode() for record in records if record.key is not None)
    return found


async def _in_force(line: CommandLine, account: str) -> list[Restriction]:
    """What the account itself has put in force by now."""
    halts = Halts()
    kinds: tuple[type[Command], ...] = (Halt, Resume, Flatten)
    for command in await line.all_of(CONTROL, kinds, account=account):
        halts.give(command)
    halts.advance(_END)
    return halts.in_force


def _failures(outcome: Outcome, wait_s: float) -> Iterator[str]:
    """What a person has to know, where it did not come to its end."""
    account, scope = outcome.command.account, outcome.command.scope
    if outcome.meant is not None:
        yield (
            f"nothing is known of {scope}: no frame, no order, no position. The command is written "
            f"and is about {scope} alone; the nearest known symbol is {outcome.meant}: if you "
            "meant that, give the command again"
        )
    if outcome.taken is None:
        yield (
            f"no execution role of account {account} answered within {wait_s:g} s; the command is "
            "written and holds before that account decides anything more: look at `prism execution`"
        )
    elif outcome.flat is False:
        left = [f"{p.qty} {p.venue}:{p.symbol}" for p in outcome.open_positions]
        yield (
            f"not flat within {wait_s:g} s: {len(outcome.working_orders)} orders working, open "
            f"positions: {', '.join(left) or 'none'}; the account goes on trying"
        )


def _document(outcome: Outcome) -> dict[str, Any]:
    """The outcome for machines."""
    taken = outcome.taken
    return {
        "command": type(outcome.command).__name__.lower(),
        **plain(outcome.command if taken is None else taken),
        "taken": taken is not None,
        "flat": outcome.flat,
        "unknown_symbol": outcome.meant is not None,
        "in_force": plain(list(outcome.in_force)),
        "open_positions": plain(list(outcome.open_positions)),
        "working_orders": plain(list(outcome.working_orders)),
    }


def _text(outcome: Outcome) -> str:
    """The outcome for people."""
    command, taken = outcome.command, outcome.taken
    what = type(command).__name__.lower()
    where = command.scope or "all symbols"
    lines = [f"{what:8} account {command.account}, {where}, by {command.by}: {command.reason}"]
    if taken is not None and taken.effective_ns is not None:
        if taken.effective_ns >= 0:
            at = datetime.fromtimestamp(taken.effective_ns / NS_PER_S, UTC)
            lines.append(f"holds    for frames that close after {at:%Y-%m-%d %H:%M:%S.%f} UTC")
        else:
            lines.append("holds    from the first frame on")
    if outcome.flat:
        lines.append("flat     the venue reports no orders and no positions")
    lines += [f"in force {restriction.refusal()}" for restriction in outcome.in_force]
    if taken is None:
        lines.append("taken    not yet: it holds once the account has read it")
    elif not outcome.in_force:
        lines.append("in force nothing: the account may trade")
    return "\n".join(lines)
