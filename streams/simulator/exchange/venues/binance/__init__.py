"""Binance, spot and USD-M futures."""

from streams.simulator.exchange.venues.binance.venue import Binance, BinanceUsdm

__all__ = ["Binance", "BinanceUsdm"]
