"""From parts to one score."""

from __future__ import annotations

import math
from collections.abc import Iterable

from agents.indicators.clamp import clamp


def blend(parts: Iterable[tuple[float, float | None]]) -> float | None:
    """Weighted mean of (weight, value) pairs; what is ``None`` is left out, its weight spread.

    >>> blend([(0.5, 1.0), (0.25, None), (0.5, 0.0)]), blend([(1.0, None)])
    (0.5, None)
    """
    total = weights = 0.0
    for weight, value in parts:
        if value is not None:
            total += weight * value
            weights += weight
    return total / weights if weights > 0.0 else None


def ready_share(parts: Iterable[tuple[float, float | None]]) -> float:
    """Share of the weight whose value is ready, in [0, 1].

    >>> ready_share(((0.6, 1.0), (0.2, None), (0.2, None)))
    0.6
    """
    total = weights = 0.0
    for weight, value in parts:
        total += weight
        if value is not None:
            weights += weight
    return weights / total


def blend_ready(
    parts: Iterable[tuple[float, float | None]],
) -> tuple[float | None, float]:
    """What :func:`blend` and :func:`ready_share` say of the same parts.

    >>> blend_ready(((0.6, 1.0), (0.2, None), (0.2, None)))
    (1.0, 0.6)
    """
    total = weights = whole = 0.0
    for weight, value in parts:
        whole += weight
        if value is not None:
            total += weight * value
            weights += weight
    return (total / weights if weights > 0.0 else None), weights / whole


def squash(value: float | None, *, gain: float = 1.0) -> float | None:
    """``tanh(gain * value)``: any real to [-1, 1], ``None`` to ``None``.

    >>> squash(0.0), squash(None)
    (0.0, None)
    """
    return None if value is None else math.tanh(gain * value)


def score(lean: float | None) -> float | None:
    """A lean in [-1, 1] as a score: ``50 + 50 * lean``, held to [0, 100].

    >>> score(-0.5), score(None)
    (25.0, None)
    """
    if lean is None:
        return None
    value = 50.0 + 50.0 * lean
    if 0.0 <= value <= 100.0:
        return value
    return clamp(value, 0.0, 100.0)


def scores(leans: Iterable[float | None]) -> list[float | None]:
    """What :func:`score` says of each lean; of four at once it costs half.

    >>> scores((-0.5, None))
    [25.0, None]
    """
    return [
        50.0 + 50.0 * lean if lean is not None and -1.0 <= lean <= 1.0 else score(lean)
        for lean in leans
    ]
