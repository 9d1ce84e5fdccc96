"""A sample of the randomised live runs; ``python -m tests.chaos.live_runs`` runs more."""

from __future__ import annotations

import asyncio

import pytest

from tests.chaos.live_runs import one_run
from tests.support.simulated import KEY


@pytest.mark.parametrize("seed", [1, 2])
def test_orders_trades_and_positions_equal_the_exchanges_truth_after_faults_and_kills(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = asyncio.run(one_run(seed))
    assert counts["orders"] > 3
    assert counts["trades"] > 0
    told = capsys.readouterr()
    assert KEY.secret not in told.out + told.err
    assert "signature=" not in told.out + told.err


def test_orders_trades_and_coins_equal_the_truth_on_bybits_spot() -> None:
    counts = asyncio.run(one_run(1, "bybit:BTC/USDT"))
    assert counts["orders"] > 3
    assert counts["conditionals"] > 0
    assert counts["trades"] > 0
