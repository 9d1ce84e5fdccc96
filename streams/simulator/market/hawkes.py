"""Arrivals that excite one another: a multivariate Hawkes process with exponential kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

_ROUNDS = 200


class Kernel(NamedTuple):
    """Excitement that fades by ``decay_per_s``.

    ``jumps[cause][effect]`` is by how much an arrival of kind ``cause`` lifts the intensity of kind
    ``effect`` at once, in arrivals per second. It so causes ``jumps / decay_per_s`` arrivals.
    """

    decay_per_s: float
    jumps: Sequence[Sequence[float]]


def kernel_of(decay_per_s: float, brings: Sequence[Sequence[float]]) -> Kernel:
    """A kernel by the number of arrivals of each kind that one of each kind brings."""
    return Kernel(decay_per_s, tuple(tuple(n * decay_per_s for n in row) for row in brings))


class Hawkes:
    """Arrival times of several kinds.

    The intensity of kind ``i`` is the ``base[i]`` plus, over all kernels and all arrivals before,
    ``jumps[kind of the arrival][i] * exp(-decay * age)``. ``base`` may be changed at any time
    between calls. Arrivals follow by Ogata's thinning (1981), which is exact while the base stands
    still. Cost per candidate: kinds × kernels multiplications.

    Raises ``ValueError`` if arrivals cause one arrival or more each on average (spectral radius of
    Σ jumps / decay), since they would never end.
    """

    def __init__(self, rng: Random, base: Sequence[float], kernels: Sequence[Kernel]) -> None:
        self.base = list(base)
        self._rng = rng
        self._kernels = tuple(kernels)
        self._excited = [[0.0] * len(base) for _ in kernels]
        self._since_s = 0.0
        ratio = branching_ratio(kernels)
        if ratio >= 1.0:
            raise ValueError(f"each arrival causes {ratio:.3f} more: must be below 1")

    def next_before(self, until_s: float) -> tuple[float, int] | None:
        """Time in seconds and kind of the next arrival before ``until_s``.

        ``None`` if there is none; time has then gone on to ``until_s``. Times count from 0 and must
        not go back.
        """
        rng = self._rng
        base = self.base
        base_total = math.fsum(base)
        now_s = self._since_s
        while True:
            bound = base_total
            for excited in self._excited:
                for value in excited:
                    bound += value
            if bound <= 0.0:
                self._fade(until_s)
                return None
            now_s += -math.log(1.0 - rng.random()) / bound
            if now_s >= until_s:
                self._fade(until_s)
                return None
            self._fade(now_s)
            mark = rng.random() * bound
            for kind, value in enumerate(base):
                mark -= value
                for excited in self._excited:
                    mark -= excited[kind]
                if mark < 0.0:
                    self.excite(kind)
                    return now_s, kind

    def excited(self, kind: int) -> float:
        """What arrivals so far add to the base of a kind now, per second."""
        return math.fsum(excited[kind] for excited in self._excited)

    def excite(self, kind: int) -> None:
        """Count an arrival, now; the process's own are counted already."""
        for excited, kernel in zip(self._excited, self._kernels, strict=True):
            for effect, jump in enumerate(kernel.jumps[kind]):
                excited[effect] += jump

    def _fade(self, now_s: float) -> None:
        age_s = now_s - self._since_s
        self._since_s = now_s
        for i, kernel in enumerate(self._kernels):
            factor = math.exp(-kernel.decay_per_s * age_s)
            self._excited[i] = [value * factor for value in self._excited[i]]


def branching_ratio(kernels: Sequence[Kernel]) -> float:
    """Arrivals that one causes on average, directly: the spectral radius of Σ jumps / decay.

    >>> branching_ratio([Kernel(2.0, [[1.0]])])
    0.5
    """
    size = len(kernels[0].jumps) if kernels else 0
    matrix = [
        [math.fsum(k.jumps[i][j] / k.decay_per_s for k in kernels) for j in range(size)]
        for i in range(size)
    ]
    # Of a matrix without negative entries the power iteration finds it; the identity added keeps
    # it from circling.
    vector, norm = [1.0] * size, 0.0
    for _ in range(_ROUNDS):
        vector = [
            vector[i] + math.fsum(matrix[i][j] * vector[j] for j in range(size))
            for i in range(size)
        ]
        norm = max(vector, default=1.0)
        vector = [value / norm for value in vector]
    return norm - 1.0 if size else 0.0
