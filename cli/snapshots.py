"""The scores of one symbol at one tick: out of a recording, or off the topics of a broker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from agents.interpretation.breakdown import Breakdown, breakdown
from cli.feeds import FileFeed
from cli.moment import Moment, written
from cli.progress import progress
from cli.report import warn, warn_of_unused
from cli.run import PipelineRun
from cli.stop import Stop
from cli.symbols import resolve
from schemas.codec import Decoder
from schemas.errors import SourceMissing
from schemas.frame import Frame, Message
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import Settings
from schemas.topics import CONFLUENCE_SCORES, DIMENSION_SCORES, Topic
from streams.transport.between import last_records
from streams.transport.log import Log, TopicPartition, partition_of

M = TypeVar("M", ConfluenceScore, DimensionScore)

LOOK_BACK = 2_000
"""Records of a partition, the newest ones, among which a symbol must be: minutes of 100 symbols."""


class Latest:
    """Keeps the newest verdict of a run and the dimension scores of its tick."""

    def __init__(self) -> None:
        self._scores: list[DimensionScore] = []
        self.confluence: ConfluenceScore | None = None

    def add(self, _topic: Topic, message: Message) -> None:
        """Take one record; dimensions speak before the verdict of their tick."""
        if isinstance(message, DimensionScore):
            if self._scores and self._scores[-1].tick_ns != message.tick_ns:
                self._scores = []
            self._scores.append(message)
        elif isinstance(message, ConfluenceScore):
            self.confluence = message

    def told(self) -> Breakdown | None:
        """The breakdown as it stands, ``None`` before the first tick."""
        return None if self.confluence is None else breakdown(self.confluence, self._scores)


def from_recording(
    paths: Sequence[Path],
    symbol: str,
    *,
    at: Moment | None,
    venue: str | None,
    settings: Settings,
    stop: Stop,
) -> Breakdown | None:
    """The last tick of a symbol at or before ``at`` in recordings; ``None`` if stopped.

    The whole recording up to then goes through the pipeline. Raises :class:`SourceMissing` for an
    unknown symbol, and for a time before the first tick.
    """
    feed = FileFeed(paths, settings, venue=venue)
    feed.keep(resolve(symbol, feed.keys()))
    latest = Latest()
    first_ns = last_ns = None
    ended = True
    with (
        PipelineRun(settings, watchers=[latest]) as run,
        progress(feed, run.tally, shown=True) as advance,
    ):
        for message in feed.messages(run.dead_letter):
            if isinstance(message, Frame):
                first_ns = message.open_ns if first_ns is None else first_ns
                if at is not None and message.close_ns > at.after(first_ns):
                    ended = False
                    break
                last_ns = message.close_ns
            run.take(message)
            if stop.requested:
                return None
            advance()
    warn_of_unused(run.tally)
    told = latest.told()
    if told is None:
        start = "it holds no frame" if first_ns is None else f"it starts at {written(first_ns)}"
        end = "" if last_ns is None or at is not None else f" and ends at {written(last_ns)}"
        raise SourceMissing(f"{feed.title}: no tick up to that time; {start}{end}")
    if at is not None and ended and last_ns is not None:
        warn(f"the recording ends at {written(last_ns)}, before that time; this is its last tick")
    return told


class ScoreTopics:
    """Reads scores of one symbol off the topics; other readers and groups are not disturbed."""

    def __init__(self, log: Log, settings: Settings) -> None:
        prefix = settings.broker.topic_prefix
        self._log = log
        self._topics = {t: prefix + t.name for t in (CONFLUENCE_SCORES, DIMENSION_SCORES)}

    async def find(self, symbol: str) -> str:
        """The key that a symbol means, among those that were scored lately."""
        name = self._topics[CONFLUENCE_SCORES]
        count = (await self._log.partition_counts()).get(name)
        if count is None:
            raise SourceMissing(
                f"the broker has no topic {name}; start `prism worker`, or set broker.topic_prefix"
            )
        keys: set[str] = set()
        for number in range(count):
            records = await last_records(self._log, TopicPartition(name, number), LOOK_BACK)
            keys.update(record.key.decode() for record in records if record.key is not None)
        return resolve(symbol, keys)

    async def newest(self, key: str) -> Breakdown | None:
        """The breakdown of the newest tick of a key; ``None`` if nothing is there (any more)."""
        verdicts = await self._of(ConfluenceScore, CONFLUENCE_SCORES, key)
        if not verdicts:
            return None
        # After a crash a worker repeats ticks, so the newest record may be of an older one.
        verdict = max(verdicts, key=lambda score: score.tick_ns)
        scores = {
            score.dimension: score
            for score in await self._of(DimensionScore, DIMENSION_SCORES, key)
            if score.tick_ns == verdict.tick_ns
        }
        return breakdown(verdict, list(scores.values()))

    async def _of(self, type_: type[M], topic: Topic, key: str) -> list[M]:
        """Messages of one key among the newest of a topic, which holds that type alone."""
        name, wanted = self._topics[topic], key.encode()
        counts = await self._log.partition_counts()
        at = TopicPartition(name, partition_of(wanted, counts[name]))
        decode = Decoder(type_).decode
        return [
            decode(record.value or b"")
            for record in await last_records(self._log, at, LOOK_BACK)
            if record.key == wanted
        ]
