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
from streams.exchanges.venue import Venue

VENUES = (
    Venue(
        id=Market.SPOT.value,
        parser=BinanceParser,
        recorded_parser=BinanceParser,
        transport="streams.exchanges.binance.transport:SpotTransport",
        limits=SNAPSHOT_LIMITS,
        has_touch=True,
        asks_books=True,
        asks_trades=True,
        budget=6000.0,
        lacks=("derivatives", "liquidations"),
    ),
    Venue(
        id=Market.USDM.value,
        parser=BinanceParser,
        recorded_parser=BinanceParser,
        transport="streams.exchanges.binance.transport:UsdmTransport",
        limits=SNAPSHOT_LIMITS,
        has_touch=True,
        asks_books=True,
        asks_trades=True,
        polls={"open_interest": False, "ratio": False},
        budget=2400.0,
    ),
)
"""Those that can be listened to live."""

__all__ = [
    "SNAPSHOT_LIMITS",
    "VENUES",
    "BinanceParser",
    "Market",
    "Origin",
    "identify",
    "unified_symbol",
]
