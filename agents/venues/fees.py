"""In what a fee was paid, as far as the account's books are concerned."""

from __future__ import annotations

from enum import StrEnum

from schemas.frame import ContractKind, Side, contract_kind


class FeeIn(StrEnum):
    """Where a fee was taken from."""

    ACCOUNT = "account"
    """The account's own currency."""
    BOUGHT = "bought"
    """What a spot purchase brought: there is so much less of it."""
    OTHER = "other"
    """A coin that the account does not book (BNB at Binance, MNT at Bybit)."""


def fee_in(currency: str, *, account_currency: str, symbol: str, side: Side) -> FeeIn:
    """What a fee in ``currency`` is to an account, of a trade of a unified symbol.

    >>> fee_in("BNB", account_currency="USDT", symbol="BTC/USDT", side=Side.BUY).value
    'other'
    """
    if currency == account_currency:
        return FeeIn.ACCOUNT
    spot = contract_kind(symbol) is ContractKind.SPOT
    if spot and side is Side.BUY and currency == symbol.partition("/")[0]:
        return FeeIn.BOUGHT
    return FeeIn.OTHER
