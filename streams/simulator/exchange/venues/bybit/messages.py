"""Messages of Bybit's public v5 streams, and the parts that its REST answers share with them."""

from __future__ import annotations

import uuid
from decimal import Decimal
from enum import StrEnum
from typing import Any

from schemas.frame import NS_PER_S, Side
from streams.events import Levels
from streams.simulator.exchange.bars import Bar
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.derivatives import FUNDING_NS
from streams.simulator.exchange.listing import Liquidation, Listing, Trade

_IDS = uuid.UUID("6f1d3f0e-33b5-4c39-9d3b-5f1f6f0f7d11")
_SPOT_IDS = 2_290_000_000_000_000_000
_HOUR_NS = 3600 * NS_PER_S

INTERVALS_NS = {
    "1": 60 * NS_PER_S,
    "3": 180 * NS_PER_S,
    "5": 300 * NS_PER_S,
    "15": 900 * NS_PER_S,
    "30": 1_800 * NS_PER_S,
    "60": 3_600 * NS_PER_S,
    "120": 7_200 * NS_PER_S,
    "240": 14_400 * NS_PER_S,
    "360": 21_600 * NS_PER_S,
    "720": 43_200 * NS_PER_S,
    "D": 86_400 * NS_PER_S,
}


class Category(StrEnum):
    """Kinds of markets; the venue has more, in which nothing is listed here."""

    LINEAR = "linear"
    SPOT = "spot"


def category_of(listing: Listing) -> Category:
    """Where a symbol is listed."""
    return Category.LINEAR if listing.is_contract else Category.SPOT


def exec_id(listing: Listing, trade: Trade) -> str:
    """The venue's id of a trade: of contracts no sequence, so that it cannot tell a gap."""
    if listing.is_contract:
        return str(uuid.uuid5(_IDS, f"{listing.venue_id}:{trade.id}"))
    return str(_SPOT_IDS + trade.id)


def side_name(side: Side) -> str:
    """``Buy`` or ``Sell``."""
    return "Buy" if side is Side.BUY else "Sell"


