"""Coinbase Advanced Trade, spot."""

from streams.simulator.exchange.venues.coinbase.venue import Coinbase

__all__ = ["Coinbase"]
