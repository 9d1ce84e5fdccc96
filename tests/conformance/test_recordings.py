"""On a real market the scores of orderbook and orderflow say something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from schemas.settings import FramesSettings
from streams.recordings import sources_from
from tests.golden.sources import golden_paths

LATEST_READY_S = 90


@pytest.mark.needs_market_data
@pytest.mark.parametrize("name", ["orderbook", "orderflow"])
def test_components_are_ready_in_time_and_use_the_range(name: str, market_data: Path) -> None:
    (recording,) = sources_from(golden_paths(market_data, "BTC_usdm_20240808"))
    machine = DimensionMachine(registry.create(name, {}))
    state = machine.initial()
    frames = recording.frames(FramesSettings())
    ticks = [score for frame in frames if (score := machine.step(state, frame)) is not None]
    for i, spec in enumerate(machine.dimension.components):
        seen = [score.components[i].score for score in ticks]
        ready = [value for value in seen if value is not None]
        assert None not in seen[LATEST_READY_S:], spec.name
        low, high = np.percentile(ready, (5, 95))
        assert low < 35.0, (spec.name, low)
        assert high > 60.0, (spec.name, high)
        # Not stuck at an end: less than a tenth of the time beyond 2 or 98.
        assert np.mean([value < 2.0 or value > 98.0 for value in ready]) < 0.1, spec.name
