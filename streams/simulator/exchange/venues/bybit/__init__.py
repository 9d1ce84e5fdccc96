"""Bybit v5: linear perpetuals and spot."""

from streams.simulator.exchange.venues.bybit.venue import Bybit

__all__ = ["Bybit"]
