"""Disturbances that a broker may inflict without breaking its promises, all from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

REBALANCE_ONE_IN = 50
"""One fetch with records in so many is followed by a rebalance that nobody asked for."""
REDELIVER_ONE_IN = 2
"""One partition in so many starts too early after a rebalance."""


class Disturbance:
    """How the embedded broker batches, interleaves, redelivers and rebalances.

    ``Disturbance(None)`` disturbs nothing. With a seed, the decisions are a fixed sequence. What it
    does a real broker may do as well: every record of a partition still comes, in order, at least
    once.

    >>> Disturbance(None).batch(500)
    500
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self._random = None if seed is None else Random(seed)

    def batch(self, limit: int) -> int:
        """How many records a fetch returns at most: 1 to ``limit``, few as often as many."""
        if self._random is None:
            return limit
        return min(limit, int(2 ** self._random.uniform(0, limit.bit_length())))

    def order(self, partitions: Sequence[T]) -> Sequence[T]:
        """The order in which a fetch serves partitions."""
        if self._random is None:
            return partitions
        return self._random.sample(partitions, len(partitions))

    def start(self, position: int, *, begin: int) -> int:
        """Where a partition starts after a rebalance: at ``position``, or anywhere before it."""
        if self._random is None or self._random.randrange(REDELIVER_ONE_IN):
            return position
        return self._random.randint(min(begin, position), position)

    def rebalances(self) -> bool:
        """Whether a rebalance comes now that nobody asked for."""
        return self._random is not None and not self._random.randrange(REBALANCE_ONE_IN)
