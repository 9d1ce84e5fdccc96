"""How far the recent frames of a symbol can be trusted."""

from __future__ import annotations

import math

import msgspec

from schemas.frame import NS_PER_S, Quality

MAX_SKEW_NS = 500_000_000
"""All parts of a frame should lie within 500 ms of each other (spec, feeds: atomic view)."""


class Fitness(msgspec.Struct):
    """Trust in [0, 1]: falls at once with a bad frame, recovers with a half-life of event time.

    ``fitness = 1 - d``, where the defect ``d`` is the larger of the newest frame's own and the
    defect before, decayed by half every ``half_life_s`` seconds. Cost per update: O(1).

    >>> f = Fitness()
    >>> f.update(Quality(book_synced=True), 0)
    1.0
    >>> f.update(Quality(book_synced=False), 100_000_000)
    0.0
    """

    half_life_s: float = 30.0
    defect: float = 0.0
    seen_ns: int | None = None

    def update(self, quality: Quality, close_ns: int) -> float:
        """Fitness after one frame."""
        own = 1.0 - frame_fitness(quality)
        before = self.defect
        if before > 0.0 and self.seen_ns is not None:
            elapsed_s = (close_ns - self.seen_ns) / NS_PER_S
            before *= math.exp(-math.log(2.0) * elapsed_s / self.half_life_s)
        self.defect = max(own, before)
        self.seen_ns = close_ns
        return 1.0 - self.defect


def frame_fitness(quality: Quality) -> float:
    """Trust in one frame alone, 0 to 1.

    0 without a synchronised book; otherwise the product of 1/(1 + missing ids), 1/2 per stale
    channel, 1/(1 + rejects), 0.9 where ids cannot be verified, and the part of the skew bound kept.
    """
    if not quality.book_synced:
        return 0.0
    value = 1.0 / (1 + quality.missing_ids) / (1 + quality.rejects)
    value *= 0.5 ** len(quality.stale)
    if not quality.ids_verifiable:
        value *= 0.9
    if quality.skew_ns is not None and abs(quality.skew_ns) > MAX_SKEW_NS:
        value *= MAX_SKEW_NS / abs(quality.skew_ns)
    return value
