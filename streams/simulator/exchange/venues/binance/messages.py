"""Messages of Binance's market streams, spot and USD-M, as values to encode."""

from __future__ import annotations

from typing import Any

from schemas.frame import NS_PER_MS, Side
from streams.simulator.exchange.bars import Bar
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.derivatives import FUNDING_NS
from streams.simulator.exchange.listing import BookChange, Day, Liquidation, Listing, Trade


class Messages:
    """Makes messages; ``futures`` tells the dialect."""

    def __init__(self, clock: MarketClock, *, futures: bool) -> None:
        self._clock = clock
        self._futures = futures

    def trade(self, listing: Listing, trade: Trade) -> dict[str, Any]:
        """One trade; the maker bought where the taker sold."""
        maker_bought = trade.side is Side.SELL
        value = {
            "e": "trade",
            "E": self._clock.now_ms(),
            "T": self._clock.stamp_ms(trade.time_ns),
            "s": listing.venue_id,
            "t": trade.id,
            "p": trade.price,
            "q": trade.qty,
        }
        if self._futures:
            return value | {"X": "MARKET", "m": maker_bought}
        return value | {"m": maker_bought, "M": True}

    def aggregate(self, listing: Listing, trade: Trade) -> dict[str, Any]:
        """The same trade as an aggregate of itself alone."""
        value = {
            "e": "aggTrade",
            "E": self._clock.now_ms(),
            "s": listing.venue_id,
            "a": trade.id,
            "p": trade.price,
            "q": trade.qty,
            "f": trade.id,
            "l": trade.id,
            "T": self._clock.stamp_ms(trade.time_ns),
            "m": trade.side is Side.SELL,
        }
        return value if self._futures else value | {"M": True}

    def diff(self, listing: Listing, change: BookChange) -> dict[str, Any]:
        """Changed levels; ``U`` is the id after the last diff's ``u``."""
        value = {
            "e": "depthUpdate",
            "E": self._clock.now_ms(),
            "s": listing.venue_id,
            "U": change.prev_id + 1,
            "u": change.last_id,
            "b": change.bids,
            "a": change.asks,
        }
        if self._futures:
            value |= {"T": self._clock.stamp_ms(change.time_ns), "pu": change.prev_id}
        return value

    def partial(self, listing: Listing, change: BookChange, levels: int) -> dict[str, Any]:
        """The best levels."""
        bids, asks = listing.book.bids.top(levels), listing.book.asks.top(levels)
        if not self._futures:
            return {"lastUpdateId": change.last_id, "bids": bids, "asks": asks}
        return self.diff(listing, change) | {"b": bids, "a": asks}

    def touch(self, listing: Listing, change: BookChange) -> dict[str, Any]:
        """Best bid and ask."""
        nothing = (listing.price(0.0), listing.qty(0.0))
        bid, bid_qty = listing.book.bids.best() or nothing
        ask, ask_qty = listing.book.asks.best() or nothing
        value: dict[str, Any] = {
            "u": change.last_id,
            "s": listing.venue_id,
            "b": bid,
            "B": bid_qty,
            "a": ask,
            "A": ask_qty,
        }
        if self._futures:
            times = {"T": self._clock.stamp_ms(change.time_ns), "E": self._clock.now_ms()}
            value = {"e": "bookTicker"} | value | times
        return value

    def mark(self, listing: Listing) -> dict[str, Any]:
        """Mark and index price, funding."""
        mark, index = mark_and_index(listing)
        return {
            "e": "markPriceUpdate",
            "E": self._clock.now_ms(),
            "s": listing.venue_id,
            "p": mark,
            "i": index,
            "P": mark,
            "r": f"{listing.derivatives.rate():.8f}",
            "T": self._clock.stamp_ms(next_funding_ns(listing)),
        }

    def liquidation(self, listing: Listing, forced: Liquidation) -> dict[str, Any]:
        """The order that closes a position by force."""
        return {
            "e": "forceOrder",
            "E": self._clock.now_ms(),
            "o": {
                "s": listing.venue_id,
                "S": forced.side.name,
                "o": "LIMIT",
                "f": "IOC",
                "q": forced.qty,
                "p": forced.price,
                "ap": forced.price,
                "X": "FILLED",
                "l": forced.qty,
                "z": forced.qty,
                "T": self._clock.stamp_ms(forced.time_ns),
            },
        }

    def bar(
        self, listing: Listing, bar: Bar, interval: str, timeframe_ns: int, *, closed: bool
    ) -> dict[str, Any]:
        """A bar; ids of its trades are consecutive, so their number tells the first one."""
        count = round(bar.trades)
        last_id = listing.trades[-1].id if count and listing.trades else -1
        return {
            "e": "kline",
            "E": self._clock.now_ms(),
            "s": listing.venue_id,
            "k": {
                "t": self._clock.stamp_ms(bar.open_ns),
                "T": self._clock.stamp_ms(bar.open_ns + timeframe_ns) - 1,
                "s": listing.venue_id,
                "i": interval,
                "f": last_id - count + 1 if last_id >= 0 else -1,
                "L": last_id,
                "o": listing.price(bar.open),
                "c": listing.price(bar.close),
                "h": listing.price(bar.high),
                "l": listing.price(bar.low),
                "v": listing.qty(bar.volume),
                "n": count,
                "x": closed,
                "q": f"{bar.quote:.8f}",
                "V": listing.qty(bar.buy),
                "Q": f"{bar.buy_quote:.8f}",
                "B": "0",
            },
        }

    def small_ticker(self, listing: Listing) -> dict[str, Any]:
        """24 hours, in short."""
        day = listing.day()
        return {
            "e": "24hrMiniTicker",
            "E": self._clock.now_ms(),
            "s": listing.venue_id,
            "c": listing.price(day.last),
            "o": listing.price(day.first),
            "h": listing.price(day.high),
            "l": listing.price(day.low),
            "v": listing.qty(day.volume),
            "q": f"{day.quote:.8f}",
        }

    def ticker(self, listing: Listing) -> dict[str, Any]:
        """24 hours."""
        day = listing.day()
        now_ms = self._clock.now_ms()
        last_id = listing.trades[-1].id if listing.trades else 0
        value = self.small_ticker(listing) | {
            "e": "24hrTicker",
            "p": listing.price(day.last - day.first),
            "P": f"{change_percent(day):.3f}",
            "w": listing.price(day.quote / day.volume if day.volume else day.last),
            "Q": listing.trades[-1].qty if listing.trades else listing.qty(0.0),
            "O": now_ms - 86_400_000,
            "C": now_ms,
            "F": max(0, last_id - day.trades + 1),
            "L": last_id,
            "n": day.trades,
        }
        if self._futures:
            return value
        bid, bid_qty = listing.book.bids.best() or ("0", "0")
        ask, ask_qty = listing.book.asks.best() or ("0", "0")
        before = listing.price(day.first)
        return value | {"x": before, "b": bid, "B": bid_qty, "a": ask, "A": ask_qty}


def change_percent(day: Day) -> float:
    """Change over 24 hours."""
    return (day.last / day.first - 1.0) * 100.0


def mark_and_index(listing: Listing) -> tuple[str, str]:
    """Mark and index price; the middle of the book where the source does not tell them."""
    state = listing.derivatives
    mid = listing.price(listing.book.mid() or listing.last_price())
    return state.mark_price or mid, state.index_price or state.mark_price or mid


def next_funding_ns(listing: Listing) -> int:
    """The next of the settlements at 0, 8 and 16 o'clock UTC."""
    return (listing.now_ns // FUNDING_NS + 1) * FUNDING_NS


def close_ms(clock: MarketClock, bar: Bar, timeframe_ns: int) -> int:
    """The last millisecond of a bar."""
    return clock.stamp_ms(bar.open_ns) + timeframe_ns // NS_PER_MS - 1
