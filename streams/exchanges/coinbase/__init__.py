"""Coinbase Advanced Trade."""

from functools import partial

from streams.exchanges.coinbase.parser import CoinbaseParser
from streams.exchanges.venue import Venue

VENUES = (
    Venue(
        id="coinbase",
        parser=CoinbaseParser,
        recorded_parser=partial(CoinbaseParser, sequenced=False),
        transport="streams.exchanges.coinbase.transport:CoinbaseTransport",
        repeats_tape=True,
        asks_trades=True,
        budget=600.0,  # 10 requests a second
        lacks=("derivatives", "liquidations"),
    ),
)
