"""Where the frames of a run come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from schemas.errors import UsageError
from schemas.frame import Frame
from schemas.health import DeadLetter
from schemas.settings import Settings
from streams.merge import merge
from streams.recordings import sources_from
from streams.simulator.generated import DEFAULT_MARKETS, VENUE, GeneratedMarket

OnDeadLetter = Callable[[DeadLetter], None]


class Feed(Protocol):
    """Frames in the order (close, venue, symbol), once, and what is to be said of their source."""

    @property
    def title(self) -> str:
        """A few words for people."""

    def frames(self, on_dead_letter: OnDeadLetter, /) -> Iterator[Frame]:
        """The frames; what cannot be used goes to ``on_dead_letter``."""

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""

    def sources(self) -> list[dict[str, Any]]:
        """The sources for the summary, with what was read of them so far."""


class RecordedFeed:
    """Recordings: files of one symbol in the order given, symbols merged by time.

    ``venue`` replaces the venue that is detected. Raises :class:`SourceMissing` for a file that is
    not there or holds no market data, :class:`UsageError` for one that is named twice.
    """

    def __init__(
        self, paths: Sequence[Path], settings: Settings, *, venue: str | None = None
    ) -> None:
        self._settings = settings.frames
        twice = [str(path) for path, count in Counter(paths).items() if count > 1]
        if twice:
            raise UsageError(f"{', '.join(twice)}: named more than once; name each file once")
        if venue is not None and (not venue or ":" in venue):
            raise UsageError(f"venue {venue!r}: give a name without a colon")
        self._recordings = sorted(sources_from(paths), key=lambda r: r.key)
        for recording in self._recordings:
            recording.venue = venue or recording.venue

    @property
    def title(self) -> str:
        """A few words for people."""
        return ", ".join(recording.key for recording in self._recordings)

    def frames(self, on_dead_letter: OnDeadLetter) -> Iterator[Frame]:
        """Frames of all recordings; each call reads the files anew."""
        return merge(
            *(
                recording.frames(self._settings, on_dead_letter=on_dead_letter)
                for recording in self._recordings
            )
        )

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""
        return [recording.key for recording in self._recordings]

    def keep(self, key: str) -> None:
        """Leave out every symbol but this ``venue:symbol``."""
        self._recordings = [recording for recording in self._recordings if recording.key == key]

    def size_bytes(self) -> int:
        """Bytes of all files as they lie on the disk."""
        return sum(recording.size_bytes for recording in self._recordings)

    def bytes_read(self) -> int:
        """How many of them are read so far."""
        return sum(recording.stats.bytes_read for recording in self._recordings)

    def sources(self) -> list[dict[str, Any]]:
        """One entry per recording, in the order of their names."""
        return [
            {
                "venue": recording.venue,
                "symbol": recording.symbol,
                "files": [path.name for path in recording.paths],
                **msgspec.structs.asdict(recording.stats),
            }
            for recording in self._recordings
        ]


class GeneratedFeed:
    """The bundled generated market, without an end."""

    def __init__(self, settings: Settings, *, seed: int) -> None:
        self._settings = settings.frames
        self._seed = seed

    @property
    def title(self) -> str:
        """A few words for people."""
        return f"generated market, seed {self._seed}"

    def frames(self, _on_dead_letter: OnDeadLetter) -> Iterator[Frame]:
        """The frames of all symbols; there is nothing in them that could not be used."""
        markets = [GeneratedMarket(spec, seed=self._seed) for spec in DEFAULT_MARKETS]
        return merge(*(market.frames(self._settings) for market in markets))

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""
        return [f"{VENUE}:{spec.symbol}" for spec in DEFAULT_MARKETS]

    def sources(self) -> list[dict[str, Any]]:
        """One entry per symbol."""
        return [
            {"venue": VENUE, "symbol": spec.symbol, "generated_seed": self._seed}
            for spec in DEFAULT_MARKETS
        ]
