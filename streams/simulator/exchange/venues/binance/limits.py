"""Binance's limits: weight of requests by address, orders by account, and the ban that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S
from streams.simulator.exchange.limits import Window
from streams.simulator.exchange.venues.base import Reply, Request

BAN_S = 120
"""The shortest ban."""
_PATIENCE = 20
"""Requests after a 429, within its window, that are answered with another one."""
_ALL = "all"
_NAMES = {10: "10S", 60: "1M", 86_400: "1D"}
_ORDERS = ("/order", "/algoOrder", "/batchOrders", "/order/cancelReplace")
_BATCH = {10: 5}
"""What a batch counts by seconds, whatever it holds; otherwise 1."""


class BinanceLimits:
    """One address has it all: every client of the simulator comes from loopback."""

    def __init__(
        self,
        weight_of: Callable[[Request], int],
        *,
        most_weight: int,
        most_orders: Mapping[int, int],
    ) -> None:
        self._weight_of = weight_of
        self._most_weight = most_weight
        self._weight = Window(60)
        self._most_orders = most_orders
        self._orders = {seconds: Window(seconds) for seconds in most_orders}
        self._refused = Window(60)
        self._banned_until_ns = 0

    def take(self, request: Request) -> Reply | None:
        """429 for what is too much, 418 for who does not stop."""
        left_ns = self._banned_until_ns - monotonic_ns()
        if left_ns > 0:
            return self._banned(left_ns)
        if self._weight.add(_ALL, self._weight_of(request)) > self._most_weight:
            if self._refused.add(_ALL, 1) > _PATIENCE:
                self._banned_until_ns = monotonic_ns() + BAN_S * NS_PER_S
                return self._banned(BAN_S * NS_PER_S)
            text = f"Too many requests; current limit of IP is {self._most_weight} per minute."
            return Reply(
                {"code": -1003, "msg": text}, 429, {"Retry-After": str(self._weight.left_s())}
            )
        return self._take_order(request) if _places(request) else None

    def headers(self, request: Request) -> Mapping[str, str]:
        """What is used of the minute, and of orders."""
        told = {"X-MBX-USED-WEIGHT-1M": str(self._weight.used(_ALL))}
        key = request.headers.get("X-MBX-APIKEY")
        if key is not None and _places(request):
            for seconds, window in self._orders.items():
                told[f"X-MBX-ORDER-COUNT-{_NAMES[seconds]}"] = str(window.used(key))
        return told

    def _take_order(self, request: Request) -> Reply | None:
        key = request.headers.get("X-MBX-APIKEY", "")
        batch = request.path.endswith("/batchOrders")
        for seconds, window in self._orders.items():
            most = self._most_orders[seconds]
            if window.add(key, _BATCH.get(seconds, 1) if batch else 1) > most:
                limit = f"{most} orders per {seconds} SECOND"
                text = f"Too many new orders; current limit is {limit}."
                return Reply(
                    {"code": -1015, "msg": text}, 429, {"Retry-After": str(window.left_s())}
                )
        return None

    @staticmethod
    def _banned(left_ns: int) -> Reply:
        text = "Way too many requests; IP banned. Please use the websocket for live updates."
        return Reply(
            {"code": -1003, "msg": text}, 418, {"Retry-After": str(left_ns // NS_PER_S + 1)}
        )


def _places(request: Request) -> bool:
    """Whether it places orders, or amends them, which counts as much."""
    return request.method in ("POST", "PUT") and request.path.endswith(_ORDERS)


def futures_weight(request: Request) -> int:
    """Of USD-M's requests, as documented; 1 for what is not named."""
    path = request.path.rpartition("/")[2]
    one, every = _FUTURES.get(path, (1, 1))
    if path == "depth":
        return _step(request, 500, ((50, 2), (100, 5), (500, 10)), 20)
    if path == "klines":
        return _step(request, 500, ((99, 1), (499, 2), (1000, 5)), 10)
    if path in ("order", "algoOrder") and request.method == "POST":
        return 0
    return one if "symbol" in request.query else every


def spot_weight(request: Request) -> int:
    """Of spot's requests, as documented; 1 for what is not named."""
    path = request.path.rpartition("/")[2]
    one, every = _SPOT.get(path, (1, 1))
    if path == "depth":
        return _step(request, 100, ((100, 5), (500, 25), (1000, 50)), 250)
    if path == "order" and request.method != "GET":
        return 1
    return one if "symbol" in request.query else every


def _step(request: Request, default: int, steps: tuple[tuple[int, int], ...], most: int) -> int:
    told = request.query.get("limit", "")
    limit = int(told) if told.isdecimal() else default
    return next((weight for upto, weight in steps if limit <= upto), most)


# Weight with a symbol, and without one.
_FUTURES: Mapping[str, tuple[int, int]] = {
    "trades": (5, 5),
    "historicalTrades": (20, 20),
    "aggTrades": (20, 20),
    "24hr": (1, 40),
    "price": (1, 2),
    "bookTicker": (2, 5),
    "premiumIndex": (1, 10),
    "openOrders": (1, 40),
    "openAlgoOrders": (1, 40),
    "allOrders": (5, 5),
    "allAlgoOrders": (5, 5),
    "account": (5, 5),
    "balance": (5, 5),
    "positionRisk": (5, 5),
    "userTrades": (5, 5),
    "income": (30, 30),
    "countdownCancelAll": (10, 10),
    "dual": (30, 30),
    "commissionRate": (20, 20),
    "batchOrders": (5, 5),
}
_SPOT: Mapping[str, tuple[int, int]] = {
    "exchangeInfo": (20, 20),
    "trades": (25, 25),
    "historicalTrades": (25, 25),
    "aggTrades": (4, 4),
    "klines": (2, 2),
    "24hr": (2, 80),
    "price": (2, 4),
    "bookTicker": (2, 4),
    "order": (4, 4),
    "openOrders": (6, 80),
    "allOrders": (20, 20),
    "account": (20, 20),
    "myTrades": (20, 20),
}
