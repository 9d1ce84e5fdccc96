"""Coinbase Advanced Trade as a venue. Its order side will be a module of its own beside this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from schemas.frame import NS_PER_S
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.listing import Listing, Update
from streams.simulator.exchange.venues.base import Refusal, Reply, Request, Venue
from streams.simulator.exchange.venues.coinbase.messages import Messages
from streams.simulator.exchange.venues.coinbase.streams import Streams
from streams.simulator.market.source import Rules

_ROOT = "/api/v3/brokerage"
_PRODUCTS = f"{_ROOT}/market/products"
_TOO_MANY = 429
_NO_SERVER = b"<html><body><h1>Service Unavailable</h1></body></html>"
_MOST_BARS = 350
_MOST_TRADES = 1000
_GRANULARITIES_NS = {
    "ONE_MINUTE": 60 * NS_PER_S,
    "FIVE_MINUTE": 300 * NS_PER_S,
    "FIFTEEN_MINUTE": 900 * NS_PER_S,
    "THIRTY_MINUTE": 1_800 * NS_PER_S,
    "ONE_HOUR": 3_600 * NS_PER_S,
    "TWO_HOUR": 7_200 * NS_PER_S,
    "SIX_HOUR": 21_600 * NS_PER_S,
    "ONE_DAY": 86_400 * NS_PER_S,
}


class Coinbase(Venue):
    """Spot. Every stream message carries a number of its connection."""

    id = "coinbase"
    hosts = ("api.coinbase.com", "advanced-trade-ws.coinbase.com")

    def __init__(self, clock: MarketClock, faults: FaultTable) -> None:
        super().__init__(clock, faults)
        self._messages = Messages(clock)
        self._by_name: dict[str, Listing] = {}
        self._streams = Streams(self.hub, self._messages, self._by_name)
        self._public: dict[str, Callable[[Mapping[str, str]], Any]] = {
            f"{_ROOT}/time": lambda _: self._time(),
            _PRODUCTS: self._products,
            f"{_ROOT}/market/product_book": self._book,
            "/v2/time": lambda _: {"data": self._time()},
            "/v2/currencies": lambda _: {"data": []},
            "/v2/currencies/crypto": lambda _: {"data": []},
            "/v2/exchange-rates": lambda _: {"data": {"currency": "USD", "rates": {}}},
        }

    def add(self, listing: Listing) -> None:
        """List a symbol."""
        super().add(listing)
        self._by_name[listing.venue_id] = listing

    def venue_id(self, rules: Rules) -> str:
        """``BTC-USD``."""
        return f"{rules.base}-{rules.quote}"

    def numbered(self) -> Callable[[bytes], bytes]:
        """Each message of a connection is one more."""
        count = -1

        def number(payload: bytes) -> bytes:
            nonlocal count
            count += 1
            return payload.replace(b'"sequence_num":0,', b'"sequence_num":%d,' % count, 1)

        return number

    def answer(self, request: Request) -> Reply:
        """Public requests; all others are the account's, which is not simulated."""
        handler = self._public.get(request.path)
        if handler is not None:
            return Reply(handler(request.query))
        name, _, what = request.path.removeprefix(f"{_PRODUCTS}/").partition("/")
        if request.path.startswith(f"{_PRODUCTS}/"):
            listing = self._listing(name)
            match what:
                case "":
                    return Reply(_product(listing))
                case "candles":
                    return Reply(self._bars(listing, request.query))
                case "ticker":
                    return Reply(self._trades(listing, request.query))
                case _:
                    pass
        raise _refuse(501, "UNIMPLEMENTED", f"This operation is not supported: {request.path}")

    def refusal(self, status: int) -> Any:
        """The venue's body of an error; ill servers say nothing that could be read."""
        if status != _TOO_MANY:
            return _NO_SERVER
        text = "too many requests"
        return {"error": "resource_exhausted", "error_details": text, "message": text}

    def maintenance(self) -> Reply:
        """Requests fail with 503."""
        return Reply(_NO_SERVER, 503)

    def streams(self, path: str) -> bool:
        """There is one."""
        return path == "/"

    def opened(self, connection: Connection, request: Request) -> None:
        """The venue says nothing until it is asked."""

    def received(self, connection: Connection, text: str) -> None:
        """Subscriptions."""
        self._streams.received(connection, text)

    def publish(self, listing: Listing, update: Update) -> None:
        """Send to those who listen."""
        self._streams.publish(listing, update)

    def tick(self, now_ns: int) -> None:
        """Tickers, bars, heartbeats."""
        self._streams.tick(now_ns)

    def _listing(self, name: str | None) -> Listing:
        found = self._by_name.get(name or "")
        if found is None or not found.active:
            raise _refuse(404, "NOT_FOUND", "valid product_id is required")
        return found

    def _time(self) -> dict[str, str]:
        now_ms = self.clock.now_ms()
        iso = self._messages.time(self.clock.now_ns())
        return {"iso": iso, "epochSeconds": str(now_ms // 1000), "epochMillis": str(now_ms)}

    def _products(self, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = query.get("product_type") in (None, "SPOT")
        products = [_product(listing) for listing in self.active()] if wanted else []
        return {"products": products, "num_products": len(products), "pagination": None}

    def _book(self, query: Mapping[str, str]) -> dict[str, Any]:
        listing = self._listing(query.get("product_id"))
        limit = int(query["limit"]) if query.get("limit", "").isdecimal() else None
        bids, asks = listing.book.bids.top(limit), listing.book.asks.top(limit)
        return {
            "pricebook": {
                "product_id": listing.venue_id,
                "bids": [{"price": price, "size": qty} for price, qty in bids],
                "asks": [{"price": price, "size": qty} for price, qty in asks],
                "time": self._messages.time(listing.now_ns),
            },
            "last": listing.price(listing.last_price()),
            "mid_market": f"{listing.book.mid() or 0.0}",
        }

    def _bars(self, listing: Listing, query: Mapping[str, str]) -> dict[str, Any]:
        step_ns = _GRANULARITIES_NS.get(query.get("granularity", ""))
        first, last = query.get("start", ""), query.get("end", "")
        if step_ns is None or not first.isdecimal() or not last.isdecimal():
            raise _refuse(400, "INVALID_ARGUMENT", "granularity, start and end are required")
        first_ns, last_ns = int(first) * NS_PER_S, int(last) * NS_PER_S
        if last_ns - first_ns > _MOST_BARS * step_ns:
            text = f"number of candles requested should be less than {_MOST_BARS}"
            raise _refuse(400, "INVALID_ARGUMENT", text)
        listing.bars.settle(listing.now_ns)
        first_ns = -(-first_ns // step_ns) * step_ns
        bars = listing.bars.bars(step_ns, first_ns=first_ns, last_ns=last_ns)
        return {"candles": [self._messages.bar(listing, bar) for bar in bars[::-1]]}

    def _trades(self, listing: Listing, query: Mapping[str, str]) -> dict[str, Any]:
        first, last, limit = query.get("start", "0"), query.get("end", ""), query.get("limit", "")
        first_ns = int(first) * NS_PER_S if first.isdecimal() else 0
        last_ns = int(last) * NS_PER_S if last.isdecimal() else 1 << 62
        count = min(int(limit), _MOST_TRADES) if limit.isdecimal() else 100
        found = [trade for trade in listing.trades if first_ns <= trade.time_ns <= last_ns]
        bid, ask = listing.book.bids.best() or ("0", "0"), listing.book.asks.best() or ("0", "0")
        return {
            "trades": self._messages.trades(listing, found[-count:], "")["trades"],
            "best_bid": bid[0],
            "best_ask": ask[0],
        }


def _refuse(status: int, kind: str, text: str) -> Refusal:
    return Refusal(Reply({"error": kind, "error_details": text, "message": text}, status))


def _product(listing: Listing) -> dict[str, Any]:
    rules, day = listing.rules, listing.day()
    tick, step = f"{rules.tick_size.normalize():f}", f"{rules.qty_step.normalize():f}"
    return {
        "product_id": listing.venue_id,
        "price": listing.price(day.last),
        "price_percentage_change_24h": f"{(day.last / day.first - 1) * 100:.14f}",
        "volume_24h": listing.qty(day.volume),
        "volume_percentage_change_24h": "0",
        "base_increment": step,
        "quote_increment": tick,
        "quote_min_size": f"{rules.min_notional.normalize():f}",
        "quote_max_size": "150000000",
        "base_min_size": step,
        "base_max_size": f"{Decimal(10_000_000) * rules.qty_step:f}",
        "base_name": rules.base,
        "quote_name": rules.quote,
        "watched": False,
        "is_disabled": not listing.active,
        "new": False,
        "status": "online" if listing.active else "delisted",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": not listing.active,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": rules.quote,
        "base_currency_id": rules.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": "",
        "alias_to": [],
        "base_display_symbol": rules.base,
        "quote_display_symbol": rules.quote,
        "view_only": False,
        "price_increment": tick,
        "display_name": listing.venue_id,
        "product_venue": "CBE",
        "approximate_quote_24h_volume": f"{day.quote:.2f}",
        "new_at": "2023-01-01T00:00:00Z",
        "market_cap": "",
        "base_cbrn": "",
        "quote_cbrn": "",
        "product_cbrn": "",
        "icon_color": "",
        "icon_url": "",
        "display_name_overwrite": "",
        "is_alpha_testing": False,
        "about_description": "",
        "best_bid_price": "",
        "best_ask_price": "",
        "high_24h": listing.price(day.high),
        "low_24h": listing.price(day.low),
    }
