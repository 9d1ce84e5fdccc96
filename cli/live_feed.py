"""A live feed of a venue's public data: over a broker, into files, or both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from agents.runtime import huge_pages
from cli.common import ConfigOption, SetOption, settings_of
from cli.stop import Stop
from schemas.health import DeadLetter, Heartbeat
from schemas.settings import Settings
from streams.exchanges.venue import Venue, venue_of
from streams.merge import FeedMessage

if TYPE_CHECKING:
    from streams.feed.live import LiveFeed
    from streams.feed.recorder import LineRecorder
    from streams.publish import FramePublisher

VenueOption = Annotated[
    str | None,
    typer.Option("--venue", help="Live: binance, binanceusdm, bybit, coinbase, hyperliquid."),
]
LiveSymbolsOption = Annotated[
    str | None,
    typer.Option("--symbols", help="Live: unified names, comma-separated, or top:N by turnover."),
]

_LOOK_S = 0.2
_SETTLE_EVERY = 20
"""Batches published before their acknowledgements are looked at: two seconds of them."""


def record(
    *,
    venue: Annotated[str, typer.Option(help="Venue, as binanceusdm.", show_default=False)],
    symbols: Annotated[
        str, typer.Option(help="Unified names, comma-separated, or top:N.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder; made if needed.", show_default=False)],
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write what a live feed receives into files that `prism replay` takes.

    Files are DIR/VENUE/SYMBOL/TIME.jsonl.zst, a new one each hour. Ctrl-C ends it.
    """
    from streams.feed.recorder import LineRecorder

    settings = settings_of(config, overrides)
    chosen = venue_of(venue)
    recorder = LineRecorder(out)
    huge_pages.keep()
    with Stop() as stop:
        try:
            uvloop.run(_record(chosen, symbols, settings, recorder, stop))
        finally:
            recorder.close()


async def _record(
    venue: Venue, symbols: str, settings: Settings, recorder: LineRecorder, stop: Stop
) -> None:
    from streams.feed.live import LiveFeed
    from streams.feed.session import open_session

    said = ""

    async def drop(_batch: list[FeedMessage]) -> None:
        """Frames can be made of the recording at any time."""

    async def beat(heartbeat: Heartbeat) -> None:
        nonlocal said
        recorder.flush()
        said = _say(venue, heartbeat, said)

    def letter(_letter: DeadLetter) -> None:
        """Its bytes are in the recording; the counters tell how many there were."""

    async with open_session(settings.feed) as session:
        feed = LiveFeed(
            venue,
            settings,
            session=session,
            publish=drop,
            beat=beat,
            on_dead_letter=letter,
            recorder=recorder,
        )
        await _until(feed, symbols, lambda: stop.requested)


async def publish_live(
    venue: Venue,
    symbols: str,
    settings: Settings,
    *,
    publisher: FramePublisher,
    over: Callable[[], bool],
    recorder: LineRecorder | None = None,
) -> None:
    """Publish a live feed until ``over``, which is asked now and then; what it raises ends it."""
    from streams.feed.live import LiveFeed
    from streams.feed.session import open_session

    batches = 0
    said = ""
    letters: list[DeadLetter] = []

    async def publish(batch: list[FeedMessage]) -> None:
        nonlocal batches
        await publisher.publish_batch(batch)
        batches += 1
        if batches % _SETTLE_EVERY == 0:
            publisher.look()

    async def beat(heartbeat: Heartbeat) -> None:
        nonlocal said
        said = _say(venue, heartbeat, said)
        if recorder is not None:
            recorder.flush()
        waiting = letters.copy()
        letters.clear()
        for letter in waiting:
            await publisher.say(letter)
        await publisher.say(heartbeat)

    async with open_session(settings.feed) as session:
        feed = LiveFeed(
            venue,
            settings,
            session=session,
            publish=publish,
            beat=beat,
            on_dead_letter=letters.append,
            epoch_of=publisher.epoch_of,
            recorder=recorder,
        )
        await _until(feed, symbols, over)


async def _until(feed: LiveFeed, symbols: str, over: Callable[[], bool]) -> None:
    asked = asyncio.Event()

    async def look() -> None:
        try:
            while not over():
                await asyncio.sleep(_LOOK_S)
        finally:
            asked.set()

    looking = asyncio.create_task(look())
    try:
        await feed.run(symbols, asked)
    finally:
        looking.cancel()
        await asyncio.wait((looking,))
    if not looking.cancelled():
        looking.result()


def _say(venue: Venue, heartbeat: Heartbeat, before: str) -> str:
    """Tell people when the state changes."""
    if heartbeat.status != before:
        typer.echo(f"prism: {venue.id}: {heartbeat.status}", err=True)
    return heartbeat.status
