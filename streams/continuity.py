"""Does what arrives continue what was there: trades, quotes, and diffs by the venue's rules."""

from __future__ import annotations

from collections import deque
from enum import Enum

from schemas.errors import OutOfSequence
from streams.events import BookDiff, TradeEvent

MAX_BUFFERED_DIFFS = 10_000
"""Diffs kept while there is no snapshot: over a minute of the busiest futures book recorded."""


class TradeContinuity:
    """Counts trade ids that were skipped, and refuses ids that were seen already."""

    __slots__ = ("_last_id", "verifiable")

    def __init__(self) -> None:
        self._last_id: int | None = None
        self.verifiable = True

    def follow(self, trade: TradeEvent) -> int:
        """How many ids are missing before this trade; :class:`OutOfSequence` for a repeat."""
        first, last = trade.first_id, trade.last_id
        if first is None or last is None:
            self.verifiable = False
            return 0
        previous = self._last_id
        if previous is not None and first <= previous:
            raise OutOfSequence(f"trade {first} after trade {previous}: a repeat, dropped")
        self._last_id = last
        return 0 if previous is None else first - previous - 1


class QuoteContinuity:
    """Refuses best prices that are no newer than the ones before them."""

    __slots__ = ("_last_id",)

    def __init__(self) -> None:
        self._last_id: int | None = None

    def follow(self, update_id: int) -> None:
        """Go on to this update. Raises :class:`OutOfSequence` for a repeat or an older one."""
        if self._last_id is not None and update_id <= self._last_id:
            raise OutOfSequence(f"best prices {update_id} after {self._last_id}: dropped")
        self._last_id = update_id


class Verdict(Enum):
    """What to do with a diff."""

    APPLY = 1
    SKIP = 2
    """Older than the snapshot, as diffs are that were buffered while it was fetched."""
    BUFFER = 3
    """There is no snapshot yet."""


class DepthContinuity:
    """Order of book diffs, by the rules that the venue publishes for keeping a local book.

    Where diffs name their predecessor (futures: ``pu``), those with ``last < snapshot`` are old,
    the first applied has ``first <= snapshot <= last`` (or ``prev == snapshot``, if the snapshot
    fell right between two diffs), each later one ``prev == last`` of the one before.

    Where they do not (spot), old is ``last <= snapshot``, the first applied has
    ``first <= snapshot + 1 <= last``, each later one ``first == last + 1`` of the one before.
    """

    __slots__ = ("_bridged", "_waiting", "last_id")

    def __init__(self) -> None:
        self.last_id: int | None = None
        self._bridged = False
        self._waiting: deque[BookDiff] = deque(maxlen=MAX_BUFFERED_DIFFS)

    @property
    def synced(self) -> bool:
        """Whether there is a book to continue."""
        return self.last_id is not None

    def lose(self) -> None:
        """There is no book any more; diffs wait for the next snapshot."""
        self.last_id = None

    def restart(self, update_id: int) -> list[BookDiff]:
        """Continue from a snapshot; the diffs that waited for it, to be judged now."""
        self.last_id = update_id
        self._bridged = False
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def judge(self, diff: BookDiff) -> Verdict:
        """What to do with a diff; to be applied at once if so.

        Raises :class:`OutOfSequence` for a gap, after which nothing is synced and the diff waits
        for a snapshot, and for a repeat, which changes nothing.
        """
        last = self.last_id
        if last is None:
            self._waiting.append(diff)
            return Verdict.BUFFER
        chained = diff.prev_id is not None
        if not self._bridged:
            if diff.last_id < last or (diff.last_id == last and not chained):
                return Verdict.SKIP
            continues = diff.first_id <= (last if chained else last + 1) or diff.prev_id == last
        elif diff.last_id <= last:
            raise OutOfSequence(f"diff up to {diff.last_id}, the book is at {last}: dropped")
        else:
            continues = diff.prev_id == last if chained else diff.first_id == last + 1
        if not continues:
            self.lose()
            self._waiting.append(diff)
            raise OutOfSequence(
                f"diff {diff.first_id}..{diff.last_id} does not continue {last}: "
                "book dropped until a snapshot"
            )
        self._bridged = True
        self.last_id = diff.last_id
        return Verdict.APPLY
