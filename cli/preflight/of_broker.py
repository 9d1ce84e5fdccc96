"""Checks of the broker: topics, halts in force, fresh feeds."""

from __future__ import annotations

from agents.execution.halts import Halts, Restriction
from cli.preflight.checklist import Checklist
from schemas.control import Command, Flatten, Halt, Resume, TradingMode
from schemas.errors import BrokerError, UsageError
from schemas.frame import NS_PER_S, Frame
from schemas.settings import Settings
from schemas.topics import CONTROL, FRAMES
from streams.commands import CommandLine
from streams.transport.log import Log, TopicPartition, open_log, partition_of, topic_specs

_LOOKED_BACK = 2_000
"""Records of a partition among which a symbol's last frame is looked for."""
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
    for key in settings.runtime.symbols:
        count = counts.get(prefix + FRAMES.name)
        frame = None if count is None else await _last_frame(settings, log, key, count)
        _fresh(sheet, settings, key, frame, now_ns=now_ns)


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


async def _last_frame(settings: Settings, log: Log, key: str, count: int) -> Frame | None:
    """The newest frame of a symbol among the last records of its partition."""
    named = key.encode()
    at = TopicPartition(settings.broker.topic_prefix + FRAMES.name, partition_of(named, count))
    begin, end = (await log.begin_offsets([at]))[at], (await log.end_offsets([at]))[at]
    offset, newest = max(begin, end - _LOOKED_BACK), None
    while offset < end:
        for record in await log.read(*at, offset, max_records=_LOOKED_BACK, wait_ms=1_000):
            offset = record.offset + 1
            newest = record.value if record.key == named else newest
    message = None if newest is None else FRAMES.decoder().decode(newest)
    return message if isinstance(message, Frame) else None


def _fresh(
    sheet: Checklist, settings: Settings, key: str, frame: Frame | None, *, now_ns: int
) -> None:
    limit_s = settings.runtime.absent_after_s
    if frame is None:
        sheet.fail("feed", f"{key}: no frame of late", "start `prism feed`, or look at its log")
        return
    age_s = (now_ns - frame.close_ns) / NS_PER_S
    said = f"{key}: last frame {age_s:.1f} s ago"
    if age_s > limit_s:
        sheet.fail("feed", f"{said}, limit {limit_s:g} s", "start `prism feed`")
    elif frame.quality.stale:
        sheet.warn("feed", f"{said}, stale: {', '.join(frame.quality.stale)}", "look at the feed")
    else:
        sheet.ok("feed", said)
