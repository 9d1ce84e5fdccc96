"""Positions, and when they are ruined."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.frame import Side
from streams.simulator.market.positions import Positions

TRADES = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(50, 150), st.integers(1, 9)
    ),
    max_size=60,
)


@given(TRADES)
def test_positions_cancel_out_and_open_interest_is_what_is_long(
    trades: list[tuple[str, str, int, int]],
) -> None:
    positions = Positions(maintenance=0.004)
    for buyer, seller, price, qty in trades:
        positions.trade(buyer, Side.BUY, price, qty)
        positions.trade(seller, Side.SELL, price, qty)
    held = [account.position for account in positions.accounts.values()]
    assert sum(held) == 0
    assert positions.open_interest == sum(position for position in held if position > 0)


@given(TRADES, st.floats(20.0, 400.0))
def test_ruined_are_those_beyond_their_liquidation_price(
    trades: list[tuple[str, str, int, int]], mark: float
) -> None:
    positions = Positions(maintenance=0.004)
    leverages = {"a": 2, "b": 10, "c": 100, "d": None}
    for owner, leverage in leverages.items():
        positions.open(owner, leverage)
    for buyer, seller, price, qty in trades:
        positions.trade(buyer, Side.BUY, price, qty)
        positions.trade(seller, Side.SELL, price, qty)
    expected = []
    for owner, leverage in leverages.items():
        account = positions.accounts[owner]
        if leverage is None or not account.position:
            continue
        room = 1.0 / leverage - 0.004
        if account.position > 0 and mark <= account.entry * (1.0 - room):
            expected.append(owner)
        if account.position < 0 and mark >= account.entry * (1.0 + room):
            expected.append(owner)
    assert sorted(account.owner for account in positions.ruined(mark)) == expected
    assert positions.ruined(mark) == []


def test_entry_is_the_average_of_what_opened_and_the_price_of_what_turned_the_position() -> None:
    positions = Positions(maintenance=0.004)
    positions.trade("a", Side.BUY, 100, 2)
    positions.trade("a", Side.BUY, 106, 1)
    account = positions.accounts["a"]
    assert account.entry == pytest.approx(102.0)
    positions.trade("a", Side.SELL, 120, 1)
    assert account.entry == pytest.approx(102.0)
    positions.trade("a", Side.SELL, 90, 5)
    assert (account.position, account.entry) == (-3, 90)


def test_memory_does_not_grow_with_trades() -> None:
    positions = Positions(maintenance=0.004)
    positions.open("a", 10)
    positions.open("b", 10)
    for _ in range(1_000):
        positions.trade("a", Side.BUY, 100, 1)
        positions.trade("b", Side.SELL, 100, 1)
    assert sum(len(heap) for heap in positions._heaps.values()) <= 20
