"""Checks of the broker: topics, halts in force, and what the roles have told there."""

from __future__ import annotations

from agents.execution.halts import Halts, Restriction
from cli.preflight.checklist import Checklist
from cli.preflight.of_roles import check_roles
from schemas.control import Command, Flatten, Halt, Resume, TradingMode
from schemas.errors import BrokerError, UsageError
from schemas.settings import Settings
from schemas.topics import CONTROL
from streams.commands import CommandLine
from streams.transport.log import Log, open_log, topic_specs

_END = 1 << 63


async def check_broker(sheet: Checklist, settings: Settings, *, now_ns: int) -> None:
    """Look at the broker; nothing is made there. ``now_ns`` is wall time, as frames are stamped."""
    url = settings.broker.url
    if url.startswith("embedded:"):
        action = "broker.url=kafka://host:port"
        said = "inside the process of `prism up`, where `prism halt` does not reach it"
        sheet.fail_live("broker", said, action)
        return
    try:
        log = await open_log(url)
    except (BrokerError, UsageError) as error:
        fact, _, action = str(error).rpartition("; ")
        sheet.fail("broker", fact, action)
        return
    try:
        sheet.ok("broker", f"{url} answers")
        await check_log(sheet, settings, log, now_ns=now_ns)
    finally:
        await log.close()


async def check_log(sheet: Checklist, settings: Settings, log: Log, *, now_ns: int) -> None:
    """Look at what is in the topics."""
    counts = await log.partition_counts()
    _topics(sheet, settings, counts)
    prefix = settings.broker.topic_prefix
    if prefix + CONTROL.name in counts:
        await _halts(sheet, settings, log)
    else:
        sheet.ok("halts", "none was ever given")
    await check_roles(sheet, settings, log, counts, now_ns=now_ns)


def _topics(sheet: Checklist, settings: Settings, counts: dict[str, int]) -> None:
    wanted = topic_specs(settings.broker)
    missing = [spec.name for spec in wanted if spec.name not in counts]
    wrong = [spec for spec in wanted if counts.get(spec.name) not in {None, spec.partitions}]
    for spec in wrong:
        said = f"{spec.name} has {counts[spec.name]} partitions, wanted {spec.partitions}"
        sheet.fail("topics", said, "set broker.partitions, or another broker.topic_prefix")
    if missing:
        said = f"{len(missing)} of {len(wanted)} are missing"
        sheet.warn("topics", said, "none: every role makes them at its start")
    elif not wrong:
        sheet.ok("topics", f"all {len(wanted)} are there with their partitions")


async def _halts(sheet: Checklist, settings: Settings, log: Log) -> None:
    kinds: tuple[type[Command], ...] = (Halt, Resume, Flatten)
    given = await CommandLine(log, settings.broker).all_of(
        CONTROL, kinds, account=settings.account.id
    )
    halts = Halts()
    for command in given:
        halts.give(command)
    halts.advance(_END)
    waiting = {command.id: command for command in given if command.id not in halts.taken}
    for restriction in halts.in_force:
        tell = sheet.fail if _stops_all(restriction) else sheet.warn
        scope = f" --symbol {restriction.scope}" if restriction.scope else ""
        tell("halts", restriction.refusal(), f"`prism resume{scope}` when you want to trade")
    for command in waiting.values():
        what = type(command).__name__.lower()
        said = f"{what} by {command.by or 'unknown'} waits for the account: {command.reason}"
        sheet.warn("halts", said, "it holds before `prism execution` decides anything")
    if not halts.in_force and not waiting:
        sheet.ok("halts", "none in force")


def _stops_all(restriction: Restriction) -> bool:
    return not restriction.scope and restriction.mode is TradingMode.HALT
