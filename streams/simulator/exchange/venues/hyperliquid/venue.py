"""Hyperliquid as a venue. Its order side, ``/exchange``, will be a module beside this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from schemas.frame import NS_PER_MS, NS_PER_S
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import FaultTable
from streams.simulator.exchange.listing import Listing, Update
from streams.simulator.exchange.venues.base import Refusal, Reply, Request, Venue
from streams.simulator.exchange.venues.hyperliquid.messages import (
    HOURS_OF_FUNDING,
    INTERVALS_NS,
    Messages,
)
from streams.simulator.exchange.venues.hyperliquid.streams import Streams
from streams.simulator.market.source import Rules

_HOUR_NS = 3600 * NS_PER_S
_MOST_BARS = 5000
_MOST_FUNDINGS = 500
_MOST_TRADES = 100
_USDC = {
    "name": "USDC",
    "szDecimals": 8,
    "weiDecimals": 8,
    "index": 0,
    "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
    "isCanonical": True,
    "evmContract": None,
    "fullName": None,
}


class Hyperliquid(Venue):
    """Perpetuals settled in USDC."""

    id = "hyperliquid"
    hosts = ("api.hyperliquid.xyz",)

    def __init__(self, clock: MarketClock, faults: FaultTable) -> None:
        super().__init__(clock, faults)
        self._messages = Messages(clock)
        self._by_name: dict[str, Listing] = {}
        self._streams = Streams(self.hub, self._messages, self._by_name)
        self._info: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "meta": lambda asked: self._contexts(asked)[0],
            "metaAndAssetCtxs": self._contexts,
            "spotMeta": lambda _: {"tokens": [_USDC], "universe": []},
            "spotMetaAndAssetCtxs": lambda _: [{"tokens": [_USDC], "universe": []}, []],
            "perpDexs": lambda _: [None],
            "allMids": lambda _: self._mids(),
            "l2Book": lambda asked: self._messages.book(self._listing(asked)),
            "recentTrades": self._trades,
            "candleSnapshot": lambda asked: self._bars(_object(asked.get("req"))),
            "fundingHistory": self._fundings,
        }

    def add(self, listing: Listing) -> None:
        """List a symbol."""
        super().add(listing)
        self._by_name[listing.venue_id] = listing

    def venue_id(self, rules: Rules) -> str:
        """``BTC``."""
        return rules.base

    def answer(self, request: Request) -> Reply:
        """Public information; all else is the account's, which is not simulated."""
        if request.path != "/info":
            text = f"This operation is not supported: {request.path}"
            raise Refusal(Reply({"status": "err", "response": text}))
        try:
            asked = msgspec.json.decode(request.body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise _malformed() from error
        handler = self._info.get(str(asked.get("type")))
        if handler is None:
            raise _malformed()
        return Reply(handler(asked))

    def refusal(self, status: int) -> Any:
        """The venue says no more than its status does."""
        return f"error code: {status}".encode()

    def maintenance(self) -> Reply:
        """Requests fail with 502, as those to a proxy without a server behind it."""
        return Reply(b"error code: 502", 502)

    def streams(self, path: str) -> bool:
        """There is one."""
        return path == "/ws"

    def opened(self, connection: Connection, request: Request) -> None:
        """The venue says nothing until it is asked."""

    def received(self, connection: Connection, text: str) -> None:
        """Subscriptions and pings."""
        self._streams.received(connection, text)

    def publish(self, listing: Listing, update: Update) -> None:
        """Send to those who listen."""
        self._streams.publish(listing, update)

    def tick(self, now_ns: int) -> None:
        """Books, contexts and bars."""
        self._streams.tick(now_ns)

    def _listing(self, asked: Mapping[str, Any]) -> Listing:
        found = self._by_name.get(str(asked.get("coin")))
        if found is None or not found.active:
            raise Refusal(Reply(None, 500))
        return found

    def _contexts(self, asked: Mapping[str, Any]) -> list[Any]:
        listings = [] if asked.get("dex") else list(self._by_name.values())
        universe: list[dict[str, Any]] = [
            {
                "szDecimals": listing.rules.qty_decimals,
                "name": listing.venue_id,
                "maxLeverage": 40,
                "marginTableId": 56,
            }
            | ({} if listing.active else {"isDelisted": True})
            for listing in listings
        ]
        meta = {"universe": universe, "marginTables": [], "collateralToken": 0}
        return [meta, [self._messages.context(listing) for listing in listings]]

    def _mids(self) -> dict[str, str]:
        return {
            listing.venue_id: listing.price(listing.book.mid() or listing.last_price())
            for listing in self.active()
        }

    def _trades(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        listing = self._listing(asked)
        trades = list(listing.trades)[-_MOST_TRADES:]
        return [self._messages.trade(listing, trade) for trade in trades[::-1]]

    def _bars(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        listing, interval = self._listing(asked), str(asked.get("interval"))
        step_ns = INTERVALS_NS.get(interval)
        if step_ns is None:
            raise _malformed()
        first_ns, last_ns = self._times(asked, listing)
        listing.bars.settle(listing.now_ns)
        first_ns = max(-(-first_ns // step_ns), last_ns // step_ns - _MOST_BARS + 1) * step_ns
        bars = listing.bars.bars(step_ns, first_ns=first_ns, last_ns=last_ns)
        return [self._messages.bar(listing, bar, interval) for bar in bars]

    def _fundings(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        listing = self._listing(asked)
        first_ns, last_ns = self._times(asked, listing)
        last_ns = min(last_ns, first_ns + _MOST_FUNDINGS * _HOUR_NS)
        told = listing.derivatives.fundings(first_ns=first_ns, last_ns=last_ns, every_ns=_HOUR_NS)
        return [
            {
                "coin": listing.venue_id,
                "fundingRate": f"{rate / HOURS_OF_FUNDING:.10f}",
                "premium": f"{rate - 1e-4:.10f}",
                "time": self.clock.stamp_ms(at_ns),
            }
            for at_ns, rate in told
        ]

    @staticmethod
    def _times(asked: Mapping[str, Any], listing: Listing) -> tuple[int, int]:
        first_ms, last_ms = asked.get("startTime", 0), asked.get("endTime")
        if not isinstance(first_ms, int) or not isinstance(last_ms, int | None):
            raise _malformed()
        last_ns = listing.now_ns if last_ms is None else last_ms * NS_PER_MS
        return first_ms * NS_PER_MS, min(last_ns, listing.now_ns)


def _malformed() -> Refusal:
    return Refusal(Reply("Failed to deserialize the JSON body into the target type", 422))


def _object(value: Any) -> dict[str, Any]:
    """What is asked for, if it is an object: nothing else names a coin."""
    return value if isinstance(value, dict) else {}
