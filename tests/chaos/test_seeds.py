"""A thousand seeds of disturbance, one digest: what the embedded broker may do changes nothing.

A failure names its seeds; ``python -m tests.chaos.seeds SEED...`` runs them again.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from agents.runtime.folds import DimensionFold
from agents.runtime.offsets import Unapplied
from tests.chaos import inside
from tests.chaos.market import FRAMES, Market, short_market
from tests.chaos.seeds import AT_ONCE, Scenario, failures, failures_of, random_of

SEEDS = range(1_000)
BLOCK = 50
"""Seeds of one process: Faust lets go of none of its apps, each of them 0.7 MB."""


@pytest.fixture(scope="module")
def market() -> Market:
    return short_market()


def late_restarts(role: str) -> list[int]:
    """Seeds that end one role late in the market, when it has snapshots, and no other."""
    scenarios = ((seed, Scenario.of(random_of(seed))) for seed in SEEDS)
    return [
        seed
        for seed, (names, restarts) in scenarios
        if len(names) == 2 and all(n > FRAMES * 0.6 and w == role for n, w in restarts.items())
    ]


def test_a_sample_of_seeds_gives_one_digest(market: Market) -> None:
    assert asyncio.run(failures(market, range(AT_ONCE))) == {}


@pytest.mark.chaos
def test_a_thousand_seeds_give_one_digest() -> None:
    blocks = [SEEDS[first : first + BLOCK] for first in range(0, len(SEEDS), BLOCK)]
    fresh = get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=fresh, max_tasks_per_child=1) as processes:
        found = list(processes.map(failures_of, blocks))
    assert {seed: text for block in found for seed, text in block.items()} == {}


def test_workers_that_forget_what_they_snapshotted_are_found_out(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DimensionFold, "decode", lambda fold, data: fold.initial())
    seeds = late_restarts("worker")[:3]
    assert set(asyncio.run(failures(market, seeds))) == set(seeds)


def test_accounts_that_skip_what_waits_for_its_turn_are_found_out(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_unread(unapplied: object, tp: object, applied: object, otherwise: int) -> int:
        return otherwise

    monkeypatch.setattr(Unapplied, "first", first_unread)
    monkeypatch.setattr(inside, "PATIENCE_S", 5.0)  # what was skipped never comes
    assert asyncio.run(failures(market, late_restarts("execution")[:5]))
