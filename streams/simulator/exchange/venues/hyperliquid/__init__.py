"""Hyperliquid perpetuals."""

from streams.simulator.exchange.venues.hyperliquid.venue import Hyperliquid

__all__ = ["Hyperliquid"]
