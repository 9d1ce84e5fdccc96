"""How far the recent frames of a symbol can be trusted, and what is wrong with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from schemas.frame import NS_PER_S, Frame, Quality

MAX_SKEW_NS = 500_000_000
"""All parts of a frame should lie within 500 ms of each other (spec, feeds: atomic view)."""

MAX_SILENCE_NS = 10 * NS_PER_S
"""Heartbeats come at least once per score interval; a longer time without frames is an outage."""

_LN2 = math.log(2.0)
FORGOTTEN = 1e-6
"""A defect that has decayed to this is gone."""

UNVERIFIABLE = 0.1
"""Where ids are no sequence, a loss would not be seen."""


class Defects(msgspec.Struct):
    """What is wrong, by cause: the share of trust that each takes away, 0 to 1."""

    gaps: float = 0.0
    age: float = 0.0
    skew: float = 0.0
    ids: float = 0.0


NO_DEFECTS = Defects()
ONLY_UNVERIFIABLE = Defects(ids=UNVERIFIABLE)


@dataclass
class Fitness:
    """Trust in [0, 1]: falls at once with a bad frame, recovers with a half-life of event time.

    ``fitness = (1 - gaps) (1 - age) (1 - skew) (1 - ids)``; each defect is the larger of the newest
    frame's own (:func:`frame_defects`) and the one before, halved every ``half_life_s`` seconds. So
    a defect never raises fitness, then or later. Warm-up: none. Cost per update: O(1), 1 us.

    >>> from schemas.frame import Frame
    >>> def frame(seq, quality):
    ...     return Frame("v", "s", 1, seq, seq - 1, seq, True, 0, 0, quality=quality)
    >>> f = Fitness()
    >>> f.update(frame(1, Quality(book_synced=True)))
    1.0
    >>> f.update(frame(2, Quality(book_synced=True, missing_ids=1, ids_verifiable=False)))
    0.45
    >>> f.update(frame(3, Quality(book_synced=False))), f.defects.gaps
    (0.0, 1.0)
    """

    half_life_s: float = 30.0
    defects: Defects = NO_DEFECTS
    seen_ns: int | None = None
    seen: tuple[int, int] | None = None
    """Epoch and number of the newest frame."""

    def update(self, frame: Frame) -> float:
        """Fitness after one frame."""
        seen, seen_ns = self.seen, self.seen_ns
        if seen is None or seen[0] != frame.epoch:
            lost = frame.quality.declared_hole
        else:  # what the log lacks before this frame, whether the feed declared it or not
            lost = frame.seq - seen[1] - 1
        silence_ns = 0 if seen_ns is None else frame.open_ns - seen_ns
        if lost < 0:
            lost = 0
        now = frame_defects(frame.quality, lost_frames=lost, silence_ns=silence_ns)
        before = self.defects
        # What is as it was before needs no fading: of two equals the newer is the larger.
        if before is not NO_DEFECTS and before != now and seen_ns is not None:
            elapsed_s = (frame.close_ns - seen_ns) / NS_PER_S
            keep = math.exp(-_LN2 * elapsed_s / self.half_life_s)
            gaps, age, skew, ids = now.gaps, now.age, now.skew, now.ids
            if before.gaps > gaps:
                gaps = _faded(before.gaps * keep, gaps)
            if before.age > age:
                age = _faded(before.age * keep, age)
            if before.skew > skew:
                skew = _faded(before.skew * keep, skew)
            if before.ids > ids:
                ids = _faded(before.ids * keep, ids)
            now = Defects(gaps, age, skew, ids)
        self.defects = now
        self.seen_ns = frame.close_ns
        self.seen = (frame.epoch, frame.seq)
        if now is NO_DEFECTS:
            return 1.0
        return (1.0 - now.gaps) * (1.0 - now.age) * (1.0 - now.skew) * (1.0 - now.ids)

    def named(self) -> tuple[tuple[str, float], ...]:
        """The defects that there are, with their names."""
        if self.defects is NO_DEFECTS:
            return ()
        now = self.defects
        pairs = (("gaps", now.gaps), ("age", now.age), ("skew", now.skew), ("ids", now.ids))
        return tuple([pair for pair in pairs if pair[1] > 0.0])


def _faded(left: float, now: float) -> float:
    """What is left of a defect, unless the frame's own is larger or it is forgotten."""
    return now if left <= now or left <= FORGOTTEN else left


def frame_defects(quality: Quality, *, lost_frames: int = 0, silence_ns: int = 0) -> Defects:
    """What is wrong with one frame alone.

    - ``gaps``: 1 without a synchronised book, otherwise 1 less the product of 1/(1 + n) over
      missing ids, rejected messages, book resyncs and frames lost before it;
    - ``age``: 1 less the product of 1/2 per stale channel and, after a silence of more than 10 s,
      10 s over the silence;
    - ``skew``: 1 less the bound of 500 ms over the skew of book against tape, beyond that bound;
    - ``ids``: 0.1 where trade ids cannot be verified.
    """
    skewed = quality.skew_ns is not None and abs(quality.skew_ns) > MAX_SKEW_NS
    if (
        quality.book_synced
        and not skewed
        and not (quality.missing_ids or quality.rejects or quality.resyncs or quality.stale)
        and not lost_frames
        and silence_ns <= MAX_SILENCE_NS
    ):
        return NO_DEFECTS if quality.ids_verifiable else ONLY_UNVERIFIABLE
    whole = 0.0
    if quality.book_synced:
        whole = 1.0 / (1 + quality.missing_ids) / (1 + quality.rejects)
        whole = whole / (1 + quality.resyncs) / (1 + lost_frames)
    fresh: float = 0.5 ** len(quality.stale)
    if silence_ns > MAX_SILENCE_NS:
        fresh *= MAX_SILENCE_NS / silence_ns
    together = 1.0
    if quality.skew_ns is not None and skewed:
        together = MAX_SKEW_NS / abs(quality.skew_ns)
    ids = 0.0 if quality.ids_verifiable else UNVERIFIABLE
    return Defects(1.0 - whole, 1.0 - fresh, 1.0 - together, ids)
