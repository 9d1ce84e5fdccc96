"""Raw values of components that the join looks at, and where they are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.score import DimensionScore


class Source(NamedTuple):
    """One raw value of one component."""

    dimension: str
    component: str
    name: str


ADX = Source("technical", "atr", "adx_5m")
ATR = Source("technical", "atr", "atr_5m")
"""In units of price."""
RELATIVE_VOLUME = Source("orderflow", "trade_flow", "intensity")
"""Traded over expected; 1 is usual."""
RELATIVE_SPREAD = Source("orderbook", "liquidity", "spread_to_usual")

RELATIVE_DEPTH = Source("orderbook", "liquidity", "depth_to_usual")

SOURCES = (ADX, ATR, RELATIVE_VOLUME, RELATIVE_SPREAD, RELATIVE_DEPTH)


def raw_value(scores: Sequence[DimensionScore], source: Source) -> float | None:
    """A raw value, ``None`` where the dimension does not run or does not know it (yet)."""
    for score in scores:
        if score.dimension == source.dimension:
            for component in score.components:
                if component.name == source.component:
                    for name, value in component.raw:
                        if name == source.name:
                            return value
    return None
