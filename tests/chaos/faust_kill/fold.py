"""The lab's state machine: it remembers, as ranges, exactly which numbers it was given.

A symbol's inputs are numbered 0, 1, 2, … so an undisturbed state is the single range
``[0, n]``. A skipped input leaves a hole between two ranges; an input counted twice makes two
ranges overlap. The state therefore names its own history.
"""

import msgspec

Ranges = list[list[int]]

PARTITIONS = 4
SYMBOLS = 16
TABLE = "state"


class Output(msgspec.Struct, frozen=True, array_like=True):
    """What one input caused: its content id ``(symbol, number)`` and the state after it."""

    symbol: str
    number: int
    ranges: Ranges


def symbol_name(index: int) -> str:
    """The key of a symbol."""
    return f"S{index:02d}"


def fold(ranges: Ranges, number: int) -> Ranges:
    """The ranges after ``number`` was taken in.

    >>> fold([[0, 4]], 5)
    [[0, 5]]
    >>> fold([[0, 4]], 3)
    [[0, 4], [3, 3]]
    """
    if ranges and ranges[-1][1] + 1 == number:
        return [*ranges[:-1], [ranges[-1][0], number]]
    return [*ranges, [number, number]]


def skipped(ranges: Ranges) -> set[int]:
    """The numbers up to the highest one that were never taken in."""
    taken = _taken(ranges)
    return set(range(max(taken, default=-1) + 1)) - taken


def doubled(ranges: Ranges) -> set[int]:
    """The numbers that were taken in more than once."""
    twice: set[int] = set()
    seen: set[int] = set()
    for first, last in ranges:
        numbers = set(range(first, last + 1))
        twice |= seen & numbers
        seen |= numbers
    return twice


def _taken(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}
