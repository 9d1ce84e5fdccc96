"""Bybit v5: linear contracts and spot."""

from streams.exchanges.bybit.parser import BybitParser
from streams.exchanges.venue import Venue

BEST_LEVELS = 200
"""Depth of the book stream: sent each 100 ms."""

VENUES = (
    Venue(
        id="bybit",
        parser=BybitParser,
        recorded_parser=BybitParser,
        transport="streams.exchanges.bybit.transport:BybitTransport",
        limits=(1, 50, 200, 1000),
        best_levels=BEST_LEVELS,
        asks_trades=True,
        polls={"ratio": False},
        budget=6000.0,  # 600 requests in 5 s
    ),
)
"""Linear contracts and spot are one venue: unified symbols tell them apart."""
