"""The venues that the simulated exchange speaks for: a package per venue."""

from streams.simulator.exchange.venues.base import Venue
from streams.simulator.exchange.venues.binance import Binance, BinanceUsdm
from streams.simulator.exchange.venues.bybit import Bybit
from streams.simulator.exchange.venues.coinbase import Coinbase
from streams.simulator.exchange.venues.hyperliquid import Hyperliquid

VENUES: dict[str, type[Venue]] = {
    venue.id: venue for venue in (Binance, BinanceUsdm, Bybit, Coinbase, Hyperliquid)
}
"""By ccxt's name."""
