"""What an error of ccxt says about the request that failed: was it carried out or not?

The table goes by class, the nearest base class counts. What is not in it, and every error that is
not ccxt's (a broken body, a reset), leaves the fate open: the order is looked up by its client id.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import ccxt


class CutShort(Exception):
    """A request ended because another one that shared its work did."""


class Paused(Exception):
    """A request did not leave: the venue wants to be left alone for longer than it may wait."""


class Fate(StrEnum):
    """What became of a request."""

    REJECTED = "rejected"
    """The venue said no; nothing was done."""
    LATER = "later"
    """Limits: nothing was done, and nobody asks for a while."""
    UNKNOWN = "unknown"
    """Perhaps it was carried out: look it up."""
    HALT = "halt"
    """Nothing was done, and nothing will be until a person has mended it."""


TABLE: Mapping[type[Exception], Fate] = {
    ccxt.InsufficientFunds: Fate.REJECTED,
    ccxt.InvalidOrder: Fate.REJECTED,
    ccxt.BadRequest: Fate.REJECTED,
    ccxt.ArgumentsRequired: Fate.REJECTED,
    ccxt.NotSupported: Fate.REJECTED,
    ccxt.OperationRejected: Fate.REJECTED,
    ccxt.InvalidNonce: Fate.REJECTED,
    # That an id is known already means that an earlier try has arrived.
    ccxt.DuplicateOrderId: Fate.UNKNOWN,
    # An order that is not found is not one that is not there: the reply may be ahead of the books.
    ccxt.OrderNotFound: Fate.UNKNOWN,
    ccxt.DDoSProtection: Fate.LATER,
    ccxt.RateLimitExceeded: Fate.LATER,
    Paused: Fate.LATER,
    ccxt.AuthenticationError: Fate.HALT,
    ccxt.AccountSuspended: Fate.HALT,
    ccxt.ManualInteractionNeeded: Fate.HALT,
    ccxt.RestrictedLocation: Fate.HALT,
    ccxt.RequestTimeout: Fate.UNKNOWN,
    ccxt.ExchangeNotAvailable: Fate.UNKNOWN,
    ccxt.OperationFailed: Fate.UNKNOWN,
    # Truncated bodies and Bybit's 10000 and 10016 come as the plain class.
    ccxt.ExchangeError: Fate.UNKNOWN,
}
"""By class; measured on ccxt 4.5.90."""

_DUPLICATES = ("-4116", "110072", "Duplicate order sent")
"""How Binance USD-M, Bybit and Binance spot say that a client id is known, within InvalidOrder."""
_NO_SIGNER = ("User or API Wallet", "Must deposit before performing actions")
"""How Hyperliquid says that whoever signed is nobody there; to ccxt the first is a bad order."""
_TEXT_KEPT = 300


def fate_of(error: BaseException) -> Fate:
    """What became of the request that failed so."""
    if isinstance(error, ccxt.InvalidOrder) and any(code in str(error) for code in _DUPLICATES):
        return Fate.UNKNOWN
    if refuses_keys(error):
        return Fate.HALT
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return Fate.UNKNOWN


def text_of(error: BaseException, hidden: tuple[str, ...]) -> str:
    """What an error says, in one line, with no secret in it and no signed address."""
    said = " ".join(str(error).split())
    for secret in hidden:
        said = said.replace(" ".join(secret.split()), "***")
    said = said.partition("signature=")[0]
    return f"{type(error).__name__}: {said}"[:_TEXT_KEPT]


def refuses_keys(error: BaseException) -> bool:
    """Whether the venue does not take the keys, or not for this."""
    if isinstance(error, ccxt.AuthenticationError):
        return True
    return isinstance(error, ccxt.ExchangeError) and any(c in str(error) for c in _NO_SIGNER)


def is_not_found(error: BaseException) -> bool:
    """Whether the venue says that it does not know an order."""
    return isinstance(error, ccxt.OrderNotFound)


def retry_after_s(exchange: Any, error: BaseException, *, otherwise: float) -> float:
    """Seconds until the venue wants to be asked again: its Retry-After, where it gave one."""
    if fate_of(error) is not Fate.LATER:
        return 0.0
    headers = getattr(exchange, "last_response_headers", None) or {}
    told = str(headers.get("Retry-After", ""))
    return float(told) if told.isdigit() else otherwise
