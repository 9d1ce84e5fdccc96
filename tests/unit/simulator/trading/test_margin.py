"""Margin tiers, positions and liquidation prices, against independent arithmetic."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from schemas.frame import Side
from streams.simulator.exchange.trading.margin import (
    TIERS,
    available,
    initial,
    liquidation_price,
    maintenance,
    tier_of,
)
from streams.simulator.exchange.trading.position import Position
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.trading.settings import move_margin, set_isolated, set_leverage
from tests.support.desk import Stage


def test_maintenance_grows_without_a_jump_from_tier_to_tier() -> None:
    for below, above in pairwise(TIERS):
        assert below.cap == above.floor
        assert (
            below.cap * below.rate - below.deduction == above.floor * above.rate - above.deduction
        )
        assert below.leverage > above.leverage
        assert below.rate < above.rate
    # A margin as the sum of what each tier adds, without any deduction.
    notional = Decimal(20_000_000)
    parts = sum(
        ((min(notional, t.cap) - t.floor) * t.rate for t in TIERS if t.floor < notional), Decimal(0)
    )
    tier = tier_of(notional)
    assert notional * tier.rate - tier.deduction == parts


_prices = st.integers(1, 10**6).map(lambda ticks: Decimal(ticks) / 10)
_trades = st.lists(st.tuples(st.integers(-5_000, 5_000).filter(bool), _prices), max_size=20)


@given(trades=_trades, mark=_prices)
@settings(max_examples=200, deadline=None)
def test_realised_and_unrealised_profit_are_the_cash_and_what_is_held(
    trades: list[tuple[int, Decimal]], mark: Decimal
) -> None:
    position = Position(listing=Stage().listing, leverage=20)
    earned, cash, held = Fraction(0), Fraction(0), Fraction(0)
    for steps, price in trades:
        qty = Decimal(steps) / 1000
        earned += Fraction(position.trade(qty, price))
        cash -= Fraction(qty) * Fraction(price)
        held += Fraction(qty)
    assert Fraction(position.qty) == held
    profit = earned + Fraction(position.unrealised(mark))
    assert abs(profit - (cash + held * Fraction(mark))) < Fraction(1, 10**20)
    assert bool(position.entry) == bool(position.qty)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("isolated", [False, True])
def test_at_the_liquidation_price_equity_is_the_maintenance_margin(
    side: Side, isolated: bool
) -> None:
    stage = Stage(usdt="80")
    set_leverage(stage.desk, stage.account, stage.listing, 10)
    if isolated:
        set_isolated(stage.desk, stage.account, stage.listing, isolated=True)
    stage.mark("100")
    stage.order(side, "4", None)
    price = liquidation_price(stage.account, stage.position)
    assert (price - stage.position.entry) * side < 0
    stage.mark(str(price))
    wallet = stage.position.isolated_wallet if isolated else stage.account.wallet["USDT"]
    equity = wallet + stage.position.unrealised(price)
    assert equity == pytest.approx(maintenance(stage.position), abs=Decimal("1e-20"))
    assert maintenance(stage.position) > 0


def test_initial_margin_is_the_worse_of_what_may_become() -> None:
    stage = Stage()
    stage.mark("100")
    stage.order(Side.BUY, "2", "90")
    stage.order(Side.BUY, "1", "95")
    assert initial(stage.account, stage.listing) == Decimal(275) / 20
    stage.order(Side.SELL, "4", "110")
    assert initial(stage.account, stage.listing) == Decimal(440) / 20
    free = available(stage.account, "USDT")
    assert free == Decimal(100_000) - 22
    stage.order(Side.BUY, "3", None)
    # Held 3 at 100: all buys make 575, all sells -140.
    assert initial(stage.account, stage.listing) == Decimal(575) / 20
    stage.order(Side.SELL, "5", "112")
    assert initial(stage.account, stage.listing) == Decimal(440 + 560 - 300) / 20


def test_leverage_and_modes_are_refused_where_they_would_not_carry() -> None:
    stage = Stage(usdt="30")
    stage.mark("100")
    with pytest.raises(Rejected) as refused:
        set_leverage(stage.desk, stage.account, stage.listing, 126)
    assert refused.value.reason is Reason.LEVERAGE
    stage.order(Side.BUY, "4", "100.0")
    with pytest.raises(Rejected) as refused:
        set_leverage(stage.desk, stage.account, stage.listing, 2)
    assert refused.value.reason is Reason.INSUFFICIENT_FUNDS
    assert stage.position.leverage == 20
    with pytest.raises(Rejected) as refused:
        set_isolated(stage.desk, stage.account, stage.listing, isolated=True)
    assert refused.value.reason is Reason.MARGIN_MODE_ORDERS
    with pytest.raises(Rejected) as refused:
        move_margin(stage.desk, stage.account, stage.listing, Decimal(1))
    assert refused.value.reason is Reason.MARGIN_NOT_ISOLATED


def test_isolated_margin_goes_in_with_the_position_and_comes_back_with_it() -> None:
    stage = Stage()
    stage.mark("100.1")
    set_isolated(stage.desk, stage.account, stage.listing, isolated=True)
    stage.order(Side.BUY, "4", None)
    assert stage.position.isolated_wallet == Decimal("400.4") / 20
    move_margin(stage.desk, stage.account, stage.listing, Decimal(10))
    assert stage.position.isolated_wallet == Decimal("30.02")
    with pytest.raises(Rejected):
        move_margin(stage.desk, stage.account, stage.listing, Decimal("-10.01"))
    stage.order(Side.SELL, "1", None, reduce_only=True)
    assert stage.position.isolated_wallet == Decimal("30.02") * 3 / 4
    stage.order(Side.SELL, "3", None, reduce_only=True)
    assert stage.position.isolated_wallet == 0
