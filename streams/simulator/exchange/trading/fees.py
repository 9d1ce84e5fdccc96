"""What a fill costs, and in which asset that is paid."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from schemas.frame import ContractKind, Side
from schemas.money import CONTEXT, floor_to_step
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.prices import mark_price
from streams.simulator.exchange.trading.terms import Terms

_COIN_STEP = Decimal("1E-8")


class Fee(NamedTuple):
    """An amount, and the asset that it is in."""

    amount: Decimal
    asset: str


def fee_of(
    terms: Terms, listing: Listing, side: Side, *, qty: Decimal, price: Decimal, maker: bool
) -> Fee:
    """The fee of a fill: of a contract in its settle asset, of spot in what is received."""
    rules = listing.rules
    spot = rules.kind is ContractKind.SPOT
    fees = terms.spot_fees if spot else terms.contract_fees
    in_base = spot and side is Side.BUY
    fee = fees.of(qty if in_base else CONTEXT.multiply(qty, price), maker=maker)
    if terms.fee_step is not None:
        fee = floor_to_step(fee, terms.fee_step)
    return Fee(fee, rules.base if in_base else rules.settle or rules.quote)


def in_coin(fee: Fee, coin: str, listings: Iterable[Listing], *, price: Decimal) -> Fee:
    """The same fee paid in another coin, at that coin's price, in whole steps; as it was where the
    coin is not listed. ``price`` is that of the fill, for a fee in what was bought.
    """
    for listing in listings:
        rules = listing.rules
        quoted = rules.settle or rules.quote
        if rules.base != coin:
            continue
        worth = fee.amount if fee.asset == quoted else CONTEXT.multiply(fee.amount, price)
        return Fee(floor_to_step(CONTEXT.divide(worth, mark_price(listing)), _COIN_STEP), coin)
    return fee
