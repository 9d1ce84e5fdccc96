"""One symbol of a run: its source, and the files of history and series beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import RejectedInput, SourceMissing
from schemas.frame import Backfill
from schemas.health import DeadLetter
from schemas.series import Series
from schemas.settings import FramesSettings
from streams.history.backfill import MINUTE_NS, ahead
from streams.history.files import KlinesFile, series_values
from streams.history.series_spec import SeriesSpec
from streams.history.times import iso
from streams.history.values import Values
from streams.merge import FeedMessage
from streams.recordings import SourceStats
from streams.recordings.raw_lines import Reject
from streams.recordings.stats import OnDeadLetter


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

    def values(self, on_dead_letter: OnDeadLetter) -> list[Values]:
        """Derivatives and series of the files beside the source, read as a whole."""
        reject = self.rejecting(on_dead_letter)
        values = [file.values(reject, self._read) for file in self.beside.derivatives]
        return values + [
            series_values(spec, self.symbol, reject, self._read) for spec in self.beside.series
        ]

    def ahead(self, start_ns: int, on_dead_letter: OnDeadLetter) -> Iterator[Backfill]:
        """The bars of the time before the first frame, which opens at ``start_ns``."""
        bars = self.beside.bars
        if not bars:
            return
        reject = self.rejecting(on_dead_letter)
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

    def rejecting(self, on_dead_letter: OnDeadLetter) -> Reject:
        """Counts what is rejected and makes a dead letter of it."""

        def reject(source: str, error: RejectedInput, body: bytes, receive_ns: int) -> None:
            counts = self.stats.dead_letters
            counts[error.reason] = counts.get(error.reason, 0) + 1
            on_dead_letter(DeadLetter(source, error.reason, str(error), body, receive_ns))

        return reject

    @abstractmethod
    def _read(self, count: int) -> None:
        """Bytes of a file beside the source itself were read."""


def _bars_of(timeframe_ns: int) -> str:
    return f"bars of {timeframe_ns // MINUTE_NS}m"


def _drop(_letter: DeadLetter) -> None:
    """Counted in the stats; nobody wants it itself."""
