"""Positions move by fills only, each booked once, and the money adds up to the last digit."""

from __future__ import annotations

from decimal import Decimal, Inexact
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.ledger import TRADE_IDS_KEPT, Ledger
from schemas.frame import Side
from schemas.order import Funding
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


def test_trade_ids_are_told_apart_by_symbol_and_known_again_for_long() -> None:
    ledger = Ledger(balance=Decimal(1000))
    one = fill_of(Side.BUY, "1", "1", trade_id="1")
    assert ledger.apply(one)
    assert ledger.apply(msgspec.structs.replace(one, symbol="ETH/USDT:USDT"))
    for number in range(3 * TRADE_IDS_KEPT):
        last = fill_of(Side.BUY, "1", "1", trade_id=f"more{number}")
        assert ledger.apply(last)
        if number < TRADE_IDS_KEPT:
            assert not ledger.apply(one)
        assert len(ledger.trade_ids) + len(ledger.older_trade_ids) < 2 * TRADE_IDS_KEPT
    assert not ledger.apply(last)


def test_a_funding_payment_moves_the_balance_once_and_no_position() -> None:
    ledger = Ledger(balance=Decimal(1000))
    paid = Funding("f1", "paper", VENUE, SYMBOL, 1, Decimal("-0.25"), "USDT")
    assert ledger.fund(paid)
    assert not ledger.fund(paid)
    assert ledger.balance == Decimal("999.75")
    assert ledger.holdings[KEY].funding == Decimal("-0.25")
    assert ledger.open_count() == 0


def test_an_amount_that_would_have_to_be_rounded_is_an_error() -> None:
    ledger = Ledger(balance=Decimal("1E+50"))
    with pytest.raises(Inexact):
        ledger.apply(fill_of(Side.BUY, "1", "1", trade_id="1", fee="1E-50"))


amounts = st.decimals("0.00000001", "99999.99999999", places=8)
events = st.lists(
    st.tuples(
        st.sampled_from([Side.BUY, Side.SELL]),
        amounts,
        amounts,
        st.decimals("-5", "5", places=12),
        st.booleans(),
    ),
    max_size=40,
)


@given(events)
def test_the_balance_equals_an_independent_sum_of_fills_fees_and_funding_to_the_last_decimal(
    told: list[tuple[Side, Decimal, Decimal, Decimal, bool]],
) -> None:
    ledger = Ledger(balance=Decimal(1_000_000))
    cash, held, paid = Fraction(1_000_000), Fraction(0), Fraction(0)
    for i, (side, price, qty, amount, is_funding) in enumerate(told):
        if is_funding:
            ledger.fund(Funding(str(i), "paper", VENUE, SYMBOL, 1, amount, "USDT"))
            cash += Fraction(amount)
        else:
            ledger.apply(
                fill_of(side, str(price), str(qty), trade_id=str(i), fee=format(amount, "f"))
            )
            cash -= side * Fraction(price) * Fraction(qty) + Fraction(amount)
            held += side * Fraction(qty)
            paid += Fraction(amount)
        holding = ledger.holdings[KEY]
        open_side = -1 if holding.qty < 0 else 1
        assert Fraction(holding.qty) == held
        assert Fraction(holding.fees) == paid
        assert Fraction(ledger.balance) == cash + open_side * Fraction(holding.cost)
        assert holding.cost >= 0
        assert int(holding.cost.as_tuple().exponent) >= -18  # digits do not grow without end
        if not held:
            assert Fraction(ledger.balance) == cash
