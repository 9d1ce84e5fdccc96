"""``prism feed``, ``worker``, ``execution``, ``overview``: roles, each its own process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop

from agents.runtime import huge_pages
from cli import live_venue
from cli.client_logs import quiet_client
from cli.common import ConfigOption, HistoryOption, SeriesOption, SetOption, settings_of
from cli.feeds import Feed, feed_of
from cli.live_feed import LiveSymbolsOption, VenueOption, publish_live
from cli.pace import Pacer, parse_speed
from cli.report import told_unused, warn
from cli.resume import Resume
from cli.stop import Stop
from schemas.clock import monotonic_ns
from schemas.errors import UsageError
from schemas.health import DeadLetter
from schemas.ledger_store import LedgerStore
from schemas.settings import Settings
from schemas.topics import DEAD_LETTERS
from streams.exchanges.venue import Venue, venue_of
from streams.merge import event_ns
from streams.publish import FramePublisher
from streams.transport.kafka_address import servers_of
from streams.transport.log import Log, changelog_specs, open_log, topic_specs

BrokerOption = Annotated[
    str | None,
    typer.Option("--broker", metavar="URL", help="kafka://host:port[,host:port]; else settings."),
]

SymbolsOption = Annotated[
    str | None, typer.Option(help="Symbols (venue:symbol) to wait for, comma-separated.")
]


def worker(
    *,
    broker: BrokerOption = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of every per-symbol topic.")
    ] = None,
    dimensions: Annotated[
        str | None,
        typer.Option(help="Only these, comma-separated, or 'none'; then a group of its own."),
    ] = None,
    join: Annotated[
        bool | None, typer.Option("--join/--no-join", help="Run the join too. Default: with all.")
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Run dimensions and the join. Start several: the broker shares the symbols among them."""
    settings = _settings(config, overrides, broker, partitions)
    chosen = None
    if dimensions is not None:
        names = (name.strip() for name in dimensions.split(","))
        chosen = () if dimensions == "none" else tuple(names)
    from agents.runtime import roles, running

    role = roles.worker(settings, dimensions=chosen, join=join)
    asyncio.run(_prepare(settings, role.changelogs()))
    running.run(role)


def execution(
    *,
    broker: BrokerOption = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of every per-symbol topic.")
    ] = None,
    symbols: SymbolsOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Run the account, on paper unless live.enabled. A second one stands by and takes over."""
    settings = _settings(config, [*(overrides or []), *waiting_for(symbols)], broker, partitions)
    from agents.runtime import roles, running

    live = live_venue.opening_of(settings) if settings.live.enabled else None
    open_desk = None if live is None else live.desk
    role = roles.execution(settings, store=ledger_of(settings), open_desk=open_desk)
    asyncio.run(_prepare(settings, role.changelogs()))
    if live is not None:
        asyncio.run(live.look())
        live_venue.announce(settings)
    running.run(role)


def overview(
    *,
    broker: BrokerOption = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of every per-symbol topic.")
    ] = None,
    symbols: SymbolsOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Rank the symbols and compare venues (overview.enabled). A second one stands by."""
    settings = _settings(config, [*(overrides or []), *waiting_for(symbols)], broker, partitions)
    from agents.runtime import roles, running

    role = roles.overview(settings)
    asyncio.run(_prepare(settings, role.changelogs()))
    running.run(role)


