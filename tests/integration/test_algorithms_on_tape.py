"""Every algorithm on a real recording with the paper venue: complete, in time, within bounds."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from agents.execution.parents.registry import algorithms
from schemas.execution_quality import ExecutionQuality, Outcome
from schemas.frame import NS_PER_S, Frame, Side
from schemas.money import CONTEXT, floor_to_step
from schemas.settings import Settings
from streams.recordings import sources_from
from tests.golden.sources import golden_paths
from tests.support.trial import Trial, rules_of, run_trial, settings_of, usual_volume

pytestmark = pytest.mark.needs_market_data

HORIZON_S = 30
STARTS = (150, 400, 650, 900)


@pytest.fixture(scope="module")
def frames(market_data: Path) -> list[Frame]:
    (first, *_) = sources_from(golden_paths(market_data, "BTC_usdm_20240808"))
    return list(islice(first.frames(Settings().frames), 1_400))


def worked(frames: list[Frame], name: str, share: str) -> list[ExecutionQuality]:
    """Orders to buy and to sell a share of what is usually traded within the horizon."""
    settings = settings_of(name, horizon_s=HORIZON_S, slice_s=3)
    rules = rules_of(frames, least=Decimal(100))
    usual = usual_volume(frames, settings.algorithms)
    qty = floor_to_step(CONTEXT.multiply(usual, Decimal(share)), rules.qty_step)
    found = [
        run_trial(frames, Trial(start, side, qty), settings, rules)
        for start in STARTS
        for side in Side
    ]
    assert None not in found
    return [worked.whole for worked in found if worked is not None]


@pytest.mark.parametrize("name", ["adaptive", "iceberg", "split", "twap", "vwap"])
def test_it_is_complete_within_its_horizon(frames: list[Frame], name: str) -> None:
    for record in worked(frames, name, "0.05"):
        assert (record.outcome, record.filled_qty) == (Outcome.FILLED, record.qty)
        assert record.last_fill_ns is not None
        assert record.last_fill_ns <= record.began_ns + HORIZON_S * NS_PER_S


def test_participation_stays_within_its_share_of_the_tape(frames: list[Frame]) -> None:
    records = worked(frames, "pov", "0.5")
    assert all(record.filled_qty <= record.market_qty / 10 for record in records)
    assert any(record.filled_qty > 0 for record in records)


@pytest.mark.parametrize("name", sorted(algorithms()))
def test_no_price_is_better_than_the_tape_and_the_book_had(frames: list[Frame], name: str) -> None:
    for record in worked(frames, name, "0.01"):
        if record.average_price is None:
            continue
        during = [f for f in frames if record.began_ns < f.close_ns <= record.tick_ns]
        prices = [f.price(p) for f in during for p in f.trades.price]
        if record.side is Side.BUY:
            bids = [f.price(f.book.bid_price[0]) for f in during if f.book is not None]
            assert record.average_price >= min([*prices, *bids])
        else:
            asks = [f.price(f.book.ask_price[0]) for f in during if f.book is not None]
            assert record.average_price <= max([*prices, *asks])


def test_resting_first_pays_less_in_fees_than_taking(frames: list[Frame]) -> None:
    taken, rested = (worked(frames, name, "0.01") for name in ("market", "twap"))
    assert all(record.maker_qty == 0 for record in taken)
    assert sum(r.fees for r in rested) < sum(r.fees for r in taken)
