"""The venues that the simulated exchange speaks for: a module or a package per venue."""

from streams.simulator.exchange.venues.base import Venue
from streams.simulator.exchange.venues.binance import Binance, BinanceUsdm

VENUES: dict[str, type[Venue]] = {venue.id: venue for venue in (Binance, BinanceUsdm)}
"""By ccxt's name."""
