"""How Binance spot tells of orders, fills and balances, by REST and on the user-data stream."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from schemas.frame import Side
from schemas.money import CONTEXT
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.conditional import Conditional, Waiting
from streams.simulator.exchange.trading.events import Execution
from streams.simulator.exchange.trading.orders import ZERO, Fill, Force, Kind, Order, Ticket
from streams.simulator.exchange.venues.binance.futures_messages import EXECUTIONS, FORCES, STATUSES

Placed: TypeAlias = Order | Conditional

_WAITING = {
    Waiting.NEW: "NEW",
    Waiting.TRIGGERED: "NEW",
    Waiting.FINISHED: "FILLED",
    Waiting.CANCELLED: "CANCELED",
    Waiting.REJECTED: "EXPIRED",
    Waiting.EXPIRED: "EXPIRED",
}


def money(value: Decimal) -> str:
    """Eight digits behind the point."""
    return f"{value + ZERO:.8f}"


def order_value(placed: Placed, account: Account, clock: MarketClock) -> dict[str, Any]:
    """An order as queries tell it, waiting or not."""
    value = _state(placed, account) | {
        "icebergQty": money(ZERO),
        "time": clock.stamp_ms(placed.created_ns),
        "updateTime": clock.stamp_ms(placed.updated_ns),
        "isWorking": isinstance(placed, Order),
        "workingTime": clock.stamp_ms(placed.created_ns) if isinstance(placed, Order) else -1,
    }
    return {"stopPrice": money(ZERO)} | value


def placed_value(
    placed: Placed, account: Account, clock: MarketClock, *, full: bool
) -> dict[str, Any]:
    """An order as the answer to its placing tells it, ``full`` with its fills."""
    at_ms = clock.stamp_ms(placed.created_ns)
    value = _state(placed, account) | {"transactTime": at_ms, "workingTime": at_ms}
    if full:
        fills = placed.fills if isinstance(placed, Order) else []
        value["fills"] = [
            {
                "price": money(fill.price),
                "qty": money(fill.qty),
                "commission": money(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.id,
            }
            for fill in fills
        ]
    return value


def cancelled_value(placed: Placed, account: Account, clock: MarketClock) -> dict[str, Any]:
    """An order as the answer to its cancelling tells it: the client id is the cancel's own."""
    return _state(placed, account) | {
        "origClientOrderId": placed.client_id,
        "clientOrderId": cancel_id(placed),
        "transactTime": clock.stamp_ms(placed.updated_ns),
    }


def cancel_id(placed: Placed) -> str:
    """The client id of a cancel that was given none."""
    return f"cancel-{placed.id}"


def fill_value(fill: Fill, symbol: str, clock: MarketClock) -> dict[str, Any]:
    """One of the account's trades."""
    return {
        "symbol": symbol,
        "id": fill.id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": money(fill.price),
        "qty": money(fill.qty),
        "quoteQty": money(CONTEXT.multiply(fill.qty, fill.price)),
        "commission": money(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": clock.stamp_ms(fill.time_ns),
        "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def report(
    placed: Placed,
    account: Account,
    execution: Execution,
    fill: Fill | None,
    clock: MarketClock,
) -> dict[str, Any]:
    """``executionReport``."""
    state = _state(placed, account)
    cancelled = execution is Execution.CANCELLED
    at_ms = clock.stamp_ms(placed.updated_ns)
    value: dict[str, Any] = {
        "e": "executionReport",
        "E": clock.now_ms(),
        "s": state["symbol"],
        "c": cancel_id(placed) if cancelled else placed.client_id,
        "S": state["side"],
        "o": state["type"],
        "f": state["timeInForce"],
        "q": state["origQty"],
        "p": state["price"],
        "P": state.get("stopPrice", money(ZERO)),
        "F": money(ZERO),
        "g": -1,
        "C": placed.client_id if cancelled else "",
        "x": EXECUTIONS[execution],
        "X": state["status"],
        "r": "NONE",
        "i": placed.id,
        "l": money(ZERO),
        "z": state["executedQty"],
        "L": money(ZERO),
        "n": "0",
        "N": None,
        "T": at_ms,
        "t": -1,
        "I": placed.id,
        "w": isinstance(placed, Order) and placed.open,
        "m": False,
        "M": False,
        "O": clock.stamp_ms(placed.created_ns),
        "Z": state["cummulativeQuoteQty"],
        "Y": money(ZERO),
        "Q": state["origQuoteOrderQty"],
        "W": clock.stamp_ms(placed.created_ns),
        "V": "NONE",
    }
    if fill is not None:
        value |= {
            "l": money(fill.qty),
            "L": money(fill.price),
            "n": money(fill.fee),
            "N": fill.fee_asset,
            "t": fill.id,
            "m": fill.maker,
            "Y": money(CONTEXT.multiply(fill.qty, fill.price)),
        }
    return value


def balances(account: Account, assets: list[str]) -> list[tuple[str, Decimal, Decimal]]:
    """Asset, what of it is free, and what open orders lock."""
    rows = []
    for asset in assets:
        locked = account.locked(asset)
        held = account.wallet.get(asset, ZERO)
        rows.append((asset, CONTEXT.subtract(held, locked), locked))
    return rows


def _state(placed: Placed, account: Account) -> dict[str, Any]:
    ticket, listing = placed.ticket, placed.ticket.listing
    if isinstance(placed, Order):
        price, qty, filled, spent = placed.price, placed.qty, placed.filled, placed.spent
        status, origin = STATUSES[placed.status], account.conditionals.get(placed.id)
    else:
        price, qty, filled, spent = ticket.price, ticket.qty, ZERO, ZERO
        status, origin = _WAITING[placed.status], placed
    value = {
        "symbol": listing.venue_id,
        "orderId": placed.id,
        "orderListId": -1,
        "clientOrderId": placed.client_id,
        "price": money(price or ZERO),
        "origQty": money(qty),
        "executedQty": money(filled),
        "origQuoteOrderQty": money(ticket.spend or ZERO),
        "cummulativeQuoteQty": money(spent),
        "status": status,
        "timeInForce": "GTC" if ticket.force is Force.POST_ONLY else FORCES[ticket.force],
        "type": _type(ticket) if origin is None else origin.kind,
        "side": ticket.side.name,
        "selfTradePreventionMode": "NONE",
    }
    return value if origin is None else value | {"stopPrice": money(origin.trigger.price)}


def _type(ticket: Ticket) -> str:
    if ticket.kind is Kind.MARKET:
        return "MARKET"
    return "LIMIT_MAKER" if ticket.force is Force.POST_ONLY else "LIMIT"
