"""Checks that feed and workers do their part: fresh frames, fresh scores, components that live."""

from __future__ import annotations

from typing import TypeVar

from cli.preflight.checklist import Checklist
from schemas.frame import NS_PER_S, Frame, Message
from schemas.health import Heartbeat
from schemas.score import ConfluenceScore
from schemas.settings import Settings
from schemas.topics import CONFLUENCE_SCORES, FRAMES, HEALTH, Topic
from streams.transport.between import last_records
from streams.transport.log import Log, TopicPartition, partition_of

_LOOKED_BACK = 2_000
"""Records of a partition among which the last of a symbol is looked for."""
_MISSED_BEATS = 5
_TELLS = {"feed": "feed", "scores": "worker"}
"""The role that gives what a check looks at."""

M = TypeVar("M", bound=Message)


async def check_roles(
    sheet: Checklist, settings: Settings, log: Log, counts: dict[str, int], *, now_ns: int
) -> None:
    """A line for each symbol's feed and for its scores; one for each component that is not well."""
    for key in settings.runtime.symbols:
        frame = await _last_of(settings, log, counts, FRAMES, key, kind=Frame)
        _feed(sheet, settings, key, frame, now_ns=now_ns)
        verdict = await _last_of(
            settings, log, counts, CONFLUENCE_SCORES, key, kind=ConfluenceScore
        )
        _scores(sheet, settings, key, verdict, now_ns=now_ns)
    _components(sheet, settings, await _beats(settings, log, counts), now_ns=now_ns)


def _feed(
    sheet: Checklist, settings: Settings, key: str, frame: Frame | None, *, now_ns: int
) -> None:
    at_ns = None if frame is None else frame.close_ns
    said = _fresh(sheet, settings, "feed", f"{key}: last frame", at_ns, now_ns=now_ns)
    if said is None or frame is None:
        return
    if frame.quality.stale:
        sheet.warn("feed", f"{said}, stale: {', '.join(frame.quality.stale)}", "look at the feed")
    else:
        sheet.ok("feed", said)


def _scores(
    sheet: Checklist,
    settings: Settings,
    key: str,
    verdict: ConfluenceScore | None,
    *,
    now_ns: int,
) -> None:
    """Of a symbol: what its workers and the join last said, and which dimensions are in it."""
    at_ns = None if verdict is None else verdict.tick_ns
    said = _fresh(sheet, settings, "scores", f"{key}: last score", at_ns, now_ns=now_ns)
    if said is None or verdict is None:
        return
    ready = {part.dimension for part in verdict.contributions if part.weight > 0}
    wanted = settings.dimensions.enabled
    lacking = [name for name in wanted if name not in ready]
    if lacking:
        said += f"; not ready: {', '.join(lacking)}"
        sheet.warn("scores", said, "wait for its bars, or let the feed load history")
    else:
        sheet.ok("scores", f"{said}, all {len(wanted)} dimensions ready")


def _fresh(
    sheet: Checklist, settings: Settings, name: str, what: str, at_ns: int | None, *, now_ns: int
) -> str | None:
    """How old it is, in words; ``None`` once it is told that it is too old or not there."""
    limit_s, start = settings.runtime.absent_after_s, f"start `prism {_TELLS[name]}`"
    if at_ns is None:
        sheet.fail(name, f"{what}: none of late", f"{start}, or look at its log")
        return None
    age_s = (now_ns - at_ns) / NS_PER_S
    said = f"{what} {age_s:.1f} s ago"
    if age_s > limit_s:
        sheet.fail(name, f"{said}, limit {limit_s:g} s", start)
        return None
    return said


def _components(
    sheet: Checklist, settings: Settings, beats: dict[str, Heartbeat], *, now_ns: int
) -> None:
    """Of those that have told of themselves just now; one that was ended tells nothing more."""
    within_ns = round(_MISSED_BEATS * settings.runtime.heartbeat_s * NS_PER_S)
    alive = [beat for beat in beats.values() if now_ns - beat.wall_ns <= within_ns]
    if not alive:
        sheet.fail("components", "none has told of itself of late", "start `prism worker`")
        return
    ill = [beat for beat in alive if beat.status != "ok"]
    for beat in ill:
        sheet.warn("components", f"{beat.component}: {beat.status}", "look at its log")
    if not ill:
        names = sorted(beat.component for beat in alive)
        sheet.ok("components", f"{len(names)} alive: {', '.join(names)}")


async def _beats(settings: Settings, log: Log, counts: dict[str, int]) -> dict[str, Heartbeat]:
    """The last heartbeat of each component among the last records of each partition."""
    name = settings.broker.topic_prefix + HEALTH.name
    decode = HEALTH.decoder().decode
    found: dict[str, Heartbeat] = {}
    for partition in range(counts.get(name, 0)):
        for _, value in await _last_records(log, TopicPartition(name, partition)):
            beat = decode(value)
            if isinstance(beat, Heartbeat):
                found[beat.component] = beat
    return found


async def _last_of(
    settings: Settings, log: Log, counts: dict[str, int], topic: Topic, key: str, *, kind: type[M]
) -> M | None:
    """The newest record of a symbol among the last ones of its partition."""
    name, named = settings.broker.topic_prefix + topic.name, key.encode()
    if name not in counts:
        return None
    records = await _last_records(log, TopicPartition(name, partition_of(named, counts[name])))
    values = [value for record_key, value in records if record_key == named]
    message = topic.decoder().decode(values[-1]) if values else None
    return message if isinstance(message, kind) else None


async def _last_records(log: Log, at: TopicPartition) -> list[tuple[bytes | None, bytes]]:
    """Keys and values of a partition's last records, in order."""
    records = await last_records(log, at, _LOOKED_BACK)
    return [(record.key, record.value) for record in records if record.value is not None]
