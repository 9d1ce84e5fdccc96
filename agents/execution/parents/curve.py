"""The volume curve of a symbol: what is usually traded at a time of day (UTC)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from schemas.frame import NS_PER_S, Backfill
from schemas.money import CONTEXT, decimal_of

ZERO = Decimal(0)
_DAY_NS = 86_400 * NS_PER_S
_HALVED_AT = 32
"""Days of a time of day at which its sums are halved: what is older counts for less and less."""
PENDING_KEPT = 4_096
"""Buckets of history that wait for their time: 42 days of a quarter of an hour."""


class Past(msgspec.Struct, frozen=True, array_like=True):
    """What history says of one bucket; it counts for frames that close after ``known_ns``."""

    known_ns: int
    number: int
    qty: Decimal


class VolumeCurve(msgspec.Struct):
    """Means by time of day, of whole buckets only. Bounded by the buckets of a day.

    ``totals`` over ``days`` are the means. ``number`` counts buckets since 1970; the one under way
    has ``qty`` so far and counts in the end if it is ``whole``: seen from its start.
    """

    totals: dict[int, Decimal] = msgspec.field(default_factory=dict)
    days: dict[int, int] = msgspec.field(default_factory=dict)
    number: int = -1
    qty: Decimal = ZERO
    whole: bool = False
    learnt: int = -1
    """The last bucket that counts: none counts twice."""
    pending: list[Past] = msgspec.field(default_factory=list)

    def observe(self, close_ns: int, qty: Decimal, bucket_ns: int) -> None:
        """Take what a frame traded."""
        if self.pending and self.pending[0].known_ns < close_ns:
            self._take_pending(close_ns, bucket_ns)
        number = (close_ns - 1) // bucket_ns
        if number != self.number:
            if self.whole:
                self._count(self.number, self.qty, bucket_ns)
            self.whole = self.number >= 0 and number == self.number + 1
            self.number, self.qty = number, ZERO
        self.qty = CONTEXT.add(self.qty, qty)

    def recall(self, bars: Backfill, bucket_ns: int) -> None:
        """Take history, if its bars make whole buckets; it may be told twice."""
        if bucket_ns % bars.timeframe_ns:
            return
        needed = bucket_ns // bars.timeframe_ns
        found: dict[int, list[Decimal]] = {}
        for open_ns, bar in zip(bars.open_ns, bars.volume, strict=True):
            found.setdefault(open_ns // bucket_ns, []).append(decimal_of(bar))
        known = {past.number for past in self.pending}
        for number, volumes in found.items():
            if len(volumes) == needed and number not in known:
                total = ZERO
                for volume in volumes:
                    total = CONTEXT.add(total, volume)
                self.pending.append(Past(bars.known_ns, number, total))
        self.pending.sort(key=lambda past: (past.known_ns, past.number))
        del self.pending[:-PENDING_KEPT]

    def mean(self, at_ns: int, bucket_ns: int) -> Decimal | None:
        """Usual quantity of the bucket around a time; ``None`` while no day of it is known."""
        slot = at_ns // bucket_ns % (_DAY_NS // bucket_ns)
        days = self.days.get(slot)
        return None if not days else CONTEXT.divide(self.totals[slot], Decimal(days))

    def weights(self, times_ns: Sequence[int], bucket_ns: int) -> list[Decimal] | None:
        """Usual quantities at some times; ``None`` unless all are known and one is above 0."""
        means = [self.mean(at_ns, bucket_ns) for at_ns in times_ns]
        known = [mean for mean in means if mean is not None]
        return known if len(known) == len(means) and any(known) else None

    def _take_pending(self, close_ns: int, bucket_ns: int) -> None:
        due = [past for past in self.pending if past.known_ns < close_ns]
        self.pending = [past for past in self.pending if past.known_ns >= close_ns]
        for past in sorted(due, key=lambda past: past.number):
            self._count(past.number, past.qty, bucket_ns)

    def _count(self, number: int, qty: Decimal, bucket_ns: int) -> None:
        if number <= self.learnt:
            return
        self.learnt = number
        slot = number % (_DAY_NS // bucket_ns)
        self.totals[slot] = CONTEXT.add(self.totals.get(slot, ZERO), qty)
        self.days[slot] = self.days.get(slot, 0) + 1
        if self.days[slot] == _HALVED_AT:
            self.totals[slot] = CONTEXT.divide(self.totals[slot], Decimal(2))
            self.days[slot] //= 2
