"""Which symbol is meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from schemas.errors import SourceMissing, UsageError


def resolve(symbol: str, keys: Iterable[str]) -> str:
    """The key ``venue:symbol`` that a unified name means, given with its venue or without.

    Raises :class:`SourceMissing` that names the nearest known one, and :class:`UsageError` where
    several venues have the symbol.

    >>> resolve("BTC/USDT", ["binance:BTC/USDT", "binanceusdm:BTC/USDT:USDT"])
    'binance:BTC/USDT'
    """
    known = sorted(keys)
    if symbol in known:
        return symbol
    found = [key for key in known if key.partition(":")[2] == symbol]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{symbol} is on several venues; name one of {', '.join(found)}")
    if not known:
        raise SourceMissing(f"no scores of {symbol}, nor of any other symbol, are there")
    near = nearest(symbol, known)
    raise SourceMissing(f"unknown symbol {symbol}; the nearest known one is {near}")


def nearest(symbol: str, keys: Iterable[str]) -> str:
    """The key that looks most like a symbol; there has to be one.

    >>> nearest("binance:BTC/USD", ["binance:BTC/USDT", "binanceusdm:ETH/USDT:USDT"])
    'binance:BTC/USDT'
    """
    by_name = {name.upper(): key for key in keys for name in (key, key.partition(":")[2])}
    (near,) = difflib.get_close_matches(symbol.upper(), by_name, n=1, cutoff=0.0)
    return by_name[near]
