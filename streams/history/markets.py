"""The kinds of sources: recordings, those of a feed, and klines of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from schemas.errors import UsageError
from schemas.frame import Backfill, Frame
from schemas.settings import FeedSettings, FramesSettings
from streams.history.files import KlinesFile
from streams.history.klines import KlinesFrames
from streams.history.market import Market
from streams.history.told import AsOf, older, with_series
from streams.merge import FeedMessage, event_ns
from streams.recordings import FeedRecording, Recording, SourceStats
from streams.recordings.stats import OnDeadLetter


class RecordedMarket(Market):
    """A recording with history ahead of its first frame, and series among its frames.

    Series, and funding rates given as history, travel as :class:`Series`; frames stay as recorded.
    """

    def __init__(self, recording: Recording, *, venue: str | None = None) -> None:
        super().__init__()
        recording.venue = venue or recording.venue
        self._recording = recording
        self.venue, self.symbol = recording.venue, recording.symbol

    @property
    def stats(self) -> SourceStats:
        """What reading the recording met so far."""
        return self._recording.stats

    @property
    def paths(self) -> tuple[Path, ...]:
        """The recorded files."""
        return self._recording.paths

    @property
    def size_bytes(self) -> int:
        """Bytes of the recorded files as they lie on the disk."""
        return self._recording.size_bytes

    def _read(self, count: int) -> None:
        """Progress is told by the recording alone."""

    def _messages(
        self, settings: FramesSettings, *, epoch: int, on_dead_letter: OnDeadLetter
    ) -> Iterator[FeedMessage]:
        frames = self._recording.frames(settings, epoch=epoch, on_dead_letter=on_dead_letter)
        first = next(frames, None)
        if first is None:
            return
        yield from self.ahead(first.open_ns, on_dead_letter)
        values = self.values(on_dead_letter)
        yield from with_series(chain((first,), frames), values)


class FeedMarket(Market):
    """A recording that a feed made: its frames, and the rules and history that the feed told."""

    def __init__(
        self, recording: FeedRecording, *, feed: FeedSettings, venue: str | None = None
    ) -> None:
        super().__init__()
        if venue not in (None, recording.venue):
            raise UsageError(f"--venue {venue}: the recording is of {recording.venue}")
        self._recording = recording
        self._feed = feed
        self.venue, self.symbol = recording.venue, recording.symbol

    @property
    def stats(self) -> SourceStats:
        """What reading the recording met so far."""
        return self._recording.stats

    @property
    def paths(self) -> tuple[Path, ...]:
        """The recorded files."""
        return self._recording.paths

    @property
    def size_bytes(self) -> int:
        """Bytes of the recorded files as they lie on the disk."""
        return self._recording.size_bytes

    def _read(self, count: int) -> None:
        """Progress is told by the recording alone."""

    def _messages(
        self, settings: FramesSettings, *, epoch: int, on_dead_letter: OnDeadLetter
    ) -> Iterator[FeedMessage]:
        messages = self._recording.messages(
            settings, self._feed, epoch=epoch, on_dead_letter=on_dead_letter
        )
        first = next(messages, None)
        if first is None:
            return
        start_ns = first.open_ns if isinstance(first, Frame) else event_ns(first)
        yield from self.ahead(start_ns, on_dead_letter)
        yield from with_series(chain((first,), messages), self.values(on_dead_letter))


class KlinesMarket(Market):
    """Klines of one symbol, the finest timeframe of it, as a source.

    Derivatives that frames have a field for are in the frames, the newest as of each close; what is
    older than that of the first frame comes ahead of it as :class:`Series`.
    """

    def __init__(self, files: Sequence[KlinesFile], *, venue: str) -> None:
        super().__init__()
        self._klines = KlinesFrames(files, venue=venue)
        self._files = tuple(files)
        self.venue, self.symbol = venue, files[0].symbol
        self._stats = SourceStats()

    @property
    def stats(self) -> SourceStats:
        """What reading the files met so far; ``lines`` counts bars and what was rejected."""
        return self._stats

    @property
    def timeframe_ns(self) -> int:
        """Length of a bar."""
        return self._klines.timeframe_ns

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of the bars."""
        return tuple(file.path for file in self._files)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files as they lie on the disk."""
        return sum(path.stat().st_size for path in (*self.paths, *self.beside.paths()))

    def _read(self, count: int) -> None:
        self.stats.bytes_read += count

    def _messages(
        self,
        settings: FramesSettings,  # noqa: ARG002 - a bar is a frame and a tick
        *,
        epoch: int,
        on_dead_letter: OnDeadLetter,
    ) -> Iterator[FeedMessage]:
        self._stats = SourceStats()
        values = self.values(on_dead_letter)
        carried = [v for v in values if v.field is not None]
        bars = self._klines.messages(
            AsOf(carried),
            epoch=epoch,
            reject=self.rejecting(on_dead_letter),
            on_read=self._read,
        )
        first = next(bars, None)
        if not isinstance(first, Backfill):
            return
        start_ns = first.open_ns[0]
        yield from self.ahead(start_ns, on_dead_letter)
        told = [v for v in values if v.field is None]
        told += [older(v, start_ns + self.timeframe_ns) for v in carried]
        for message in with_series(chain((first,), bars), told):
            if isinstance(message, Frame):
                self._count(message)
            yield message

    def _count(self, frame: Frame) -> None:
        stats = self.stats
        if stats.first_receive_ns is None:
            stats.first_receive_ns = frame.open_ns
        stats.last_receive_ns = frame.close_ns
        stats.lines = frame.seq + sum(stats.dead_letters.values())
        stats.streams = {"klines": frame.seq}
        if self._klines.missing:
            stats.streams["klines missing"] = self._klines.missing
