"""The venues that the simulated exchange speaks for: a module or a package per venue."""

from streams.simulator.exchange.venues.base import Venue
from streams.simulator.exchange.venues.binance import Binance, BinanceUsdm
from streams.simulator.exchange.venues.bybit import Bybit

VENUES: dict[str, type[Venue]] = {venue.id: venue for venue in (Binance, BinanceUsdm, Bybit)}
"""By ccxt's name."""
