"""What was read of bars that did not change is kept, and is what would be read anew."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from schemas.frame import NS_PER_S, Frame
from tests.support.bars import MINUTE_NS, chance_table, full_history, trade_frame, with_takers

KEPT = {
    "volume": ("read_at", "readings"),
    "price_structure": ("read_at", "readings"),
    "technical": ("viewed_at", "views"),
    "sentiment": ("viewed_at", "views"),
}


def ticks(start_ns: int) -> list[Frame]:
    """A tick a second for four minutes; trades in every seventh."""
    frames = []
    for i in range(240):
        at_ns = start_ns + i * NS_PER_S
        if i % 7 == 0:
            frame = trade_frame(at_ns, 10_000 + i % 13, seq=i)
        else:
            frame = Frame("v", "s", 1, i, at_ns, at_ns + 1_000_000, True, 1, 0)
        frames.append(msgspec.structs.replace(frame, seq=i, is_tick=True))
    return frames


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_read_is_what_would_be_read_anew(name: str) -> None:
    at, what = KEPT[name]
    machine = DimensionMachine(registry.create(name, {}))
    keeps, forgets = machine.initial(), machine.initial()
    for given in full_history(with_takers(chance_table(300, 2), 3)):
        machine.backfill(keeps, given)
        machine.backfill(forgets, given)
    kept: Any = None
    reused = 0
    for frame in ticks(240 * 240 * MINUTE_NS):
        setattr(forgets.inner, at, -1)
        assert machine.step(keeps, frame) == machine.step(forgets, frame)
        reused += getattr(keeps.inner, what) is kept
        kept = getattr(keeps.inner, what)
    assert 150 < reused < 240 - 34  # most of the silent ticks, none of those with trades
