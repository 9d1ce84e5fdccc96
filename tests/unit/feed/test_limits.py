"""Backoff and the budget of requests, by a clock that the test holds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.settings import FeedSettings
from streams.exchanges.venue import venue_of
from streams.feed.backoff import Backoff
from streams.feed.budget import Budget
from streams.feed.counters import Counters
from streams.feed.receiver import Receiver

SECOND = 1_000_000_000


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


@given(st.floats(0.01, 5), st.floats(5, 100), st.integers(1, 60))
def test_the_first_attempt_is_soon_and_none_waits_longer_than_the_bound(
    first_s: float, most_s: float, failures: int
) -> None:
    backoff = Backoff(first_s=first_s, most_s=most_s)
    assert backoff.next_s() <= first_s
    assert all(0 <= backoff.next_s() <= most_s for _ in range(failures))
    backoff.reset()
    assert backoff.next_s() <= first_s


def test_waits_grow_and_differ_between_clients() -> None:
    backoffs = [Backoff(first_s=0.5, most_s=60) for _ in range(200)]
    waits = [[backoff.next_s() for backoff in backoffs] for _ in range(8)]
    means = [sum(wait) / len(wait) for wait in waits]
    assert means[7] > 10 * means[0]
    assert len({round(wait, 6) for wait in waits[7]}) > 150


def test_what_the_venue_asks_for_is_waited_for_at_least() -> None:
    assert 30 <= Backoff(first_s=0.5, most_s=60).next_s(at_least_s=30) <= 30.5


def test_the_budget_gives_what_there_is_and_refills_by_the_minute() -> None:
    clock = Clock()
    budget = Budget(600, clock=clock)
    assert budget.wait_s(600) == 0
    asyncio.run(budget.take(600))
    assert budget.wait_s(10) == pytest.approx(1.0)
    clock.ns += SECOND
    assert budget.wait_s(10) == pytest.approx(0.0)


def test_what_can_wait_leaves_half_to_the_others() -> None:
    clock = Clock()
    budget = Budget(600, clock=clock)
    asyncio.run(budget.take(300))
    assert budget.wait_s(10) == 0
    assert budget.wait_s(10, spare=True) == pytest.approx(1.0)


def test_a_refusal_closes_it_for_everyone_until_the_venue_allows() -> None:
    clock = Clock()
    budget = Budget(600, clock=clock)
    budget.pause(7)
    budget.pause(2)
    assert budget.wait_s(1) == pytest.approx(7.0)
    assert budget.closed_s() == pytest.approx(7.0)
    clock.ns += 7 * SECOND
    assert budget.wait_s(1) == 0


def test_more_than_there_ever_is_waits_for_a_full_budget_only() -> None:
    assert Budget(60, clock=Clock()).wait_s(500) == 0


@pytest.mark.parametrize(
    ("venue", "bars", "past"),
    [("hyperliquid", 20 + 17, 20 + 25), ("binanceusdm", 5, 3), ("bybit", 1, 3)],
)
def test_history_costs_what_the_venue_counts_for_it(venue: str, bars: float, past: float) -> None:
    nobody: Any = None
    listener = Receiver(
        venue_of(venue), counters=Counters("feed"), on_dead_letter=lambda _letter: None
    )
    transport = venue_of(venue).open(FeedSettings(history_bars=1000), nobody, listener)
    assert (transport.weight("bars"), transport.weight("past")) == (bars, past)


@pytest.mark.parametrize(("status", "limited"), [(200, [None]), (429, [])])
def test_a_refusal_that_comes_as_a_reply_like_any_other_closes_the_budget_too(
    status: int, limited: list[None]
) -> None:
    nobody: Any = None
    heard: list[float | None] = []
    listener = Receiver(
        venue_of("bybit"), counters=Counters("feed"), on_dead_letter=lambda _letter: None
    )
    listener.on_refused = heard.append
    made: Any = venue_of("bybit").open(FeedSettings(), nobody, listener)
    said = {"retCode": 10006, "retMsg": "Too many visits!"}
    with pytest.raises(ccxt.RateLimitExceeded):
        made.exchange.handle_errors(status, "", "", "GET", {}, json.dumps(said), said, {}, None)
    assert heard == limited  # a status of its own is told with the reply's Retry-After