def feed(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    broker: BrokerOption = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of every per-symbol topic.")
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option("--source", help="Recording or klines; repeat for several files."),
    ] = None,
    history: HistoryOption = None,
    series: SeriesOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated market.")] = 7,
    speed: Annotated[str, typer.Option(help="Market time per wall time: 1x, 20x, max.")] = "1x",
    venue: VenueOption = None,
    symbols: LiveSymbolsOption = None,
    record: Annotated[
        Path | None, typer.Option(help="Live: also write what is received into this folder.")
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Publish frames: a venue's public data, a recording or klines, or the generated market."""
    settings = _settings(config, overrides, broker, partitions)
    if venue is not None or symbols is not None:
        if venue is None or symbols is None or source or history or series:
            raise UsageError("a live feed takes --venue and --symbols, and no files")
        chosen = venue_of(venue)
        with Stop() as stop:
            uvloop.run(_live(settings, chosen, symbols, stop, record))
        return
    if record is not None:
        raise UsageError("--record goes with --venue; what is played is in files already")
    market = feed_of(source, settings, seed=seed, history=history, series=series)
    pacer = Pacer(parse_speed(speed))
    with Stop() as stop:
        asyncio.run(_feed(settings, market, pacer, stop))


async def _feed(settings: Settings, market: Feed, pacer: Pacer, stop: Stop) -> None:
    log = await _open(settings)
    try:
        publisher = FramePublisher(log, settings)
        letters: list[DeadLetter] = []
        unused: Counter[str] = Counter()
        resume = Resume(publisher, market.title)
        for due_ns, together in groupby(market.messages(letters.append), key=event_ns):
            messages = [message for message in together if await resume.is_new(message)]
            while messages and not stop.requested:
                wait_s = pacer.wait_s(due_ns, now_ns=monotonic_ns())
                if wait_s <= 0:
                    break
                await asyncio.to_thread(stop.wait, min(wait_s, 0.1))
            if stop.requested:
                break
            await publisher.publish_together(messages)
            await _set_aside(letters, publisher, unused)
        else:
            resume.check()
        await _set_aside(letters, publisher, unused)
        await publisher.finish()
    finally:
        await log.close()
    if unused:
        warn(told_unused(unused, where=f"see {settings.broker.topic_prefix}{DEAD_LETTERS.name}"))


async def _set_aside(
    letters: list[DeadLetter], publisher: FramePublisher, unused: Counter[str]
) -> None:
    """Publish what could not be used since last time."""
    for letter in letters:
        unused[letter.reason] += 1
        await publisher.say(letter)
    letters.clear()


async def _live(
    settings: Settings, venue: Venue, symbols: str, stop: Stop, record: Path | None
) -> None:
    from streams.feed.recorder import LineRecorder

    recorder = None if record is None else LineRecorder(record)
    huge_pages.keep()
    log = await _open(settings)
    try:
        publisher = FramePublisher(log, settings)
        await publish_live(
            venue,
            symbols,
            settings,
            publisher=publisher,
            over=lambda: stop.requested,
            recorder=recorder,
        )
        await publisher.finish()
    finally:
        if recorder is not None:
            recorder.close()
        await log.close()


async def _open(settings: Settings) -> Log:
    log = await open_log(settings.broker.url)
    try:
        await log.ensure_topics(topic_specs(settings.broker))
    except BaseException:  # Ctrl-C too: a client that is not closed keeps the process
        await log.close()
        raise
    return log


async def _prepare(settings: Settings, changelogs: Mapping[str, int]) -> None:
    """The broker answers and the topics are as they must be, before a role starts on them."""
    log = await _open(settings)
    try:
        # Left to Faust, a changelog may be made too late for its consumer's first look at the
        # broker, whose next one is minutes away.
        await log.ensure_topics(changelog_specs(changelogs))
    finally:
        await log.close()


def ledger_of(settings: Settings) -> LedgerStore | None:
    """The durable ledger that the settings name, if they name one."""
    from streams.store.ledger import open_ledger

    return open_ledger(settings.store.url) if settings.store.url else None


def waiting_for(symbols: str | None) -> list[str]:
    """The option ``--symbols`` as a setting."""
    if symbols is None:
        return []
    names = [name.strip() for name in symbols.split(",")]
    return [f"runtime.symbols={msgspec.json.encode(names).decode()}"]


def _settings(
    config: Path | None, overrides: list[str] | None, broker: str | None, partitions: int | None
) -> Settings:
    given = list(overrides or [])
    if broker is not None:
        given.append(f"broker.url={broker}")
    if partitions is not None:
        given.append(f"broker.partitions={partitions}")
    quiet_client()
    settings = settings_of(config, given)
    if settings.broker.url.startswith("embedded:"):
        raise UsageError(
            "a role of its own needs a broker that others reach: give --broker kafka://host:port, "
            "or run everything in one process with `prism up`"
        )
    servers_of(settings.broker.url)  # refuses what is no address, before Faust stumbles on it
    return settings
