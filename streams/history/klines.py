"""Klines as a source of their own: per bar one piece of history and one tick, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.errors import SourceMissing
from schemas.frame import Backfill, Frame, Quality
from streams.history.backfill import USED_NS, in_time, longer_than, messages, sound
from streams.history.files import KlinesFile, OnRead
from streams.history.kline import Kline, KlineCheck, Lengthen
from streams.history.told import AsOf
from streams.recordings.raw_lines import Reject

NO_BOOK = Quality(ids_verifiable=False, book_synced=False)
"""Bars are no tape and have no book; a fitness of 0 follows."""


class KlinesFrames:
    """Bars of one symbol and one timeframe as messages.

    For each bar: the bar as :class:`Backfill`, with those of longer timeframes that are over by it
    (only where the bars are no minutes, which add up by themselves), then a tick :class:`Frame`
    over the bar's time with the derivatives as of its close. It has no trades and no book, so what
    needs them is not ready, and no signal can come of it.

    ``missing`` counts the bars that the files lack, and that were rejected, between others.
    """

    def __init__(self, files: Sequence[KlinesFile], *, venue: str) -> None:
        self.timeframe_ns = files[0].timeframe_ns
        if not any(ns % self.timeframe_ns == 0 for ns in USED_NS):
            minutes = self.timeframe_ns // USED_NS[0]
            raise SourceMissing(
                f"{files[0].path}: bars of {minutes} minutes make up none of 1m, 5m, 15m and 4h, "
                "which scores are of; give finer ones, best 1m"
            )
        self._files = in_time(files)
        self._venue = venue
        self._symbol = files[0].symbol
        self._check = KlineCheck(self.timeframe_ns)

    @property
    def missing(self) -> int:
        """Bars between others that are not there."""
        return self._check.missing

    def messages(
        self, state: AsOf, *, epoch: int, reject: Reject, on_read: OnRead
    ) -> Iterator[Backfill | Frame]:
        """All of it, lazily; rows that cannot be used go to ``reject``."""
        self._check = KlineCheck(self.timeframe_ns)
        made = [Lengthen(ns) for ns in longer_than(self.timeframe_ns)]
        rows = sound(self._files, self._check, reject, on_read)
        for seq, (name, row) in enumerate(rows, start=1):
            close_ns = row.open_ns + self.timeframe_ns
            for longer in reversed(made):
                for bar in longer.add(row, timeframe_ns=self.timeframe_ns):
                    yield self._backfill(bar, name, close_ns, longer.timeframe_ns)
            yield self._backfill(row, name, close_ns, self.timeframe_ns)
            yield Frame(
                venue=self._venue,
                symbol=self._symbol,
                epoch=epoch,
                seq=seq,
                open_ns=row.open_ns,
                close_ns=close_ns,
                is_tick=True,
                price_exponent=0,
                qty_exponent=0,
                derivatives=state.at(close_ns),
                quality=NO_BOOK,
            )

    def _backfill(self, row: Kline, name: str, known_ns: int, timeframe_ns: int) -> Backfill:
        (message,) = messages(
            (row,),
            venue=self._venue,
            symbol=self._symbol,
            name=name,
            known_ns=known_ns,
            timeframe_ns=timeframe_ns,
        )
        return message
