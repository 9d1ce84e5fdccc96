"""Binance, spot and USD-M futures."""

from streams.simulator.exchange.venues.binance.usdm import BinanceUsdm
from streams.simulator.exchange.venues.binance.venue import Binance

__all__ = ["Binance", "BinanceUsdm"]
