"""Live against paper: pairs of the same leg, costs by an independent computation."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.paper_drift import Account, drift, summary
from schemas.frame import NS_PER_S, Side
from schemas.order import Fill, Order, OrderStatus, OrderType
from tests.support.messages import SYMBOL, VENUE, fill_of


def account_of(
    name: str, *fills: tuple[str, str, str, Side, str, str, str], late_s: int = 0
) -> Account:
    """An account with fills of (trade, signal, leg, side, price, qty, fee)."""
    orders, done = [], list[Fill]()
    for trade, signal, leg, side, price, qty, fee in fills:
        id_ = f"{name}{signal}{leg}"
        orders.append(
            Order(
                id_, 0, name, VENUE, SYMBOL, NS_PER_S, OrderStatus.INTENT, side, OrderType.MARKET,
                Decimal(qty), Decimal(0), False, signal, leg, 1, "",
            )
        )  # fmt: skip
        fill = fill_of(side, price, qty, trade_id=f"{name}{trade}", fee=fee)
        done.append(
            msgspec.structs.replace(
                fill, client_order_id=id_, tick_ns=fill.tick_ns + late_s * NS_PER_S
            )
        )
    return orders, done


def test_a_pair_says_by_how_much_live_was_worse_of_a_purchase_and_of_a_sale() -> None:
    buy, sell = Side.BUY, Side.SELL
    live = account_of(
        "live", ("1", "s", "open", buy, "100.10", "1", "0.05"),
        ("2", "s", "stop", sell, "99", "1", "0"),
        ("3", "t", "open", buy, "5", "1", "0"), late_s=2,
    )  # fmt: skip
    paper = account_of(
        "paper", ("1", "s", "open", buy, "100", "2", "0.2"),
        ("2", "s", "stop", sell, "99", "2", "0"),
        ("3", "u", "open", sell, "7", "1", "0"),
    )  # fmt: skip
    found = {(one.signal_id, one.leg): one for one in drift(live, paper)}
    entry = found["s", "open"]
    assert (entry.price_bps, entry.price_cost) == (Decimal("10.0000"), Decimal("0.10"))
    assert found["s", "stop"].price_cost == 0
    assert found["t", "open"].paper is None
    assert found["u", "open"].live is None
    total = summary(list(found.values()))
    assert (total.pairs, total.only_live, total.only_paper) == (2, 1, 1)
    # 0.10 on one unit at 100 and one at 99.
    assert total.price_bps == Decimal("5.0251")
    assert entry.live is not None
    assert entry.paper is not None
    assert entry.live.first_ns - entry.paper.first_ns == 2 * NS_PER_S


def test_a_sale_below_the_paper_price_is_a_cost() -> None:
    live = account_of("live", ("1", "s", "close", Side.SELL, "99", "1", "0"))
    paper = account_of("paper", ("1", "s", "close", Side.SELL, "100", "1", "0"))
    (one,) = drift(live, paper)
    assert (one.price_bps, one.price_cost) == (Decimal("100.0000"), Decimal(1))


def test_nothing_was_traded() -> None:
    assert drift(([], []), ([], [])) == []
    assert summary([]).price_bps is None


PRICES = st.decimals("0.01", "100000", places=2)
QTYS = st.decimals("0.001", "1000", places=3)
PARTS = st.lists(st.tuples(PRICES, QTYS), min_size=1, max_size=5)


@given(live=PARTS, paper=PARTS, side=st.sampled_from(Side))
def test_the_cost_is_that_of_fractions_and_turns_with_the_sides_of_the_comparison(
    live: list[tuple[Decimal, Decimal]], paper: list[tuple[Decimal, Decimal]], side: Side
) -> None:
    def made(name: str, parts: list[tuple[Decimal, Decimal]]) -> Account:
        rows = [(str(i), "s", "open", side, str(p), str(q), "0") for i, (p, q) in enumerate(parts)]
        return account_of(name, *rows)

    def mean(parts: list[tuple[Decimal, Decimal]]) -> tuple[Fraction, Fraction]:
        qty = sum((Fraction(q) for _, q in parts), Fraction(0))
        return sum((Fraction(p) * Fraction(q) for p, q in parts), Fraction(0)) / qty, qty

    (one,) = drift(made("live", live), made("paper", paper))
    (back,) = drift(made("paper", paper), made("live", live))
    (there, there_qty), (here, here_qty) = mean(live), mean(paper)
    expected = int(side) * (there - here) * min(there_qty, here_qty)
    assert float(one.price_cost) == pytest.approx(float(expected), abs=1e-12)
    assert back.price_cost == one.price_cost.copy_negate()
    (same,) = drift(made("live", live), made("paper", live))
    assert same.price_cost == 0
    assert same.price_bps == 0
