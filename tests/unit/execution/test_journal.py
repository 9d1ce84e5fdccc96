"""The journal: round trips made of fills, whose sums are the balance's to the last decimal."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.journal import journal
from agents.execution.ledger import Ledger
from schemas.frame import NS_PER_S, Side
from schemas.order import Fill, Funding, Order, OrderStatus, OrderType
from tests.support.messages import SYMBOL, VENUE, fill_of


def at(second: int, side: Side, price: str, qty: str, *, fee: str = "0", order: str = "o") -> Fill:
    fill = fill_of(side, price, qty, trade_id=f"{second}{side.name}{price}", fee=fee)
    return msgspec.structs.replace(fill, tick_ns=second * NS_PER_S, client_order_id=order)


def paid(second: int, amount: str, *, id_: str = "f") -> Funding:
    return Funding(id_, "paper", VENUE, SYMBOL, second * NS_PER_S, Decimal(amount), "USDT")


def order(id_: str, reason: str, *, version: int = 0) -> Order:
    return Order(
        id_, version, "paper", VENUE, SYMBOL, 1, OrderStatus.INTENT, Side.BUY, OrderType.MARKET,
        Decimal(1), Decimal(0), False, f"signal-{id_}", "open", 1, reason,
    )  # fmt: skip


def test_a_round_trip_has_its_prices_money_times_and_reasons() -> None:
    fills: list[Fill | Funding] = [
        at(1, Side.BUY, "100", "1", fee="0.1", order="a"),
        at(2, Side.BUY, "110", "1", fee="0.1", order="a"),
        paid(3, "-0.5"),
        at(4, Side.SELL, "120", "2", fee="0.2", order="b"),
    ]
    orders = [order("a", "filled", version=1), order("a", "score 70"), order("b", "score 40")]
    (trade,) = journal(orders, [*fills, *fills])  # told twice
    assert (trade.side, trade.qty, trade.fills) == ("long", Decimal(2), 3)
    assert (trade.opened_ns, trade.closed_ns) == (NS_PER_S, 4 * NS_PER_S)
    assert (trade.entry_price, trade.exit_price) == (Decimal(105), Decimal(120))
    money = [trade.gross_pnl, trade.fees, trade.funding]
    assert money == [Decimal(30), Decimal("0.4"), Decimal("-0.5")]
    assert trade.net_pnl == Decimal("29.1")
    assert (trade.reason, trade.exit_reason, trade.signal_id) == (
        "score 70",
        "score 40",
        "signal-a",
    )


def test_a_fill_that_turns_a_position_ends_one_trade_and_begins_the_next() -> None:
    first, second = journal(
        [],
        [
            at(1, Side.SELL, "100", "2", fee="2"),
            at(2, Side.BUY, "90", "3", fee="3"),
        ],
    )
    assert (first.side, first.gross_pnl, first.fees) == ("short", Decimal(20), Decimal(4))
    assert (second.side, second.qty, second.fees) == ("long", Decimal(1), Decimal(1))
    assert (second.closed_ns, second.exit_price) == (None, None)


def test_funding_that_comes_after_the_close_belongs_to_the_last_trade() -> None:
    fills: list[Fill | Funding] = [
        at(1, Side.BUY, "1", "1"),
        at(2, Side.SELL, "1", "1"),
        paid(3, "-0.25"),
    ]
    (trade,) = journal([], fills)
    assert trade.net_pnl == Decimal("-0.25")


amounts = st.decimals("0.00000001", "99999.99999999", places=8)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Side)), amounts, amounts, amounts, st.booleans()),
        min_size=1,
        max_size=25,
    )
)
def test_over_all_trades_net_profit_is_what_the_balance_moved_by(
    told: list[tuple[Side, Decimal, Decimal, Decimal, bool]],
) -> None:
    ledger = Ledger(balance=Decimal(0))
    records: list[Fill | Funding] = []
    for second, (side, price, qty, amount, is_funding) in enumerate(told, start=1):
        if is_funding and records:
            records.append(paid(second, format(-amount, "f"), id_=str(second)))
        else:
            made = at(second, side, format(price, "f"), format(qty, "f"), fee=format(amount, "f"))
            records.append(made)
    for record in records:
        ledger.fund(record) if isinstance(record, Funding) else ledger.apply(record)
    trades = journal([], records)
    assert sum(Fraction(trade.net_pnl) for trade in trades) == Fraction(ledger.balance)
    assert sum(Fraction(trade.fees) for trade in trades) == sum(
        Fraction(record.fee) for record in records if isinstance(record, Fill)
    )
    assert all(trade.qty > 0 for trade in trades)
    assert len([trade for trade in trades if trade.closed_ns is None]) == ledger.open_count()
