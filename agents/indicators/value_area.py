"""The rows of a volume profile that hold most of its volume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

SHARE = 0.70
"""Of the volume: about one standard deviation, the custom of Market Profile (Steidlmayer)."""

TIE = 1e-9
"""Rows whose volumes differ by less than this part of the whole are alike: rounding has no say."""


class AreaRows(NamedTuple):
    """Rows of a value area: ``low`` to ``high``, around the point of control.

    The point of control is one row, ``poc_low == poc_high``, unless two are alike in everything.
    """

    low: int
    poc_low: int
    poc_high: int
    high: int


def value_area(
    volumes: Sequence[float], *, share: float = SHARE, whole: float | None = None
) -> AreaRows | None:
    """The value area of a profile, given the volume of each row from the lowest price up.

    **POC** is the row of most volume; of several the one nearest the middle of the profile; two
    alike at the same distance make it together with what lies between. **Expansion**: from the POC
    outwards one row at a time, always to the larger neighbour, both if they are alike, until
    ``share`` of the volume is held; empty rows are passed over. The mirrored profile thus gives the
    mirrored area. ``None`` without volume. ``whole`` is their sum, if it is known. Cost: O(rows).
    Source: py-market-profile (the row at a time, the middle as tie-break); it takes the upper row
    where this takes both.

    >>> value_area([1.0, 2.0, 6.0, 4.0, 0.0, 1.0])
    AreaRows(low=2, poc_low=2, poc_high=2, high=3)
    >>> value_area([2.0, 3.0, 2.0]), value_area([0.0, 0.0])
    (AreaRows(low=0, poc_low=1, poc_high=1, high=2), None)
    """
    whole = math.fsum(volumes) if whole is None else whole
    if whole <= 0.0:
        return None
    slack = TIE * whole
    poc_low, poc_high = _point_of_control(volumes, slack)
    occupied, inner = _occupied(volumes)
    # Beyond either end nothing is larger than anything.
    neighbours = [-math.inf, *inner, -math.inf]
    low = high = occupied.index(poc_low) + 1
    held = volumes[poc_low]
    if poc_high > poc_low:
        high = occupied.index(poc_high) + 1
        held = math.fsum(volumes[poc_low : poc_high + 1])
    enough = share * whole - slack
    widest = len(occupied) - 1
    under, over = neighbours[low - 1], neighbours[high + 1]
    while held < enough and high - low < widest:
        if under < over - slack:
            high += 1
            held += over
            over = neighbours[high + 1]
        elif over < under - slack:
            low -= 1
            held += under
            under = neighbours[low - 1]
        else:
            low, high = low - 1, high + 1
            held += under
            held += over
            under, over = neighbours[low - 1], neighbours[high + 1]
    return AreaRows(occupied[low - 1], poc_low, poc_high, occupied[high - 1])


def _occupied(volumes: Sequence[float]) -> tuple[Sequence[int], Sequence[float]]:
    """Rows that hold volume, and it; mostly all but the two outer ones do: that needs no search."""
    end = len(volumes)
    first, last = 0 if volumes[0] > 0.0 else 1, end if volumes[-1] > 0.0 else end - 1
    inner = volumes[first:last]
    if inner and min(inner) > 0.0:
        return range(first, last), inner
    found = [i for i, volume in enumerate(volumes) if volume > 0.0]
    return found, [volumes[i] for i in found]


def _point_of_control(volumes: Sequence[float], slack: float) -> tuple[int, int]:
    most = max(volumes)
    least, peak = most - slack, volumes.index(most)
    if max(volumes[:peak], default=0.0) < least and max(volumes[peak + 1 :], default=0.0) < least:
        return peak, peak
    peaks = [i for i, volume in enumerate(volumes) if volume >= least]
    ends = len(volumes) - 1
    nearest = min(abs(2 * i - ends) for i in peaks)
    central = [i for i in peaks if abs(2 * i - ends) == nearest]
    return central[0], central[-1]
