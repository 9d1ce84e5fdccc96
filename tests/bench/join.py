"""What a tick costs the join, with six dimensions.

Run it alone with ``python -m tests.bench.join``. The scores are those of a generated market.
"""

from __future__ import annotations

import time

import msgspec
from rich.console import Console

from agents.confluence.join import Join, JoinState
from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from schemas.frame import NS_PER_S
from schemas.score import DIMENSIONS, DimensionScore
from schemas.settings import settings_from
from tests.bench.report import Row, table_of
from tests.support.markets import random_market

REPEATS = 5
FRAMES = 12_000


def main() -> list[Row]:
    """Microseconds per tick, best of some passes by CPU time; bytes of the state in the end."""
    scores = _scores()
    settings = settings_from({"dimensions": {"enabled": DIMENSIONS}})
    best, size = float("inf"), 0
    for _ in range(REPEATS):
        join, state = Join(settings), JoinState()
        started = time.process_time()
        for score in scores:
            join.step(state, score)
        best = min(best, time.process_time() - started)
        size = len(join.encode(state))
    ticks = len(scores) / len(DIMENSIONS)
    return [
        Row("join of six dimensions", best / ticks * 1e6, "µs", 60.0, at_most=True),
        Row("state", size, "B"),
    ]


def _scores() -> list[DimensionScore]:
    """Scores of all dimensions, a second apart, from a market in slow motion, so that bars are.

    A dimension that is not there is played by the technical one.
    """
    known = registry.dimensions()
    machines = {
        name: DimensionMachine(registry.create(name if name in known else "technical", {}))
        for name in DIMENSIONS
    }
    states = {name: machine.initial() for name, machine in machines.items()}
    found = []
    for at, frame in enumerate(random_market(1, FRAMES, interval_ns=NS_PER_S)):
        for name, machine in machines.items():
            score = machine.step(states[name], frame)
            if score is not None:
                tick_ns = at // 10 * NS_PER_S
                found.append(msgspec.structs.replace(score, dimension=name, tick_ns=tick_ns))
    return found


if __name__ == "__main__":
    Console().print(table_of(("join", row) for row in main()))
