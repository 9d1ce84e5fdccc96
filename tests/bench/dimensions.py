"""What a frame costs each dimension, and what a tick does.

Run it alone with ``python -m tests.bench.dimensions``. Frames of a generated market, and of a real
one (BTC USD-M) where there is market data.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from schemas.codec import encode
from schemas.frame import Frame
from schemas.settings import FramesSettings
from streams.recordings import sources_from
from tests.bench.fresh import decoded
from tests.bench.report import Row, table_of
from tests.golden.sources import golden_paths
from tests.support.markets import random_market
from tests.support.needs import market_data_dir

MEASURED = ("orderbook", "orderflow", "technical", "volume", "price_structure", "sentiment")
REPEATS = 5


def main() -> list[Row]:
    """Microseconds per frame and per tick, best of some passes by CPU time."""
    rows = rows_of("generated", random_market(1, 3_000))
    market_data = market_data_dir()
    if (market_data / "recordings").is_dir():
        (recording,) = sources_from(golden_paths(market_data, "BTC_usdm_20240808"))
        rows += rows_of("BTC USD-M", list(recording.frames(FramesSettings())))
    return rows


def rows_of(market: str, frames: Sequence[Frame]) -> list[Row]:
    """The costs of one market's frames."""
    rows = []
    for name in MEASURED:
        plain_us, tick_us, size = cost(name, frames)
        label = f"{name}, {market}"
        rows += [
            Row(f"{label}: frame", plain_us, "µs"),
            Row(f"{label}: tick", tick_us, "µs"),
            Row(f"{label}: state", size, "B"),
        ]
    return rows


def cost(name: str, frames: Sequence[Frame]) -> tuple[float, float, int]:
    """Microseconds of a frame without tick and of one with; bytes of the state in the end.

    Runs of frames between ticks are timed whole, so that the clock's own cost is spread.
    """
    machine = DimensionMachine(registry.create(name, {}))
    best = [float("inf"), float("inf")]
    ticks = sum(frame.is_tick for frame in frames)
    bodies = [encode(frame) for frame in frames]
    for _ in range(REPEATS):
        state, frames = machine.initial(), decoded(bodies)
        spent = [0.0, 0.0]
        clock = time.process_time
        started = clock()
        for frame in frames:
            if frame.is_tick:
                middle = clock()
                machine.step(state, frame)
                ended = clock()
                spent[0] += middle - started
                spent[1] += ended - middle
                started = ended
            else:
                machine.step(state, frame)
        spent[0] += clock() - started
        best = [min(old, new) for old, new in zip(best, spent, strict=True)]
    size = len(machine.encode(state))
    return best[0] / (len(frames) - ticks) * 1e6, best[1] / ticks * 1e6, size


if __name__ == "__main__":
    Console().print(table_of([("dimensions", row) for row in main()]))
