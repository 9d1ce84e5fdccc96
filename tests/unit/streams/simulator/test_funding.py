"""Funding rate and mark price by hand."""

from __future__ import annotations

import math
from statistics import median

import pytest

from schemas.frame import NS_PER_S
from streams.simulator.market.funding import FUNDING_NS, Funding

HOUR_NS = 3600 * NS_PER_S


def test_next_funding_is_at_the_next_eight_hours_and_moves_on() -> None:
    funding = Funding(HOUR_NS, cap=0.0075)
    assert funding.next_ns == FUNDING_NS
    funding.update(FUNDING_NS, index=100.0, bid=99.0, ask=101.0, last=100.0)
    assert funding.next_ns == 2 * FUNDING_NS


def test_rate_follows_the_weighted_average_of_the_premium() -> None:
    funding = Funding(0, cap=0.0075)
    premiums = [0.002, 0.001, -0.001]
    for second, premium in enumerate(premiums):
        bid = 100.0 * (1.0 + premium)
        funding.update(second * NS_PER_S, index=100.0, bid=bid, ask=bid, last=100.0)
    average = (1 * 0.002 + 2 * 0.001 - 3 * 0.001) / 6
    assert funding.rate == pytest.approx(average + min(max(0.0001 - average, -0.0005), 0.0005))


def test_no_premium_gives_the_interest_and_a_huge_one_the_cap() -> None:
    funding = Funding(0, cap=0.003)
    funding.update(0, index=100.0, bid=99.9, ask=100.1, last=100.0)
    assert funding.rate == pytest.approx(0.0001)
    for second in range(1, 100):
        funding.update(second * NS_PER_S, index=100.0, bid=105.0, ask=105.1, last=105.0)
    assert funding.rate == 0.003


def test_the_average_starts_anew_at_funding() -> None:
    funding = Funding(0, cap=0.0075)
    for second in range(100):
        funding.update(second * NS_PER_S, index=100.0, bid=101.0, ask=101.0, last=101.0)
    funding.update(FUNDING_NS, index=100.0, bid=100.0, ask=100.0, last=100.0)
    assert funding.rate == pytest.approx(0.0001)


def test_mark_is_the_median_of_three() -> None:
    funding = Funding(4 * HOUR_NS, cap=0.0075)
    funding.update(4 * HOUR_NS, index=100.0, bid=100.1, ask=100.3, last=107.0)
    rate = 0.001 - 0.0005
    prices = (100.0 * (1.0 + rate / 2.0), 100.0 + 0.2 / 60.0, 107.0)
    assert funding.mark == pytest.approx(median(prices))
    assert math.isclose(funding.rate, rate)
