"""Hyperliquid."""

from streams.exchanges.hyperliquid.parser import HyperliquidParser
from streams.exchanges.venue import Venue

VENUES = (
    Venue(
        id="hyperliquid",
        parser=HyperliquidParser,
        recorded_parser=HyperliquidParser,
        transport="streams.exchanges.hyperliquid.transport:HyperliquidTransport",
        limits=(20,),
        repeats_tape=True,
        asks_trades=True,
        polls={"contexts": True},
        budget=1200.0,
        lacks=("liquidations", "long_short_ratio"),
    ),
)
