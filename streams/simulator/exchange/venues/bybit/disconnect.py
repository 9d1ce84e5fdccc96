"""Bybit's dead-man switch: disconnected-cancel-all (DCP)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.frame import NS_PER_S
from streams.simulator.exchange.connection import Hub
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.venues.bybit.messages import Category, category_of
from streams.simulator.exchange.venues.bybit.orders import Routes
from streams.simulator.exchange.venues.bybit.private_stream import topic_key
from streams.simulator.exchange.venues.bybit.rest import Query

_PRODUCTS = {"DERIVATIVES": ("dcp.future", Category.LINEAR), "SPOT": ("dcp.spot", Category.SPOT)}
_LEAST_S, _MOST_S = 3, 300


@dataclass
class _Watch:
    """``heard_ns`` is when a connection that counts was last there; ``None`` before the first."""

    account: Account
    window_s: int
    heard_ns: int | None = None


class Disconnect:
    """Once a private connection has subscribed to ``dcp.future`` or ``dcp.spot``, and all that did
    are gone for the window (market time), the open orders of that product are cancelled.
    """

    def __init__(
        self, desk: Desk, hub: Hub, listings: Mapping[tuple[Category, str], Listing]
    ) -> None:
        self._desk = desk
        self._hub = hub
        self._listings = listings
        self._watches: dict[tuple[str, str], _Watch] = {}

    def routes(self) -> Routes:
        """The paths of it."""
        return {
            ("POST", "/v5/order/disconnected-cancel-all"): self._set,
            ("GET", "/v5/account/query-dcp-info"): lambda account, _: self._told(account),
        }

    def tick(self, now_ns: int) -> None:
        """Cancel where the window is over."""
        for (_, product), watch in self._watches.items():
            topic, category = _PRODUCTS[product]
            if self._hub.wanted(topic_key(watch.account, topic)):
                watch.heard_ns = now_ns
            elif watch.heard_ns is not None:
                if now_ns - watch.heard_ns < watch.window_s * NS_PER_S:
                    continue
                watch.heard_ns = None
                for order in watch.account.open_orders():
                    if category_of(order.listing) is category:
                        self._desk.cancel(watch.account, order)

    def _set(self, account: Account, query: Query) -> dict[str, Any]:
        product, window_s = query.get("product") or "OPTIONS", query.whole("timeWindow") or 0
        if product not in _PRODUCTS:
            raise query.refuse(10001, f"params error: product {product} is not simulated")
        if not _LEAST_S <= window_s <= _MOST_S:
            raise query.refuse(10001, "params error: timeWindow invalid")
        self._watches[account.name, product] = _Watch(account, window_s)
        return {}

    def _told(self, account: Account) -> dict[str, Any]:
        return {
            "dcpInfos": [
                {"product": product, "dcpStatus": "ON", "timeWindow": str(watch.window_s)}
                for (name, product), watch in self._watches.items()
                if name == account.name
            ]
        }
