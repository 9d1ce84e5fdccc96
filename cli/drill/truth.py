"""The simulated exchange's own books, in the terms in which an account of ours keeps its ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from agents.execution.account_state import Lot
from schemas.frame import ContractKind, Side
from schemas.money import CONTEXT
from schemas.order import COIN_FEE
from schemas.order import Fill as LedgerFill
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.orders import ZERO, Fill


class Trade(NamedTuple):
    """A trade as both sides can tell it; ``fee`` is in the account's currency."""

    symbol: str
    client_order_id: str
    trade_id: str
    price: Decimal
    qty: Decimal
    fee: Decimal


def in_ledger(fill: LedgerFill) -> Trade:
    """A trade of the ledger's."""
    return Trade(
        fill.symbol, fill.client_order_id, fill.trade_id, fill.price, fill.qty, fill.fee
    )  # fmt: skip


def in_truth(fill: Fill, trade_id: str = "") -> list[Trade]:
    """What the ledger has to hold of a true trade; ``trade_id`` where the venue tells another one
    than it keeps.

    A fee in the coin that was bought is so much of it sold at the trade's price, for the fee.
    """
    id_ = trade_id or str(fill.id)
    trade = Trade(fill.symbol, fill.client_id, id_, fill.price, fill.qty, fill.fee)
    if fill.side is Side.SELL or fill.fee_asset != fill.symbol.partition("/")[0]:
        return [trade]
    worth = CONTEXT.multiply(fill.fee, fill.price)
    sold = trade._replace(trade_id=id_ + COIN_FEE, qty=fill.fee, fee=worth)
    return [trade._replace(fee=ZERO), sold]


def held(truth: Account, listing: Listing) -> Decimal:
    """The signed position in a contract; on spot the coins beyond those of the start."""
    rules = listing.rules
    if rules.kind is ContractKind.SPOT:
        at_start = truth.key.balances.get(rules.base, ZERO)
        return CONTEXT.subtract(truth.wallet.get(rules.base, ZERO), at_start)
    position = truth.positions.get(listing.symbol)
    return ZERO if position is None else position.qty


def closable(truth: Account, listing: Listing) -> Decimal:
    """What of it can be closed: dust of a coin is less than the venue takes."""
    qty, rules, bid = held(truth, listing), listing.rules, listing.book.bids.best()
    if rules.kind is not ContractKind.SPOT or bid is None:
        return qty
    return Lot(rules.qty_step, CONTEXT.divide(rules.min_notional, Decimal(bid[0]))).of(qty)