class Messages:
    """Makes messages."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self._moves: dict[int, tuple[float, str]] = {}

    def now_ms(self) -> int:
        """What the venue writes for now."""
        return self._clock.now_ms()

    def book(
        self, listing: Listing, topic: str, kind: str, levels: tuple[Levels, Levels], *, u: int
    ) -> dict[str, Any]:
        """A snapshot or a delta of bids and asks; ``u`` counts the messages of the topic."""
        return {
            "topic": topic,
            "type": kind,
            "ts": self._clock.now_ms(),
            "data": {
                "s": listing.venue_id,
                "b": levels[0],
                "a": levels[1],
                "u": u,
                "seq": listing.book.update_id,
            },
            "cts": self._clock.stamp_ms(listing.now_ns),
        }

    def trade(self, listing: Listing, topic: str, trade: Trade) -> dict[str, Any]:
        """One trade."""
        value: dict[str, Any] = {
            "T": self._clock.stamp_ms(trade.time_ns),
            "s": listing.venue_id,
            "S": side_name(trade.side),
            "v": trade.qty,
            "p": trade.price,
            "i": exec_id(listing, trade),
            "BT": False,
            "RPI": False,
            "seq": listing.book.update_id,
        }
        if listing.is_contract:
            value["L"] = self._direction(listing, float(trade.price))
        return {"topic": topic, "type": "snapshot", "ts": self._clock.now_ms(), "data": [value]}

    def liquidation(self, listing: Listing, topic: str, forced: Liquidation) -> dict[str, Any]:
        """A position closed by force; ``S`` is the position's side: ``Buy`` for a long."""
        value = {
            "T": self._clock.stamp_ms(forced.time_ns),
            "s": listing.venue_id,
            "S": "Buy" if forced.side is Side.SELL else "Sell",
            "v": forced.qty,
            "p": forced.price,
        }
        return {"topic": topic, "type": "snapshot", "ts": self._clock.now_ms(), "data": [value]}

    def bar(
        self, listing: Listing, topic: str, bar: Bar, interval: str, *, closed: bool
    ) -> dict[str, Any]:
        """A bar."""
        now_ms = self._clock.now_ms()
        start_ms = self._clock.stamp_ms(bar.open_ns)
        value = {
            "start": start_ms,
            "end": start_ms + INTERVALS_NS[interval] // 1_000_000 - 1,
            "interval": interval,
            "open": listing.price(bar.open),
            "close": listing.price(bar.close),
            "high": listing.price(bar.high),
            "low": listing.price(bar.low),
            "volume": listing.qty(bar.volume),
            "turnover": f"{bar.quote:.4f}",
            "confirm": closed,
            "timestamp": now_ms,
        }
        return {"topic": topic, "data": [value], "ts": now_ms, "type": "snapshot"}

    def ticker(self, listing: Listing) -> dict[str, str]:
        """All fields of a symbol's ticker."""
        day = listing.day()
        common = {
            "symbol": listing.venue_id,
            "lastPrice": listing.price(day.last),
            "highPrice24h": listing.price(day.high),
            "lowPrice24h": listing.price(day.low),
            "prevPrice24h": listing.price(day.first),
            "volume24h": listing.qty(day.volume),
            "turnover24h": f"{day.quote:.4f}",
            "price24hPcnt": f"{day.last / day.first - 1:.6f}",
        }
        if not listing.is_contract:
            mid = listing.book.mid() or listing.last_price()
            return common | {"usdIndexPrice": f"{mid:.6f}"}
        return common | self._contract(listing) | best(listing)

    def _contract(self, listing: Listing) -> dict[str, str]:
        state = listing.derivatives
        mid = listing.price(listing.book.mid() or listing.last_price())
        mark = state.mark_price or mid
        interest = state.open_interest or "0"
        value = f"{Decimal(interest) * Decimal(mark):.2f}"
        half = listing.qty(float(interest) / 2)
        return {
            "tickDirection": self._moves.get(id(listing), (0.0, "ZeroPlusTick"))[1],
            "prevPrice1h": listing.price(self._price_before(listing, _HOUR_NS)),
            "markPrice": mark,
            "indexPrice": state.index_price or mark,
            "openInterest": interest,
            "openInterestValue": value,
            "fundingIntervalHour": "8",
            "fundingCap": "0.005",
            "singleOpenInterest": half,
            "singleOpenInterestValue": f"{Decimal(half) * Decimal(mark):.2f}",
            "nextFundingTime": str(
                self._clock.stamp_ms((listing.now_ns // FUNDING_NS + 1) * FUNDING_NS)
            ),
            "fundingRate": f"{state.rate():.8f}",
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
        }

    @staticmethod
    def _price_before(listing: Listing, ago_ns: int) -> float:
        minute_ns = INTERVALS_NS["1"]
        at_ns = (listing.now_ns - ago_ns) // minute_ns * minute_ns
        bars = listing.bars.bars(minute_ns, first_ns=at_ns, last_ns=at_ns)
        return bars[0].open if bars else listing.last_price()

    def _direction(self, listing: Listing, price: float) -> str:
        """Up or down against the last trade; at its price, the way that it came from."""
        before, direction = self._moves.get(id(listing), (price, "ZeroPlusTick"))
        if price > before:
            direction = "PlusTick"
        elif price < before:
            direction = "MinusTick"
        elif not direction.startswith("Zero"):
            direction = f"Zero{direction}"
        self._moves[id(listing)] = (price, direction)
        return direction


def best(listing: Listing) -> dict[str, str]:
    """Best bid and ask as tickers have them; empty texts on an empty side."""
    bid, bid_qty = listing.book.bids.best() or ("", "")
    ask, ask_qty = listing.book.asks.best() or ("", "")
    return {"bid1Price": bid, "bid1Size": bid_qty, "ask1Price": ask, "ask1Size": ask_qty}
