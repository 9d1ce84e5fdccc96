"""Where the messages of a run come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from schemas.errors import UsageError
from schemas.frame import Frame
from schemas.health import DeadLetter
from schemas.settings import Settings
from streams.history.series_spec import SeriesSpec
from streams.merge import FeedMessage, merge
from streams.simulator.generated import DEFAULT_MARKETS, VENUE, GeneratedMarket
from streams.sources import markets_from

GENERATED = Path("generated")
"""In the place of a file: the bundled generated market."""

OnDeadLetter = Callable[[DeadLetter], None]


class Feed(Protocol):
    """Messages in the order (event time, venue, symbol), once, and what is to be said of them."""

    @property
    def title(self) -> str:
        """A few words for people."""

    def messages(self, on_dead_letter: OnDeadLetter, /) -> Iterator[FeedMessage]:
        """Frames, history and series; what cannot be used goes to ``on_dead_letter``."""

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""

    def sources(self) -> list[dict[str, Any]]:
        """The sources for the summary, with what was read of them so far."""


class FileFeed:
    """Recordings and klines: files of one symbol in the order given, symbols merged by time.

    ``venue`` replaces the venue that is detected; ``symbol`` is for klines whose names do not tell
    it; ``history`` are klines of the time before the first frame; ``series`` reads
    ``NAME[@SYMBOL]=FILE[#COLUMN]``. Raises :class:`SourceMissing` for a file that is not there or
    holds no market data, :class:`UsageError` for what does not go together.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        settings: Settings,
        *,
        venue: str | None = None,
        symbol: str | None = None,
        history: Sequence[Path] | None = None,
        series: Sequence[str] | None = None,
    ) -> None:
        self._settings = settings.frames
        before = list(history or ())
        twice = [str(path) for path, count in Counter([*paths, *before]).items() if count > 1]
        if twice:
            raise UsageError(f"{', '.join(twice)}: named more than once; name each file once")
        if venue is not None and (not venue or ":" in venue):
            raise UsageError(f"venue {venue!r}: give a name without a colon")
        self._markets = markets_from(
            paths,
            venue=venue,
            symbol=symbol,
            history=before,
            series=[SeriesSpec.parse(text) for text in series or ()],
            feed=settings.feed,
        )

    @property
    def title(self) -> str:
        """A few words for people."""
        return ", ".join(market.key for market in self._markets)

    def messages(self, on_dead_letter: OnDeadLetter) -> Iterator[FeedMessage]:
        """Messages of all symbols; each call reads the files anew."""
        return merge(
            *(
                market.messages(self._settings, on_dead_letter=on_dead_letter)
                for market in self._markets
            )
        )

    def keys(self) -> list[str]:
        """Its symbols, as ``venue:symbol``."""
        return [market.key for market in self._markets]

    def keep(self, key: str) -> None:
        """Leave out every symbol but this ``venue:symbol``."""
        self._markets = [market for market in self._markets if market.key == key]

    def size_bytes(self) -> int:
        """Bytes of all files as they lie on the disk."""
        return sum(market.size_bytes for market in self._markets)

    def bytes_read(self) -> int:
        """How many of them are read so far."""
        return sum(market.stats.bytes_read for market in self._markets)

    def sources(self) -> list[dict[str, Any]]:
        """One entry per symbol, in the order of their names."""
        return [market.summary() for market in self._markets]


class GeneratedFeed:
    """The bundled generated market, without an end."""

    def __init__(self, settings: Settings, *, seed: int) -> None:
        self._settings = settings.frames
        self._seed = seed

    @property
    def title(self) -> str:
        """A few words for people."""
        return f"generated market, seed {self._seed}"

    def messages(self, _on_dead_letter: OnDeadLetter) -> Iterator[Frame]:
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


def feed_of(
    paths: Sequence[Path] | None,
    settings: Settings,
    *,
    seed: int,
    history: Sequence[Path] | None,
    series: Sequence[str] | None,
) -> Feed:
    """The files that are named; the generated market by name, or without any."""
    if paths and GENERATED not in paths:
        return FileFeed(paths, settings, history=history, series=series)
    if paths and len(paths) > 1:
        raise UsageError("--source generated plays alone; leave out the other sources")
    if history or series:
        raise UsageError("--history and --series go with --source; name a recording or klines")
    return GeneratedFeed(settings, seed=seed)
