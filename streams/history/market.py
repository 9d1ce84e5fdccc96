"""One symbol of a run: a recording or klines, and the files of history and series beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import RejectedInput, SourceMissing
from schemas.frame import Backfill, Frame
from schemas.health import DeadLetter
from schemas.series import Series
from schemas.settings import FramesSettings
from streams.history.backfill import MINUTE_NS, ahead
from streams.history.files import KlinesFile, series_values
from streams.history.klines import KlinesFrames
from streams.history.series_spec import SeriesSpec
from streams.history.times import iso
from streams.history.told import AsOf, older, with_series
from streams.history.values import Values
from streams.merge import FeedMessage
from streams.recordings import Recording, SourceStats
from streams.recordings.raw_lines import Reject
from streams.recordings.recording import OnDeadLetter


@dataclass
class Beside:
    """Files that go with one symbol's source."""

    bars: list[KlinesFile] = field(default_factory=list)
    """Klines of the time before; ``wanted`` says that a run without them is a mistake."""
    wanted: bool = False
    derivatives: list[KlinesFile] = field(default_factory=list)
    """Mark, index and funding rate."""
    series: list[SeriesSpec] = field(default_factory=list)

    def paths(self) -> list[Path]:
        """All of them."""
        klines = [file.path for file in (*self.bars, *self.derivatives)]
        return [*klines, *(spec.path for spec in self.series)]


class Market(ABC):
    """Everything of one symbol in one total order: history and series ahead of what may use them.

    ``stats`` and ``told`` (bars and values of history by what they are) tell about the latest call
    of :meth:`messages`.
    """

    venue: str
    symbol: str

    def __init__(self) -> None:
        self.beside = Beside()
        self.told: Counter[str] = Counter()

    @property
    def key(self) -> str:
        """``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    @property
    @abstractmethod
    def stats(self) -> SourceStats:
        """What reading the files met so far."""

    @property
    @abstractmethod
    def paths(self) -> tuple[Path, ...]:
        """The files of the source itself."""

    @property
    @abstractmethod
    def size_bytes(self) -> int:
        """Bytes that ``stats.bytes_read`` comes to in the end."""

    @abstractmethod
    def _messages(
        self, settings: FramesSettings, *, epoch: int, on_dead_letter: OnDeadLetter
    ) -> Iterator[FeedMessage]: ...

    def messages(
        self,
        settings: FramesSettings,
        *,
        epoch: int = 1,
        on_dead_letter: OnDeadLetter | None = None,
    ) -> Iterator[FeedMessage]:
        """All messages, lazily; each call reads the files anew.

        What cannot be used goes to ``on_dead_letter`` and into ``stats``, and reading goes on.
        """
        self.told = Counter()
        give = on_dead_letter or _drop
        for message in self._messages(settings, epoch=epoch, on_dead_letter=give):
            if isinstance(message, Series):
                self.told[message.name.value] += len(message.at_ns)
            yield message

    def summary(self) -> dict[str, Any]:
        """What is to be said of the source in a run's summary."""
        beside: dict[str, Any] = {}
        if self.beside.paths():
            beside["history"] = dict(sorted(self.told.items()))
            bars = self.beside.bars
            unused = [file.path.name for file in bars if not self.told[_bars_of(file.timeframe_ns)]]
            beside["unused_history"] = unused
        return {
            "venue": self.venue,
            "symbol": self.symbol,
            "files": [path.name for path in (*self.paths, *self.beside.paths())],
            **msgspec.structs.asdict(self.stats),
            **beside,
        }

    def _values(self, on_dead_letter: OnDeadLetter) -> list[Values]:
        reject = self._rejecting(on_dead_letter)
        values = [file.values(reject, self._read) for file in self.beside.derivatives]
        return values + [
            series_values(spec, self.symbol, reject, self._read) for spec in self.beside.series
        ]

    def _ahead(self, start_ns: int, on_dead_letter: OnDeadLetter) -> Iterator[Backfill]:
        bars = self.beside.bars
        if not bars:
            return
        reject = self._rejecting(on_dead_letter)
        for message in ahead(
            bars, venue=self.venue, start_ns=start_ns, reject=reject, on_read=self._read
        ):
            self.told[_bars_of(message.timeframe_ns)] += len(message.open_ns)
            yield message
        if self.beside.wanted and not self.told:
            names = ", ".join(file.path.name for file in bars)
            raise SourceMissing(
                f"{names}: no bars up to the first frame of {self.key}, {iso(start_ns)} UTC; "
                "give klines that reach it"
            )

    def _rejecting(self, on_dead_letter: OnDeadLetter) -> Reject:
        def reject(source: str, error: RejectedInput, body: bytes, receive_ns: int) -> None:
            counts = self.stats.dead_letters
            counts[error.reason] = counts.get(error.reason, 0) + 1
            on_dead_letter(DeadLetter(source, error.reason, str(error), body, receive_ns))

        return reject

    @abstractmethod
    def _read(self, count: int) -> None:
        """Bytes of a file beside the source itself were read."""


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
        yield from self._ahead(first.open_ns, on_dead_letter)
        values = self._values(on_dead_letter)
        yield from with_series(chain((first,), frames), values)


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
        values = self._values(on_dead_letter)
        carried = [v for v in values if v.field is not None]
        bars = self._klines.messages(
            AsOf(carried),
            epoch=epoch,
            reject=self._rejecting(on_dead_letter),
            on_read=self._read,
        )
        first = next(bars, None)
        if not isinstance(first, Backfill):
            return
        start_ns = first.open_ns[0]
        yield from self._ahead(start_ns, on_dead_letter)
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


def _bars_of(timeframe_ns: int) -> str:
    return f"bars of {timeframe_ns // MINUTE_NS}m"


def _drop(_letter: DeadLetter) -> None:
    """Counted in the stats; nobody wants it itself."""
