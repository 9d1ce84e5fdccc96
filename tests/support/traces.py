"""Everything that the six dimensions say and keep over some markets, as digests.

``python -m tests.support.traces`` prints them with whether the indicators are machine code: what
runs as Python and what runs compiled must print the same.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence

import msgspec

from agents.compiled import is_compiled
from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from schemas.codec import encode
from schemas.frame import Backfill, Frame
from schemas.score import DIMENSIONS
from schemas.series import Series
from tests.support.bars import END_NS, MINUTE_NS, chance_table, full_history, walk, with_takers
from tests.support.markets import random_market
from tests.support.series import with_series

KEEP_EVERY = 250
"""Frames between two looks at what is kept."""

Messages = Sequence[Frame | Backfill | Series]


def markets() -> dict[str, Messages]:
    """Books and trades by the tenth of a second, with gaps; hours of bars after history."""
    table = with_takers(chance_table(300, 7), 8)
    start_ns = END_NS + MINUTE_NS
    late = [
        msgspec.structs.replace(
            frame, open_ns=frame.open_ns + start_ns, close_ns=frame.close_ns + start_ns
        )
        for frame in random_market(5, 2_500, interval_ns=2_000_000_000)
    ]
    return {
        "fast": list(with_series(random_market(1, 3_000), 4)),
        "torn": random_market(2, 1_500, bookless=0.05, one_sided=0.05, quiet=0.5),
        "with history": [*full_history(table), *walk(900, 3)],
        "slow": late,
    }


def digests() -> dict[str, str]:
    """A digest for each dimension and market, over its scores and its states on the way."""
    found = {}
    for market, messages in markets().items():
        for name in sorted(DIMENSIONS):
            found[f"{name}, {market}"] = _digest(name, messages)
    return found


def _digest(name: str, messages: Messages) -> str:
    machine = DimensionMachine(registry.create(name, {}))
    state, found = machine.initial(), hashlib.sha256()
    for i, message in enumerate(messages):
        if isinstance(message, Backfill):
            machine.backfill(state, message)
            continue
        if isinstance(message, Series):
            machine.learn(state, message)
            continue
        for given in machine.apply(state, message):
            found.update(encode(given))
        if i % KEEP_EVERY == 0:
            kept = machine.encode(state)
            found.update(kept)
            state = machine.decode(kept)
    found.update(machine.encode(state))
    return found.hexdigest()


if __name__ == "__main__":
    json.dump({"compiled": is_compiled(), "digests": digests()}, sys.stdout)
