"""Series for tests: made by chance beside a market, and mirrored."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import msgspec

from schemas.frame import Frame
from schemas.series import Series, SeriesName

Values = Sequence[tuple[int, float]]

_MIRRORED_NAME = {
    SeriesName.LONG_LIQUIDATIONS: SeriesName.SHORT_LIQUIDATIONS,
    SeriesName.SHORT_LIQUIDATIONS: SeriesName.LONG_LIQUIDATIONS,
}


def series(
    name: SeriesName, values: Values, *, key: tuple[str, str] = ("generated", "TEST/USDT:USDT")
) -> Series:
    """A message with these (time, value) pairs, known when the last of them was."""
    at_ns = tuple(at for at, _ in values)
    return Series(*key, name, "test", at_ns[-1], at_ns, tuple(value for _, value in values))


def mirrored_series(given: Series) -> Series:
    """The series in the mirrored market: who is long is short, who is greedy fears."""
    value = tuple(_mirrored_value(given.name, value) for value in given.value)
    name = _MIRRORED_NAME.get(given.name, given.name)
    return msgspec.structs.replace(given, name=name, value=value)


def _mirrored_value(name: SeriesName, value: float) -> float:
    match name:
        case SeriesName.FEAR_GREED:
            return 100.0 - value
        case SeriesName.NEWS | SeriesName.SOCIAL | SeriesName.FUNDING_RATE:
            return -value
        case SeriesName.LONG_SHORT_RATIO:
            return 1.0 / value
        case (
            SeriesName.OPEN_INTEREST | SeriesName.LONG_LIQUIDATIONS | SeriesName.SHORT_LIQUIDATIONS
        ):
            return value


def with_series(frames: Sequence[Frame], seed: int, *, every: int = 20) -> Iterator[Frame | Series]:
    """The frames, with three values of every series before each ``every``-th of them."""
    rng = random.Random(f"series {seed}")
    for i, frame in enumerate(frames):
        if i % every == 0:
            for name in SeriesName:
                times = [frame.open_ns - k * 60_000_000_000 for k in (2, 1, 0)]
                yield series(name, [(at_ns, _chance(rng, name)) for at_ns in times])
        yield frame


def _chance(rng: random.Random, name: SeriesName) -> float:
    match name:
        case SeriesName.FEAR_GREED:
            return float(rng.randrange(0, 101))
        case SeriesName.NEWS | SeriesName.SOCIAL:
            return rng.uniform(-1.0, 1.0)
        case SeriesName.FUNDING_RATE:
            return rng.gauss(0.0, 3e-4)
        case SeriesName.LONG_SHORT_RATIO:
            return math.exp(rng.gauss(0.0, 0.3))
        case SeriesName.OPEN_INTEREST:
            return rng.uniform(900_000.0, 1_100_000.0)
        case SeriesName.LONG_LIQUIDATIONS | SeriesName.SHORT_LIQUIDATIONS:
            return rng.choice((0.0, rng.expovariate(1e-6)))
