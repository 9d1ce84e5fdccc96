"""The truth of accounts as plain values, for tests in another process."""

from __future__ import annotations

from typing import Any

from streams.simulator.exchange.times import iso
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.conditional import Conditional
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.orders import Fill, Order


def accounts_of(desk: Desk) -> dict[str, Any]:
    """All accounts of one venue by name; no key and no secret is among it. Numbers are exact."""
    return {account.name: account_value(account) for account in desk.accounts.values()}


def account_value(account: Account) -> dict[str, Any]:
    """One account: every order and fill that there was, and what it holds now."""
    return {
        "balances": {asset: str(held) for asset, held in account.wallet.items()},
        "positions": {
            symbol: {
                "qty": str(position.qty),
                "entry": str(position.entry),
                "leverage": position.leverage,
                "isolated": position.isolated,
                "realised": str(position.realised),
            }
            for symbol, position in account.positions.items()
        },
        "orders": [_order(order) for order in account.orders.values()],
        "conditionals": [_conditional(each) for each in account.conditionals.values()],
        "fills": [_fill(fill) for fill in account.fills],
        "incomes": [
            {
                "kind": income.kind,
                "symbol": income.symbol,
                "asset": income.asset,
                "amount": str(income.amount),
                "time": iso(income.time_ns),
            }
            for income in account.incomes
        ],
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "client_id": order.client_id,
        "symbol": order.symbol,
        "side": order.side.name.lower(),
        "kind": order.ticket.kind.name.lower(),
        "force": order.ticket.force.name.lower(),
        "reduce_only": order.ticket.reduce_only,
        "price": None if order.price is None else str(order.price),
        "qty": str(order.qty),
        "filled": str(order.filled),
        "status": order.status,
        "forced": order.forced,
        "ended_by": order.ended_by,
        "created": iso(order.created_ns),
    }


def _conditional(each: Conditional) -> dict[str, Any]:
    return {
        "id": each.id,
        "client_id": each.client_id,
        "symbol": each.symbol,
        "side": each.ticket.side.name.lower(),
        "kind": each.kind,
        "trigger": str(each.trigger.price),
        "qty": str(each.ticket.qty),
        "status": each.status,
        "order_id": None if each.order is None else each.order.id,
        "failure": each.failure,
    }


def _fill(fill: Fill) -> dict[str, Any]:
    return {
        "id": fill.id,
        "order_id": fill.order_id,
        "client_id": fill.client_id,
        "symbol": fill.symbol,
        "side": fill.side.name.lower(),
        "price": str(fill.price),
        "qty": str(fill.qty),
        "fee": str(fill.fee),
        "fee_asset": fill.fee_asset,
        "realised": str(fill.realised),
        "maker": fill.maker,
        "time": iso(fill.time_ns),
    }
