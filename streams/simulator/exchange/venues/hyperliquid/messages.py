"""Parts that Hyperliquid's streams and its ``info`` answers share."""

from __future__ import annotations

import hashlib
from typing import Any

from schemas.frame import NS_PER_S, Side
from streams.events import Levels
from streams.simulator.exchange.bars import Bar
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing, Trade

LEVELS = 20
"""Levels a side that the venue tells."""
HOURS_OF_FUNDING = 8
"""The source's rate is one of 8 hours, the venue settles an eighth of it every hour."""

_ID_BITS = 50
_ID_FACTOR = 0x9E3779B97F4A7C15

INTERVALS_NS = {
    "1m": 60 * NS_PER_S,
    "3m": 180 * NS_PER_S,
    "5m": 300 * NS_PER_S,
    "15m": 900 * NS_PER_S,
    "30m": 1_800 * NS_PER_S,
    "1h": 3_600 * NS_PER_S,
    "2h": 7_200 * NS_PER_S,
    "4h": 14_400 * NS_PER_S,
    "8h": 28_800 * NS_PER_S,
    "12h": 43_200 * NS_PER_S,
    "1d": 86_400 * NS_PER_S,
}


def trade_id(trade: Trade) -> int:
    """The venue's id of a trade: a hash of 50 bits, unique but no sequence."""
    return trade.id * _ID_FACTOR % (1 << _ID_BITS)


class Messages:
    """Makes messages."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock

    def book(self, listing: Listing) -> dict[str, Any]:
        """The best levels."""
        book = listing.book
        return {
            "coin": listing.venue_id,
            "time": self._clock.stamp_ms(listing.now_ns),
            "levels": [_levels(book.bids.top(LEVELS)), _levels(book.asks.top(LEVELS))],
        }

    def touch(self, listing: Listing) -> dict[str, Any]:
        """Best bid and ask; ``None`` on an empty side."""
        best = (listing.book.bids.best(), listing.book.asks.best())
        return {
            "coin": listing.venue_id,
            "time": self._clock.stamp_ms(listing.now_ns),
            "bbo": [None if level is None else _levels([level])[0] for level in best],
        }

    def trade(self, listing: Listing, trade: Trade) -> dict[str, Any]:
        """A trade; ``B`` where the taker bought."""
        digest = hashlib.sha256(f"{listing.venue_id}:{trade.id}".encode()).hexdigest()
        return {
            "coin": listing.venue_id,
            "side": "B" if trade.side is Side.BUY else "A",
            "px": trade.price,
            "sz": trade.qty,
            "time": self._clock.stamp_ms(trade.time_ns),
            "hash": f"0x{digest}",
            "tid": trade_id(trade),
            "users": [f"0x{digest[:40]}", f"0x{digest[-40:]}"],
        }

    def bar(self, listing: Listing, bar: Bar, interval: str) -> dict[str, Any]:
        """A bar."""
        start_ms = self._clock.stamp_ms(bar.open_ns)
        return {
            "t": start_ms,
            "T": start_ms + INTERVALS_NS[interval] // 1_000_000 - 1,
            "s": listing.venue_id,
            "i": interval,
            "o": listing.price(bar.open),
            "c": listing.price(bar.close),
            "h": listing.price(bar.high),
            "l": listing.price(bar.low),
            "v": listing.qty(bar.volume),
            "n": round(bar.trades),
        }

    def context(self, listing: Listing) -> dict[str, Any]:
        """Prices, funding of an hour, open interest and the day's volume."""
        state, day = listing.derivatives, listing.day()
        mid = listing.price(listing.book.mid() or listing.last_price())
        mark = state.mark_price or mid
        oracle = state.index_price or mark
        bid, ask = listing.book.bids.best() or (mid, ""), listing.book.asks.best() or (mid, "")
        return {
            "funding": f"{state.rate() / HOURS_OF_FUNDING:.10f}",
            "openInterest": state.open_interest or "0.0",
            "prevDayPx": listing.price(day.first),
            "dayNtlVlm": f"{day.quote:.10f}",
            "premium": f"{float(mark) / float(oracle) - 1:.10f}",
            "oraclePx": oracle,
            "markPx": mark,
            "midPx": mid,
            "impactPxs": [bid[0], ask[0]],
            "dayBaseVlm": listing.qty(day.volume),
        }


def _levels(levels: Levels) -> list[dict[str, Any]]:
    """Levels; the source does not tell of how many orders each is, so it is one."""
    return [{"n": 1, "px": price, "sz": qty} for price, qty in levels]
