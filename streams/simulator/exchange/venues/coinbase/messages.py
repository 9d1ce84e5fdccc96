"""Parts that Coinbase's streams and REST answers share."""

from __future__ import annotations

from typing import Any

from schemas.frame import NS_PER_MS, NS_PER_S, Side
from streams.events import Levels
from streams.simulator.exchange.bars import Bar
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing, Trade
from streams.simulator.exchange.times import iso


class Messages:
    """Makes messages."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock

    def envelope(self, channel: str, events: list[Any]) -> dict[str, Any]:
        """What every stream message comes in; each connection writes its own number over the 0."""
        return {
            "channel": channel,
            "timestamp": self.time(self._clock.now_ns()),
            "sequence_num": 0,
            "events": events,
        }

    def time(self, market_ns: int) -> str:
        """A market time as the venue writes it."""
        return iso(market_ns + self._clock.skew_ms * NS_PER_MS)

    def trade(self, listing: Listing, trade: Trade) -> dict[str, str]:
        """A trade; the venue tells the side of the maker."""
        return {
            "product_id": listing.venue_id,
            "trade_id": str(trade.id),
            "price": trade.price,
            "size": trade.qty,
            "time": self.time(trade.time_ns),
            "side": "SELL" if trade.side is Side.BUY else "BUY",
        }

    def trades(self, listing: Listing, trades: list[Trade], kind: str) -> dict[str, Any]:
        """An event of trades, newest first."""
        return {"type": kind, "trades": [self.trade(listing, trade) for trade in trades[::-1]]}

    def book(
        self, listing: Listing, bids: Levels, asks: Levels, *, kind: str, at_ns: int
    ) -> dict[str, Any]:
        """An event of book levels."""
        at = self.time(at_ns)
        updates = [
            {"side": side, "event_time": at, "price_level": price, "new_quantity": qty}
            for side, levels in (("bid", bids), ("offer", asks))
            for price, qty in levels
        ]
        return {"type": kind, "product_id": listing.venue_id, "updates": updates}

    def ticker(self, listing: Listing) -> dict[str, str]:
        """24 hours and best prices. The year's extremes are the day's: there is no year."""
        day = listing.day()
        bid, bid_qty = listing.book.bids.best() or ("0", "0")
        ask, ask_qty = listing.book.asks.best() or ("0", "0")
        high, low = listing.price(day.high), listing.price(day.low)
        return {
            "type": "ticker",
            "product_id": listing.venue_id,
            "price": listing.price(day.last),
            "volume_24_h": listing.qty(day.volume),
            "low_24_h": low,
            "high_24_h": high,
            "low_52_w": low,
            "high_52_w": high,
            "price_percent_chg_24_h": f"{(day.last / day.first - 1) * 100:.14f}",
            "best_bid": bid,
            "best_ask": ask,
            "best_bid_quantity": bid_qty,
            "best_ask_quantity": ask_qty,
        }

    def bar(self, listing: Listing, bar: Bar) -> dict[str, str]:
        """A bar; its start in seconds."""
        return {
            "start": str(bar.open_ns // NS_PER_S),
            "high": listing.price(bar.high),
            "low": listing.price(bar.low),
            "open": listing.price(bar.open),
            "close": listing.price(bar.close),
            "volume": listing.qty(bar.volume),
        }
