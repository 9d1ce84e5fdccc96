"""One run: every record that it gives, into files, counts, digests and views."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from agents.pipeline import Pipeline
from cli.tally import Tally
from schemas.clock import monotonic_ns
from schemas.codec import SCHEMA_VERSION, encode
from schemas.frame import NS_PER_S, Frame, Message
from schemas.health import DeadLetter
from schemas.settings import Settings
from schemas.topics import DEAD_LETTERS, FRAMES, Topic
from streams.market import MarketFold
from streams.merge import FeedMessage
from streams.sinks.files import SUMMARY, RunFiles

MARKET = "market.json"


class Watcher(Protocol):
    """Anything that takes records."""

    def add(self, topic: Topic, message: Message) -> None:
        """Take one record."""


class Run:
    """Takes records, wherever they were decided, and hands them to files, tally and watchers.

    ``ordered`` says that the records of each topic come in the order of its digest; without it
    there are no digests. Use it as a context manager: without :meth:`close` no file gets its name.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        out: Path | None = None,
        watchers: Sequence[Watcher] = (),
        ordered: bool = True,
    ) -> None:
        self._settings = settings
        self._market = MarketFold()
        self._files = None if out is None else RunFiles(out)
        self._watchers = [*watchers] if self._files is None else [*watchers, self._files]
        self._started_ns = monotonic_ns()
        self._closed = False
        self.tally = Tally(digests=ordered)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._files is not None and not self._closed:
            self._files.abandon()

    def observe(self, topic: Topic, message: Message, body: bytes | None = None) -> None:
        """Take one record; ``body`` saves encoding it again."""
        if isinstance(message, Frame):
            self._market.add(message)
        self.tally.add(topic, message, body)
        for watcher in self._watchers:
            watcher.add(topic, message)

    def dead_letter(self, letter: DeadLetter) -> None:
        """Take what could not be used."""
        self.observe(DEAD_LETTERS, letter)

    def close(self, *, complete: bool, sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Finish the files; the summary. ``complete`` says that the run came to its own end."""
        wall_s = (monotonic_ns() - self._started_ns) / NS_PER_S
        summary = {
            "complete": complete,
            **self.tally.summary(),
            "wall_seconds": wall_s,
            "speed": self.tally.data_seconds / wall_s,
            "settings_hash": self._settings.config_hash(),
            "sources": list(sources),
            "versions": {
                "market_prism": version("market-prism"),
                "schema": SCHEMA_VERSION,
                "python": platform.python_version(),
            },
        }
        if self._files is not None:
            self._files.close({MARKET: self._market.result(), SUMMARY: summary})
        self._closed = True
        return summary


class PipelineRun(Run):
    """A run that decides in this thread: the synchronous pipeline.

    A message is encoded and decoded before it is used, so that what is computed here is computed
    from what would travel.
    """

    def __init__(
        self, settings: Settings, *, out: Path | None = None, watchers: Sequence[Watcher] = ()
    ) -> None:
        super().__init__(settings, out=out, watchers=watchers)
        self._pipeline = Pipeline(settings)
        self._decode = FRAMES.decoder().decode

    def take(self, message: FeedMessage) -> None:
        """Take the next message, in the order (event time, venue, symbol)."""
        body = encode(message)
        decoded: FeedMessage = self._decode(body)
        self.observe(FRAMES, decoded, body)
        for topic, given in self._pipeline.process(decoded):
            self.observe(topic, given)
