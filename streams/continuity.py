"""Does what arrives continue what was there: trades, quotes, and diffs by the venue's rules."""

from __future__ import annotations

from collections import deque
from enum import Enum

from schemas.errors import OutOfSequence
from streams.events import BookDiff, TradeEvent

MAX_BUFFERED_DIFFS = 10_000
"""Diffs kept while there is no snapshot: over a minute of the busiest futures book recorded."""
MAX_HOLES = 64
"""Runs of missing trade ids that are remembered for recovery."""
MAX_RECENT_IDS = 4_000
"""Ids remembered where they are no sequence: four times what a venue's REST tape gives at once."""


class TradeContinuity:
    """Counts trade ids that were skipped, refuses ids that were seen already, remembers holes.

    Aggregates are held together by their own ids: a venue leaves trades that are not MARKET out of
    them, so the ids that they span may skip some. Where ids are no sequence, only repeats among the
    last :data:`MAX_RECENT_IDS` can be told.
    """

    __slots__ = ("_last_id", "_order", "_recent", "_recovered_to", "holes", "verifiable")

    def __init__(self) -> None:
        self._last_id: int | None = None
        self._recovered_to = -1
        self._recent: dict[int | str, bool] = {}
        self._order: deque[int | str] = deque()
        self.verifiable = True
        self.holes: deque[tuple[int, int]] = deque(maxlen=MAX_HOLES)
        """First and last of each run of ids that lacks."""

    @property
    def last_id(self) -> int | None:
        """The newest id, ``None`` before the first or where ids are no sequence."""
        return self._last_id

    def follow(self, trade: TradeEvent) -> int | None:
        """How many ids are missing before this trade; ``None`` if it was recovered already.

        Raises :class:`OutOfSequence` for a repeat.
        """
        span = _span(trade)
        if span is None:
            self.verifiable = False
            return self._follow_unordered(trade.id)
        first, last = span
        previous = self._last_id
        if previous is not None and first <= previous:
            if self._fill(first, last):
                return 0  # what REST told first went beyond it
            if last <= self._recovered_to:
                return None
            raise OutOfSequence(f"trade {first} after trade {previous}: a repeat, dropped")
        self._last_id = last
        if previous is None or first == previous + 1:
            return 0
        self.holes.append((previous + 1, first - 1))
        return first - previous - 1

    def knows(self, trade: TradeEvent) -> bool:
        """Whether this trade, or one behind it, was told."""
        span = _span(trade)
        if span is None:
            return trade.id in self._recent
        return self._last_id is not None and span[1] <= self._last_id

    def recover(self, trade: TradeEvent) -> int | None:
        """How many ids are missing before a trade that REST told; ``None`` if it is no news: it
        fills no hole, and somebody told it already.
        """
        span = _span(trade)
        if span is None:
            self.verifiable = False
            if trade.id in self._recent:
                return None
            self._remember(trade.id, recovered=True)
            return 0
        first, last = span
        previous = self._last_id
        if previous is not None and first <= previous:
            return 0 if self._fill(first, last) else None
        self._last_id = self._recovered_to = last
        if previous is None or first == previous + 1:
            return 0
        self.holes.append((previous + 1, first - 1))
        return first - previous - 1

    def give_up(self, hole: tuple[int, int]) -> None:
        """Nobody has these ids: the venue left them out, or does not tell them any more."""
        if hole in self.holes:
            self.holes.remove(hole)

    def _fill(self, first: int, last: int) -> bool:
        for i, (start, end) in enumerate(self.holes):
            if start <= first and last <= end:
                del self.holes[i]
                rest = ((start, first - 1), (last + 1, end))
                self.holes.extend(hole for hole in rest if hole[0] <= hole[1])
                return True
        return False

    def _follow_unordered(self, trade_id: int | str) -> int | None:
        recovered = self._recent.get(trade_id)
        if recovered is None:
            self._remember(trade_id, recovered=False)
            return 0
        if recovered:
            return None
        raise OutOfSequence(f"trade {trade_id} was told before: a repeat, dropped")

    def _remember(self, trade_id: int | str, *, recovered: bool) -> None:
        if len(self._order) >= MAX_RECENT_IDS:
            del self._recent[self._order.popleft()]
        self._recent[trade_id] = recovered
        self._order.append(trade_id)


def _span(trade: TradeEvent) -> tuple[int, int] | None:
    if trade.aggregate and isinstance(trade.id, int):
        return trade.id, trade.id
    if trade.first_id is None or trade.last_id is None:
        return None
    return trade.first_id, trade.last_id


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

    A diff that is ``sequenced`` continues whatever is older than it.
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

    @property
    def waiting(self) -> bool:
        """Whether diffs wait for a snapshot."""
        return bool(self._waiting)

    def lose(self) -> None:
        """There is no book any more; diffs wait for the next snapshot."""
        self.last_id = None

    def skip(self, diff: BookDiff) -> None:
        """A diff did not reach the book: where numbers are the connection's, no later one tells."""
        if diff.sequenced:
            self.lose()

    def forget_waiting(self) -> None:
        """What waits is older than the snapshot that comes."""
        self._waiting.clear()

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
        continues = continues or diff.sequenced
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
