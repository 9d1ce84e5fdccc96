"""Who asks: API key, signature and time of a request to Binance."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.venues.base import Request
from streams.simulator.exchange.venues.binance.query import refuse

_AHEAD_MS = 1_000
"""How far a request's time may be ahead of the server's."""
_WINDOW_MS = 5_000
_MOST_WINDOW_MS = 60_000
_MS = re.compile(r"[0-9]{1,19}")


class Gate:
    """Lets requests of known keys through. ``accounts`` are by API key.

    Times are judged only where market time keeps pace with the client's clock.
    """

    def __init__(self, clock: MarketClock, accounts: Mapping[str, Account]) -> None:
        self._clock = clock
        self._accounts = accounts

    def owner(self, request: Request) -> Account:
        """The account of a request that needs no signature."""
        return self.of_key(request.headers.get("X-MBX-APIKEY"))

    def of_key(self, key: str | None) -> Account:
        """The account of a key."""
        if not key:
            raise refuse(-2014, "API-key format invalid.", status=401)
        account = self._accounts.get(key)
        if account is None:
            raise refuse(
                -2015,
                "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1",
                status=401,
            )
        return account

    def signed(self, request: Request) -> tuple[Account, dict[str, str]]:
        """The account and the parameters, of query and body together, of a signed request."""
        account = self.owner(request)
        payload = request.raw_query + request.body.decode(errors="replace")
        values = dict(parse_qsl(payload, keep_blank_values=True))
        self.check(account, payload, values)
        return account, values

    def check(self, account: Account, payload: str, values: Mapping[str, str]) -> None:
        """Signature and time of parameters that are signed as ``payload``."""
        given = values.get("signature")
        if not given:
            raise refuse(
                -1102,
                "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.",
            )
        told = payload.rpartition("signature=")[0].removesuffix("&")
        true = hmac.new(account.key.secret.encode(), told.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(true, given):
            raise refuse(-1022, "Signature for this request is not valid.")
        self._check_time(values)

    def _check_time(self, values: Mapping[str, str]) -> None:
        stamp, window = values.get("timestamp", ""), values.get("recvWindow", str(_WINDOW_MS))
        if not _MS.fullmatch(stamp):
            raise refuse(
                -1102,
                "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.",
            )
        if not _MS.fullmatch(window) or not 0 < int(window) <= _MOST_WINDOW_MS:
            raise refuse(-1131, "recvWindow must be less than 60000")
        if not self._clock.keeps_pace:
            return
        behind_ms = self._clock.now_ms() - int(stamp)
        if behind_ms < -_AHEAD_MS:
            raise refuse(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if behind_ms > int(window):
            raise refuse(-1021, "Timestamp for this request is outside of the recvWindow.")
