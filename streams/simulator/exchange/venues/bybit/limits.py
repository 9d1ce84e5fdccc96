"""Bybit's limits: requests of an address in five seconds, and of an account per path and second."""

from __future__ import annotations

from collections.abc import Mapping

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.limits import Window
from streams.simulator.exchange.venues.base import Reply, Request
from streams.simulator.exchange.venues.bybit.rest import envelope

_MOST_OF_ADDRESS = 600
_MOST_OF_PATH: Mapping[str, int] = {
    "/v5/order/create": 10,
    "/v5/order/amend": 10,
    "/v5/order/cancel": 10,
    "/v5/order/cancel-all": 10,
    "/v5/order/create-batch": 10,
    "/v5/order/amend-batch": 10,
    "/v5/order/cancel-batch": 10,
    "/v5/order/realtime": 50,
    "/v5/order/history": 50,
    "/v5/execution/list": 50,
    "/v5/position/list": 50,
    "/v5/position/set-leverage": 10,
    "/v5/account/wallet-balance": 50,
    "/v5/account/fee-rate": 10,
    "/v5/user/query-api": 10,
}
"""Per second and account, of the default tier; other paths of accounts have no limit here."""
_TOO_OFTEN = b"<html><body>403, access too frequent</body></html>"


class BybitLimits:
    """Every client of the simulator comes from one address."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self._address = Window(5)
        self._paths = Window(1)

    def take(self, request: Request) -> Reply | None:
        """403 for the address, 10006 for the account."""
        if self._address.add("all", 1) > _MOST_OF_ADDRESS:
            return Reply(_TOO_OFTEN, 403)
        most = _MOST_OF_PATH.get(request.path)
        if most is None or self._paths.add(_whom(request), 1) <= most:
            return None
        text = "Too many visits. Exceeded the API Rate Limit."
        return Reply(
            envelope(self._clock, {}, code=10006, text=text), headers=self.headers(request)
        )

    def headers(self, request: Request) -> Mapping[str, str]:
        """What is left of the second."""
        most = _MOST_OF_PATH.get(request.path)
        if most is None:
            return {}
        left = max(0, most - self._paths.used(_whom(request)))
        return {
            "X-Bapi-Limit": str(most),
            "X-Bapi-Limit-Status": str(left),
            "X-Bapi-Limit-Reset-Timestamp": str(self._clock.now_ms() + self._paths.left_ms()),
        }


def _whom(request: Request) -> str:
    return f"{request.headers.get('X-BAPI-API-KEY', '')} {request.path}"
