"""Do the scores make sense? Ten events of the recordings, chosen before any score was looked at.

What was expected is written here as it was then. What the scores said instead is in MISSES, with
its value: a change of behaviour, for better or worse, fails this test. docs/sense.md tells why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from schemas.frame import NS_PER_S, Backfill, Frame, Trades
from schemas.settings import FramesSettings
from streams.history.times import time_ns
from streams.merge import FeedMessage
from streams.recordings import sources_from
from tests.golden.sources import golden_paths
from tests.support.needs import market_data_dir
from tests.support.sense import Event, How, Tick, observe, ticks_of, within

pytestmark = pytest.mark.needs_market_data

BTC_NS = 1_723_161_255_000_000_000
"""Start of BTC USD-M, 2024-08-08 23:54:15 UTC."""
NEXO_NS = 1_721_749_182_800_000_000
"""Start of NEXO spot, 2024-07-23 15:39:42.8 UTC."""
LEAD_NS = 3_600 * NS_PER_S
"""NEXO is played from this long before an event."""

ALL_UP = dict.fromkeys(
    ("technical", "volume", "price_structure", "sentiment", "confluence"), How.ABOVE
)
ALL_DOWN = dict.fromkeys(ALL_UP, How.BELOW)


def _btc(name: str, begin_s: float, end_s: float, **expected: How) -> Event:
    return _event(name, BTC_NS, begin_s, end_s, expected)


def _nexo(name: str, begin_s: float, end_s: float, *, mean: bool = False, **expected: How) -> Event:
    return _event(name, NEXO_NS, begin_s, end_s, expected, mean=mean)


def _event(  # noqa: PLR0913
    name: str,
    start_ns: int,
    begin_s: float,
    end_s: float,
    expected: dict[str, How],
    *,
    mean: bool = False,
) -> Event:
    begin_ns, end_ns = (start_ns + round(s * 10) * (NS_PER_S // 10) for s in (begin_s, end_s))
    named = {what.replace("__", "."): how for what, how in expected.items()}
    return Event(name, begin_ns, end_ns, named, mean)


BTC = (
    _btc(
        "a sell sweep",
        246.0,
        246.1,
        orderflow=How.BELOW,
        orderflow__trade_flow=How.BELOW,
        orderbook=How.FALLS,
        confluence=How.FALLS,
    ),
    _btc(
        "a run of sells",
        86.4,
        96.4,
        orderflow=How.BELOW,
        orderflow__trade_flow=How.BELOW,
        confluence=How.BELOW,
    ),
    _btc(
        "a run of large buys",
        259.3,
        269.3,
        orderflow=How.ABOVE,
        orderflow__trade_flow=How.ABOVE,
        orderflow__toxicity=How.ABOVE,
        confluence=How.ABOVE,
    ),
)
NEXO = (
    _nexo(
        "a wall pulled",
        10_301.8,
        10_301.9,
        orderbook=How.FALLS,
        orderbook__imbalance=How.FALLS,
        orderbook__liquidity=How.FALLS,
        confluence=How.FALLS,
    ),
    _nexo(
        "a spread blow-out",
        17_678.9,
        17_679.0,
        orderbook__liquidity=How.NEARER,
        orderflow=How.RISES,
    ),
    _nexo(
        "a volume spike",
        39_267.0,
        39_387.1,
        technical=How.ABOVE,
        volume=How.ABOVE,
        orderflow=How.ABOVE,
        price_structure=How.ABOVE,
        sentiment=How.ABOVE,
        confluence=How.ABOVE,
    ),
    _nexo(
        "a reversal",
        39_440.0,
        39_560.0,
        orderflow=How.BELOW,
        technical=How.FALLS,
        volume=How.FALLS,
        confluence=How.FALLS,
    ),
    _nexo(
        "a quiet stretch",
        45_876.0,
        46_476.0,
        mean=True,
        orderflow=How.NEAR,
        volume__relative_volume=How.NEAR,
        confluence=How.NEAR,
    ),
)
KLINES = (
    Event(
        "an up-trend",
        time_ns("2025-05-21 12:00:00"),
        time_ns("2025-05-22 00:00:00"),
        ALL_UP,
        mean=True,
    ),
    Event(
        "a down-trend",
        time_ns("2025-05-23 00:00:00"),
        time_ns("2025-05-23 12:00:00"),
        ALL_DOWN,
        mean=True,
    ),
)
