"""Positions move by fills only, each booked once, and the money adds up to the last digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.ledger import Ledger
from schemas.frame import Side
from tests.support.messages import SYMBOL, VENUE, fill_of

KEY = f"{VENUE}:{SYMBOL}"


def test_a_long_is_reduced_at_average_cost_and_then_turned() -> None:
    ledger = Ledger(balance=Decimal(1000))
    ledger.apply(fill_of(Side.BUY, "100", "1", trade_id="1"))
    ledger.apply(fill_of(Side.BUY, "110", "1", trade_id="2", fee="0.5"))
    ledger.apply(fill_of(Side.SELL, "120", "3", trade_id="3"))
    holding = ledger.holdings[KEY]
    assert holding.qty == -1
    assert holding.average_price == 120
    assert holding.realised_pnl == 30  # two units, bought at 105 on average
    assert ledger.balance == Decimal("1029.5")
    assert ledger.available() == Decimal("909.5")


def test_a_trade_id_is_booked_once() -> None:
    ledger = Ledger(balance=Decimal(1000))
    fill = fill_of(Side.BUY, "100", "1", trade_id="same", fee="1")
    assert ledger.apply(fill)
    assert not ledger.apply(fill)
    assert ledger.holdings[KEY].qty == 1
    assert ledger.balance == 999


fills = st.lists(
    st.tuples(
        st.sampled_from([Side.BUY, Side.SELL]),
        st.integers(1, 10_000),
        st.integers(1, 50),
        st.integers(0, 5),
    ),
    max_size=30,
)


@given(fills)
def test_balance_equals_cash_flow_once_everything_is_closed(
    trades: list[tuple[Side, int, int, int]],
) -> None:
    ledger = Ledger(balance=Decimal(1_000_000))
    cash = Fraction(1_000_000)
    held = 0
    for i, (side, price, qty, fee) in enumerate(trades):
        ledger.apply(fill_of(side, str(price), str(qty), trade_id=str(i), fee=str(fee)))
        cash -= side * price * qty + fee
        held += side * qty
        assert ledger.holdings[KEY].qty == held
    if held:
        side = Side.SELL if held > 0 else Side.BUY
        ledger.apply(fill_of(side, "77", str(abs(held)), trade_id="last"))
        cash -= side * 77 * abs(held)
    assert ledger.open_cost() == 0
    assert float(Fraction(ledger.balance)) == pytest.approx(float(cash), abs=1e-20)
