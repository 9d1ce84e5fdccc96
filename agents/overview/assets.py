"""One asset on several venues: flow taken together, price differences, who leads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from agents.overview.lead_lag import lead_of
from agents.overview.symbol import SymbolState
from schemas.frame import NS_PER_MS
from schemas.overview import AssetOverview, LeadLag, VenueLeg

_BPS = 1e4


def assets(symbols: Mapping[str, SymbolState]) -> tuple[AssetOverview, ...]:
    """Every base and quote that more than one symbol present has, by name."""
    by_pair: dict[str, list[str]] = {}
    for key in sorted(symbols):
        if symbols[key].present:
            by_pair.setdefault(key.split(":")[1], []).append(key)
    return tuple(
        _asset(pair, keys, symbols) for pair, keys in sorted(by_pair.items()) if len(keys) > 1
    )


def _asset(pair: str, keys: Sequence[str], symbols: Mapping[str, SymbolState]) -> AssetOverview:
    closed = {key: symbols[key].last for key in keys}
    mids = [one.mid for one in closed.values() if one.mid is not None]
    price = math.fsum(mids) / len(mids) if mids else None
    bought = math.fsum(one.bought for one in closed.values())
    sold = math.fsum(one.sold for one in closed.values())
    legs = []
    for key, one in closed.items():
        venue, _, symbol = key.partition(":")
        premium = None if price is None or one.mid is None else _BPS * (one.mid / price - 1.0)
        flow = (None, None) if one.unpriced else (one.bought, one.sold)
        legs.append(VenueLeg(venue, symbol, flow[0], flow[1], one.mid, premium))
    return AssetOverview(
        asset=pair,
        bought=bought,
        sold=sold,
        flow=(bought - sold) / (bought + sold) if bought + sold > 0.0 else None,
        price=price,
        range_bps=None if price is None else _BPS * (max(mids) - min(mids)) / price,
        legs=tuple(legs),
        leads=tuple(_lead(a, b, symbols) for a, b in combinations(keys, 2)),
    )


def _lead(first: str, second: str, symbols: Mapping[str, SymbolState]) -> LeadLag:
    moves = symbols[first].moves
    lead = lead_of(moves, symbols[second].moves)
    if lead is None:
        return LeadLag(first, second, None, None)
    lag_ms = None if lead.lag is None else lead.lag * moves.step_ns / NS_PER_MS
    return LeadLag(first, second, lag_ms, lead.correlation)
