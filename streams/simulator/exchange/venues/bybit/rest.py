"""Bybit's public v5 requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from schemas.frame import NS_PER_MS, NS_PER_S
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.derivatives import FUNDING_NS
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.venues.base import Refusal, Reply
from streams.simulator.exchange.venues.bybit.instruments import perpetual, spot
from streams.simulator.exchange.venues.bybit.messages import (
    INTERVALS_NS,
    Category,
    Messages,
    best,
    exec_id,
    side_name,
)

Handler: TypeAlias = Callable[["Query"], dict[str, Any]]

_PERIODS_NS = {
    "5min": 300 * NS_PER_S,
    "15min": 900 * NS_PER_S,
    "30min": 1_800 * NS_PER_S,
    "1h": 3_600 * NS_PER_S,
    "4h": 14_400 * NS_PER_S,
    "1d": 86_400 * NS_PER_S,
}
_WHOLE = re.compile(r"[0-9]{1,19}")
_NOTHING_LISTED = ("inverse", "option")


class Query:
    """Reads parameters; those that are missing or wrong raise :class:`Refusal`."""

    def __init__(
        self,
        clock: MarketClock,
        values: Mapping[str, str],
        listings: Mapping[tuple[Category, str], Listing],
    ) -> None:
        self._clock = clock
        self._values = values
        self._listings = listings

    def get(self, name: str) -> str | None:
        """A parameter as it was sent."""
        return self._values.get(name) or None

    def refuse(self, code: int, text: str) -> Refusal:
        """An error as Bybit answers it: with status 200."""
        return Refusal(Reply(envelope(self._clock, {}, code=code, text=text)))

    def category(self) -> str:
        """The kind of market."""
        category = self._values.get("category", "")
        if category not in (*Category, *_NOTHING_LISTED):
            raise self.refuse(10001, "params error: category invalid")
        return category

    def listings(self) -> list[Listing]:
        """The symbol that is named, or all of the category."""
        category, symbol = self.category(), self.get("symbol")
        if symbol is not None:
            return [self.listing()]
        return [
            listing
            for (kind, _), listing in self._listings.items()
            if kind == category and listing.active
        ]

    def listing(self) -> Listing:
        """The symbol that is named."""
        category, symbol = self.category(), self.get("symbol") or ""
        found = None
        if category not in _NOTHING_LISTED:
            found = self._listings.get((Category(category), symbol))
        if found is None or not found.active:
            raise self.refuse(10001, f"Not supported symbols: {symbol}")
        return found

    def whole(self, name: str) -> int | None:
        """A whole number."""
        value = self.get(name)
        if value is None:
            return None
        if not _WHOLE.fullmatch(value):
            raise self.refuse(10001, f"params error: {name} invalid")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """How many rows are wanted, at most what the venue gives."""
        wanted = self.whole("limit")
        return default if wanted is None else max(1, min(wanted, most))

    def within(self, at_ns: int) -> bool:
        """Whether a time lies between ``startTime`` and ``endTime``, as far as they are given."""
        first_ms, last_ms = self.whole("startTime"), self.whole("endTime")
        return (first_ms is None or at_ns >= first_ms * NS_PER_MS) and (
            last_ms is None or at_ns < (last_ms + 1) * NS_PER_MS
        )

    def period_ns(self, name: str, periods: Mapping[str, int]) -> int:
        """A length of time by the venue's name of it."""
        found = periods.get(self._values.get(name, ""))
        if found is None:
            raise self.refuse(10001, f"params error: {name} invalid")
        return found

    def times(self, first: str, last: str, step_ns: int, limit: int) -> tuple[int, int]:
        """First and last time of the latest ``limit`` rows between two parameters."""
        now_ns = self.listing().now_ns
        first_ms, last_ms = self.whole(first), self.whole(last)
        end_ns = now_ns if last_ms is None else min(now_ns, last_ms * NS_PER_MS)
        if first_ms is not None and last_ms is None:
            end_ns = min(now_ns, first_ms * NS_PER_MS + limit * step_ns - 1)
        first_ns = (end_ns // step_ns - limit + 1) * step_ns
        return max(first_ns, 0 if first_ms is None else first_ms * NS_PER_MS), end_ns


class Rest:
    """Answers by path, without the envelope."""

    def __init__(self, clock: MarketClock, messages: Messages) -> None:
        self._clock = clock
        self._messages = messages

    def handlers(self) -> dict[str, Handler]:
        """The public paths of the venue."""
        return {
            "/v5/market/time": self._time,
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/tickers": self._tickers,
            "/v5/market/kline": self._klines,
            "/v5/market/recent-trade": self._trades,
            "/v5/market/orderbook": self._book,
            "/v5/market/funding/history": self._fundings,
            "/v5/market/open-interest": self._interests,
            "/v5/market/account-ratio": self._ratios,
        }

    def _time(self, _query: Query) -> dict[str, Any]:
        now_ms = self._clock.now_ms()
        return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * NS_PER_MS)}

    def _instruments(self, query: Query) -> dict[str, Any]:
        category = query.category()
        listings = query.listings()
        if query.get("status") not in (None, "Trading") or query.get("cursor"):
            listings = []
        base = query.get("baseCoin")
        chosen = [each for each in listings if base in (None, each.rules.base)]
        if category == Category.SPOT:
            return {"category": category, "list": [spot(each) for each in chosen]}
        rows = [perpetual(each) for each in chosen]
        return {"category": category, "list": rows, "nextPageCursor": ""}

    def _tickers(self, query: Query) -> dict[str, Any]:
        rows = [self._messages.ticker(listing) | best(listing) for listing in query.listings()]
        return {"category": query.category(), "list": rows}

    def _klines(self, query: Query) -> dict[str, Any]:
        listing, step_ns = query.listing(), query.period_ns("interval", INTERVALS_NS)
        first_ns, last_ns = query.times("start", "end", step_ns, query.limit(200, 1000))
        listing.bars.settle(listing.now_ns)
        rows = [
            [
                str(self._clock.stamp_ms(bar.open_ns)),
                listing.price(bar.open),
                listing.price(bar.high),
                listing.price(bar.low),
                listing.price(bar.close),
                listing.qty(bar.volume),
                f"{bar.quote:.4f}",
            ]
            for bar in listing.bars.bars(step_ns, first_ns=first_ns, last_ns=last_ns)
        ]
        return {"category": query.category(), "symbol": listing.venue_id, "list": rows[::-1]}

    def _trades(self, query: Query) -> dict[str, Any]:
        listing, category = query.listing(), query.category()
        limit = query.limit(60, 60) if category == Category.SPOT else query.limit(500, 1000)
        rows = [
            {
                "execId": exec_id(listing, trade),
                "symbol": listing.venue_id,
                "price": trade.price,
                "size": trade.qty,
                "side": side_name(trade.side),
                "time": str(self._clock.stamp_ms(trade.time_ns)),
                "isBlockTrade": False,
                "isRPITrade": False,
                "seq": str(trade.id),
            }
            for trade in list(listing.trades)[-limit:]
        ]
        return {"category": category, "list": rows[::-1]}

    def _book(self, query: Query) -> dict[str, Any]:
        listing = query.listing()
        limit = query.limit(25, 1000) if listing.is_contract else query.limit(1, 200)
        return {
            "s": listing.venue_id,
            "b": listing.book.bids.top(limit),
            "a": listing.book.asks.top(limit),
            "ts": self._clock.now_ms(),
            "u": listing.book.update_id,
            "seq": listing.book.update_id,
            "cts": self._clock.stamp_ms(listing.now_ns),
        }

    def _fundings(self, query: Query) -> dict[str, Any]:
        listing, limit = query.listing(), query.limit(200, 200)
        first_ns, last_ns = query.times("startTime", "endTime", FUNDING_NS, limit)
        rows = [
            {
                "symbol": listing.venue_id,
                "fundingRate": f"{rate:.8f}",
                "fundingRateTimestamp": str(self._clock.stamp_ms(at_ns)),
            }
            for at_ns, rate in listing.derivatives.fundings(first_ns=first_ns, last_ns=last_ns)
        ]
        return {"category": query.category(), "list": rows[::-1]}

    def _interests(self, query: Query) -> dict[str, Any]:
        listing, step_ns = query.listing(), query.period_ns("intervalTime", _PERIODS_NS)
        first_ns, last_ns = query.times("startTime", "endTime", step_ns, query.limit(50, 200))
        told = listing.derivatives.interests(step_ns, first_ns=first_ns, last_ns=last_ns)
        rows = [
            {"openInterest": listing.qty(value), "timestamp": str(self._clock.stamp_ms(at_ns))}
            for at_ns, value in told
        ]
        return {
            "symbol": listing.venue_id,
            "category": query.category(),
            "list": rows[::-1],
            "nextPageCursor": "",
        }

    def _ratios(self, query: Query) -> dict[str, Any]:
        listing, step_ns = query.listing(), query.period_ns("period", _PERIODS_NS)
        first_ns, last_ns = query.times("startTime", "endTime", step_ns, query.limit(50, 500))
        told = listing.derivatives.ratios(step_ns, first_ns=first_ns, last_ns=last_ns)
        rows = [
            {
                "symbol": listing.venue_id,
                "buyRatio": f"{ratio / (1 + ratio):.4f}",
                "sellRatio": f"{1 / (1 + ratio):.4f}",
                "timestamp": str(self._clock.stamp_ms(at_ns)),
            }
            for at_ns, ratio in told
        ]
        return {"list": rows[::-1], "nextPageCursor": ""}


def envelope(
    clock: MarketClock, result: dict[str, Any], *, code: int = 0, text: str = "OK"
) -> dict[str, Any]:
    """What every answer comes in."""
    return {
        "retCode": code,
        "retMsg": text,
        "result": result,
        "retExtInfo": {},
        "time": clock.now_ms(),
    }
