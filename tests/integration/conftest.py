"""Fixtures of the integration tests."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.support import nexo_day as nexo
from tests.support.once import once


@pytest.fixture(scope="session")
def nexo_day(market_data: Path, run_folder: Path) -> nexo.NexoDay:
    """The day of NEXO, played once in a run of the tests, whoever asks first."""
    return nexo.NexoDay(once(run_folder / "nexo-day", partial(nexo.play, market_data)))
