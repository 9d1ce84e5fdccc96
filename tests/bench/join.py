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
from schemas.score import DIMENSIONS, DimensionScore
from schemas.settings import settings_from
from tests.bench.report import Row, table_of
from tests.support.markets import random_market

REPEATS = 5
FRAMES = 12_000
SECOND_NS = 1_000_000_000


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
    return [Row("join of six dimensions", best / ticks * 1e6, "µs"), Row("state", size, "B")]


def _scores() -> list[DimensionScore]:
    """Scores of all dimensions, tick by tick, from a market in slow motion, so that bars are.

    A dimension that is not there is played by the technical one.
    """
    known = registry.dimensions()
    machines = {
        name: DimensionMachine(registry.create(name if name in known else "technical", {}))
        for name in DIMENSIONS
    }
    states = {name: machine.initial() for name, machine in machines.items()}
    found = []
    for frame in random_market(1, FRAMES, interval_ns=SECOND_NS):
        for name, machine in machines.items():
            score = machine.step(states[name], frame)
            if score is not None:
                found.append(msgspec.structs.replace(score, dimension=name))
    return found


if __name__ == "__main__":
    Console().print(table_of(("join", row) for row in main()))
