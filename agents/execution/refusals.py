"""Why a signal cannot become orders: one small rule each, in this order, the first answer counts.

These come before there is a size; what limits risk is in ``rules/``, one file each.

A refusal names the rule, the limit and the value, and becomes a rejected order on the orders topic.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from schemas.frame import ContractKind, contract_kind
from schemas.signal import SignalKind


class Situation(msgspec.Struct, frozen=True):
    """What the rules look at: the signal's wish and where the account stands."""

    symbol: str
    kind: SignalKind
    account_currency: str
    held_qty: Decimal
    working_order: str | None


Rule = Callable[[Situation], str | None]


def contract(now: Situation) -> str | None:
    """Inverse contracts earn coin; this account does not book coin."""
    if contract_kind(now.symbol) is ContractKind.INVERSE:
        return f"contract: {now.symbol} settles in coin, the account in {now.account_currency}"
    return None


def currency(now: Situation) -> str | None:
    """The symbol must settle in the account's currency."""
    settles_in = settlement_currency(now.symbol)
    if settles_in != now.account_currency:
        return f"currency: {now.symbol} settles in {settles_in}, not in {now.account_currency}"
    return None


def working(now: Situation) -> str | None:
    """One order of a symbol at a time."""
    if now.working_order is not None:
        return f"working: order {now.working_order} is not done yet"
    return None


def position(now: Situation) -> str | None:
    """The side that is asked for must not be open already, and an exit needs something open."""
    match now.kind:
        case SignalKind.EXIT if not now.held_qty:
            return "position: nothing is open"
        case SignalKind.LONG if now.held_qty > 0:
            return f"position: already long {now.held_qty}"
        case SignalKind.SHORT if now.held_qty < 0:
            return f"position: already short {abs(now.held_qty)}"
        case _:
            return None


def spot(now: Situation) -> str | None:
    """On a spot market, what is not held cannot be sold."""
    selling = now.kind is SignalKind.SHORT and not now.held_qty
    if selling and contract_kind(now.symbol) is ContractKind.SPOT:
        return "spot: what is not held cannot be sold"
    return None


RULES: tuple[Rule, ...] = (contract, currency, working, position, spot)


def refusal(now: Situation) -> str | None:
    """The first rule's answer, or ``None``: the signal may become orders."""
    return next((text for rule in RULES if (text := rule(now)) is not None), None)


def settlement_currency(symbol: str) -> str:
    """Currency that a unified symbol settles in.

    >>> settlement_currency("BTC/USDT"), settlement_currency("BTC/USD:BTC-240927")
    ('USDT', 'BTC')
    """
    pair, _, settle = symbol.partition(":")
    return settle.partition("-")[0] if settle else pair.partition("/")[2]
