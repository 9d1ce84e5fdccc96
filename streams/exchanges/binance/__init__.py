"""Binance spot, USD-M and COIN-M.

Source of the message shapes: the venue's public market-stream documentation, held against recorded
messages of all three markets (tests/wire).
"""

from streams.exchanges.binance.origin import (
    SNAPSHOT_LIMITS,
    Market,
    Origin,
    identify,
    unified_symbol,
)
from streams.exchanges.binance.parser import BinanceParser

__all__ = ["SNAPSHOT_LIMITS", "BinanceParser", "Market", "Origin", "identify", "unified_symbol"]
