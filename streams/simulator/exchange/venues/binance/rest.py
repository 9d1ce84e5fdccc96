"""Binance's public requests, spot and USD-M."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from schemas.frame import Side
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.derivatives import FUNDING_NS
from streams.simulator.exchange.listing import Listing, Trade
from streams.simulator.exchange.venues.binance.instruments import (
    perpetual,
    rate_limits,
    spot,
)
from streams.simulator.exchange.venues.binance.messages import (
    change_percent,
    close_ms,
    mark_and_index,
    next_funding_ns,
)
from streams.simulator.exchange.venues.binance.query import Query, refuse
from streams.simulator.exchange.venues.binance.streams import INTERVALS_NS

Handler: TypeAlias = Callable[[Query], Any]

_FUTURES_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
_PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
_HOUR_NS = INTERVALS_NS["1h"]


class Rest:
    """Answers by path. ``listings`` are by lower-case name."""

    def __init__(
        self, clock: MarketClock, listings: Mapping[str, Listing], *, futures: bool
    ) -> None:
        self._clock = clock
        self._listings = listings
        self._futures = futures
        self._most_bars = 1500 if futures else 1000

    def handlers(self) -> dict[str, Handler]:
        """The public paths of the venue."""
        root = "/fapi/v1" if self._futures else "/api/v3"
        found: dict[str, Handler] = {
            f"{root}/ping": lambda _: {},
            f"{root}/time": lambda _: {"serverTime": self._clock.now_ms()},
            f"{root}/exchangeInfo": self._exchange_info,
            f"{root}/depth": self._depth,
            f"{root}/trades": self._trades,
            f"{root}/historicalTrades": self._historical_trades,
            f"{root}/aggTrades": self._aggregates,
            f"{root}/klines": self._klines,
            f"{root}/ticker/24hr": lambda query: self._each(query, self._ticker),
            f"{root}/ticker/price": lambda query: self._each(query, self._last_price),
            f"{root}/ticker/bookTicker": lambda query: self._each(query, self._touch),
        }
        if not self._futures:
            return found
        return found | {
            # Clients that load all markets ask COIN-M too, where nothing is listed.
            "/dapi/v1/exchangeInfo": lambda _: {"symbols": []},
            f"{root}/premiumIndex": lambda query: self._each(query, self._premium),
            f"{root}/fundingRate": self._funding_rates,
            f"{root}/fundingInfo": lambda _: [],
            f"{root}/openInterest": self._open_interest,
            "/futures/data/openInterestHist": self._open_interests,
            "/futures/data/globalLongShortAccountRatio": self._account_ratios,
        }

    def _exchange_info(self, _query: Query) -> dict[str, Any]:
        listings = self._listings.values()
        common = {"timezone": "UTC", "serverTime": self._clock.now_ms(), "exchangeFilters": []}
        if not self._futures:
            symbols = [spot(listing) for listing in listings]
            return common | {"rateLimits": rate_limits(futures=False), "symbols": symbols}
        quotes = sorted({listing.rules.settle or listing.rules.quote for listing in listings})
        assets = [
            {"asset": quote, "marginAvailable": True, "autoAssetExchange": "-10000"}
            for quote in quotes
        ]
        return common | {
            "futuresType": "U_MARGINED",
            "rateLimits": rate_limits(futures=True),
            "assets": assets,
            "symbols": [perpetual(listing) for listing in listings],
        }

    def _depth(self, query: Query) -> dict[str, Any]:
        listing = query.listing()
        limit = query.limit(500 if self._futures else 100, 1000 if self._futures else 5000)
        if self._futures and limit not in _FUTURES_DEPTHS:
            raise refuse(-4021, f"{limit} is not valid depth limit.")
        book = listing.book
        value: dict[str, Any] = {"lastUpdateId": book.update_id}
        if self._futures:
            now_ms = self._clock.now_ms()
            value |= {"E": now_ms, "T": now_ms}
        return value | {"bids": book.bids.top(limit), "asks": book.asks.top(limit)}

    def _trades(self, query: Query) -> list[dict[str, Any]]:
        limit = query.limit(500, 1000)
        return [self._trade(trade) for trade in list(query.listing().trades)[-limit:]]

    def _historical_trades(self, query: Query) -> list[dict[str, Any]]:
        first_id = query.whole("fromId")
        if first_id is None:
            return self._trades(query)
        found = [trade for trade in query.listing().trades if trade.id >= first_id]
        return [self._trade(trade) for trade in found[: query.limit(500, 1000)]]

    def _trade(self, trade: Trade) -> dict[str, Any]:
        value = {
            "id": trade.id,
            "price": trade.price,
            "qty": trade.qty,
            "quoteQty": f"{float(trade.price) * float(trade.qty):.8f}",
            "time": self._clock.stamp_ms(trade.time_ns),
            "isBuyerMaker": trade.side is Side.SELL,
        }
        return value if self._futures else value | {"isBestMatch": True}

    def _aggregates(self, query: Query) -> list[dict[str, Any]]:
        limit, trades = query.limit(500, 1000), list(query.listing().trades)
        first_id, first_ns, last_ns = (
            query.whole("fromId"),
            query.time_ns("startTime"),
            query.time_ns("endTime"),
        )
        if first_id is not None:
            trades = [trade for trade in trades if trade.id >= first_id][:limit]
        elif first_ns is not None:
            end_ns = 1 << 62 if last_ns is None else last_ns
            trades = [trade for trade in trades if first_ns <= trade.time_ns <= end_ns][:limit]
        elif last_ns is not None:
            trades = [trade for trade in trades if trade.time_ns <= last_ns]
        return [self._aggregate(trade) for trade in trades[-limit:]]

    def _aggregate(self, trade: Trade) -> dict[str, Any]:
        value = {
            "a": trade.id,
            "p": trade.price,
            "q": trade.qty,
            "f": trade.id,
            "l": trade.id,
            "T": self._clock.stamp_ms(trade.time_ns),
            "m": trade.side is Side.SELL,
        }
        return value if self._futures else value | {"M": True}

    def _klines(self, query: Query) -> list[list[Any]]:
        listing = query.listing()
        timeframe_ns = INTERVALS_NS.get(query.text("interval"))
        if timeframe_ns is None:
            raise refuse(-1120, "Invalid interval.")
        first_ns, last_ns = _range(query, listing, timeframe_ns, query.limit(500, self._most_bars))
        listing.bars.settle(listing.now_ns)
        return [
            [
                self._clock.stamp_ms(bar.open_ns),
                listing.price(bar.open),
                listing.price(bar.high),
                listing.price(bar.low),
                listing.price(bar.close),
                listing.qty(bar.volume),
                close_ms(self._clock, bar, timeframe_ns),
                f"{bar.quote:.8f}",
                round(bar.trades),
                listing.qty(bar.buy),
                f"{bar.buy_quote:.8f}",
                "0",
            ]
            for bar in listing.bars.bars(timeframe_ns, first_ns=first_ns, last_ns=last_ns)
        ]

    def _each(self, query: Query, make: Callable[[Listing], dict[str, Any]]) -> Any:
        """Of one symbol if one is named, or else of all."""
        listings = query.listings()
        if listings is None:
            return make(query.listing())
        return [make(listing) for listing in listings]

    def _last_price(self, listing: Listing) -> dict[str, Any]:
        price = listing.price(listing.last_price())
        value = {"symbol": listing.venue_id, "price": price}
        return value | {"time": self._clock.now_ms()} if self._futures else value

    def _touch(self, listing: Listing) -> dict[str, Any]:
        nothing = (listing.price(0.0), listing.qty(0.0))
        bid, bid_qty = listing.book.bids.best() or nothing
        ask, ask_qty = listing.book.asks.best() or nothing
        value: dict[str, Any] = {
            "symbol": listing.venue_id,
            "bidPrice": bid,
            "bidQty": bid_qty,
            "askPrice": ask,
            "askQty": ask_qty,
        }
        return value | {"time": self._clock.now_ms()} if self._futures else value

    def _ticker(self, listing: Listing) -> dict[str, Any]:
        day, now_ms = listing.day(), self._clock.now_ms()
        last = listing.trades[-1] if listing.trades else None
        last_id = 0 if last is None else last.id
        mean = day.quote / day.volume if day.volume else day.last
        value: dict[str, Any] = {
            "symbol": listing.venue_id,
            "priceChange": listing.price(day.last - day.first),
            "priceChangePercent": f"{change_percent(day):.3f}",
            "weightedAvgPrice": listing.price(mean),
            "lastPrice": listing.price(day.last),
            "lastQty": listing.qty(0.0) if last is None else last.qty,
            "openPrice": listing.price(day.first),
            "highPrice": listing.price(day.high),
            "lowPrice": listing.price(day.low),
            "volume": listing.qty(day.volume),
            "quoteVolume": f"{day.quote:.8f}",
            "openTime": now_ms - 86_400_000,
            "closeTime": now_ms,
            "firstId": max(0, last_id - day.trades + 1),
            "lastId": last_id,
            "count": day.trades,
        }
        if self._futures:
            return value
        touch = self._touch(listing)
        return value | touch | {"prevClosePrice": value["openPrice"]}

    def _premium(self, listing: Listing) -> dict[str, Any]:
        mark, index = mark_and_index(listing)
        return {
            "symbol": listing.venue_id,
            "markPrice": mark,
            "indexPrice": index,
            "estimatedSettlePrice": mark,
            "lastFundingRate": f"{listing.derivatives.rate():.8f}",
            "interestRate": "0.00010000",
            "nextFundingTime": self._clock.stamp_ms(next_funding_ns(listing)),
            "time": self._clock.now_ms(),
        }

    def _funding_rates(self, query: Query) -> list[dict[str, Any]]:
        listing = query.listing()
        first_ns, last_ns = _range(query, listing, FUNDING_NS, query.limit(100, 1000))
        state = listing.derivatives
        return [
            {
                "symbol": listing.venue_id,
                "fundingTime": self._clock.stamp_ms(at_ns),
                "fundingRate": f"{rate:.8f}",
                # As of old settlements there: empty where it is not known.
                "markPrice": "" if (mark := state.settled_mark(at_ns)) is None else f"{mark:.8f}",
            }
            for at_ns, rate in state.fundings(first_ns=first_ns, last_ns=last_ns)
        ]

    def _open_interest(self, query: Query) -> dict[str, Any]:
        listing = query.listing()
        return {
            "symbol": listing.venue_id,
            "openInterest": listing.derivatives.open_interest or listing.qty(0.0),
            "time": self._clock.now_ms(),
        }

    def _open_interests(self, query: Query) -> list[dict[str, Any]]:
        listing, period_ns = query.listing(), _period_ns(query)
        first_ns, last_ns = _range(query, listing, period_ns, query.limit(30, 500))
        price = listing.last_price()
        told = listing.derivatives.interests(period_ns, first_ns=first_ns, last_ns=last_ns)
        return [
            {
                "symbol": listing.venue_id,
                "sumOpenInterest": f"{interest:.8f}",
                "sumOpenInterestValue": f"{interest * price:.8f}",
                "timestamp": self._clock.stamp_ms(at_ns),
            }
            for at_ns, interest in told
        ]

    def _account_ratios(self, query: Query) -> list[dict[str, Any]]:
        listing, period_ns = query.listing(), _period_ns(query)
        first_ns, last_ns = _range(query, listing, period_ns, query.limit(30, 500))
        told = listing.derivatives.ratios(period_ns, first_ns=first_ns, last_ns=last_ns)
        return [
            {
                "symbol": listing.venue_id,
                "longAccount": f"{ratio / (1 + ratio):.4f}",
                "longShortRatio": f"{ratio:.4f}",
                "shortAccount": f"{1 / (1 + ratio):.4f}",
                "timestamp": self._clock.stamp_ms(at_ns),
            }
            for at_ns, ratio in told
        ]


def _period_ns(query: Query) -> int:
    period = query.text("period")
    if period not in _PERIODS:
        raise refuse(-1130, "Data sent for parameter 'period' is not valid.")
    return INTERVALS_NS[period]


def _range(query: Query, listing: Listing, step_ns: int, limit: int) -> tuple[int, int]:
    """First and last time of at most ``limit`` rows: from the start if one is given, or else the
    latest before the end.
    """
    first_ns, last_ns = query.time_ns("startTime"), query.time_ns("endTime")
    end_ns = listing.now_ns if last_ns is None else min(last_ns, listing.now_ns)
    if first_ns is None:
        return (end_ns // step_ns - limit + 1) * step_ns, end_ns
    first_ns = -(-first_ns // step_ns) * step_ns
    return first_ns, min(end_ns, first_ns + (limit - 1) * step_ns)
