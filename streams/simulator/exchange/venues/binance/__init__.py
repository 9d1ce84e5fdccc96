"""Binance, spot and USD-M futures."""

from streams.simulator.exchange.venues.binance.spot import Binance
from streams.simulator.exchange.venues.binance.usdm import BinanceUsdm

__all__ = ["Binance", "BinanceUsdm"]
