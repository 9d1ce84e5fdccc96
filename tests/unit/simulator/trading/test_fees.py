"""What a fill costs: what a venue tells of it is what its wallet pays, to the last digit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.frame import Side
from streams.simulator.exchange.trading.fees import Fee, fee_of
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.terms import BINANCE, BYBIT, Terms
from tests.support.desk import Stage


@pytest.mark.parametrize(("coins", "asset"), [("1", "BTC"), ("0.00001", "USDT"), ("0", "USDT")])
def test_a_fee_is_paid_in_a_coin_only_where_there_is_enough_of_it(coins: str, asset: str) -> None:
    stage = Stage()
    balances = {"USDT": Decimal(1_000), "BTC": Decimal(coins)}
    key = ApiKey(name="b", key="k2", secret="s", fee_coin="BTC", balances=balances)
    stage.account = stage.desk.open(key)
    order = stage.order(Side.BUY, "1", None)
    assert [fill.fee_asset for fill in order.fills] == [asset]
    assert all(held >= 0 for held in stage.account.wallet.values())


@pytest.mark.parametrize(
    ("terms", "fee"), [(BINANCE, Decimal("4.99437073")), (BYBIT, Decimal("4.9943707347"))]
)
def test_a_fee_is_taken_in_whole_steps_where_the_wire_format_has_no_more_digits(
    terms: Terms, fee: Decimal
) -> None:
    paid = fee_of(
        terms, Stage("BTC/USDT").listing, Side.SELL,
        qty=Decimal("0.08081"), price=Decimal("61803.87"), maker=False,
    )  # fmt: skip
    assert paid == Fee(fee, "USDT")
