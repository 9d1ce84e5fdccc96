"""Who asks: API key, signature and time of Bybit's v5 requests and private connections."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.rejections import Reason
from streams.simulator.exchange.venues.base import Refusal, Reply, Request
from streams.simulator.exchange.venues.bybit.errors import code_of
from streams.simulator.exchange.venues.bybit.rest import envelope

_MS = re.compile(r"[0-9]{1,19}")
_AHEAD_MS = 1_000
"""How far a request's time may be ahead of the server's."""


class Gate:
    """Lets requests of known keys through. ``accounts`` are by API key.

    Times are judged only where market time keeps pace with the client's clock.
    """

    def __init__(self, clock: MarketClock, accounts: Mapping[str, Account]) -> None:
        self._clock = clock
        self._accounts = accounts

    def signed(self, request: Request) -> tuple[Account, dict[str, str]]:
        """The account and the parameters of a signed request; of a body all become text."""
        headers = request.headers
        account = self._accounts.get(headers.get("X-BAPI-API-KEY", ""))
        if account is None:
            raise self.refuse(Reason.AUTH)
        stamp = headers.get("X-BAPI-TIMESTAMP", "")
        window = headers.get("X-BAPI-RECV-WINDOW", "5000")
        posted = request.method == "POST"
        payload = request.body.decode(errors="replace") if posted else request.raw_query
        told = f"{stamp}{account.key.key}{window}{payload}"
        if not _fits(account, told, headers.get("X-BAPI-SIGN", "")):
            raise self.refuse(Reason.SIGNATURE)
        self._check_time(stamp, window)
        return account, self._posted(request) if posted else dict(request.query)

    def entered(self, args: Sequence[Any]) -> Account | None:
        """The account that a private connection's ``auth`` proves; ``None`` if it proves none."""
        if len(args) != len(("key", "expires", "signature")):
            return None
        key, expires, signature = (str(each) for each in args)
        account = self._accounts.get(key)
        if account is None or not _fits(account, f"GET/realtime{expires}", signature):
            return None
        if self._clock.keeps_pace and not _MS.fullmatch(expires):
            return None
        if self._clock.keeps_pace and int(expires) < self._clock.now_ms():
            return None
        return account

    def refuse(self, reason: Reason, detail: str = "") -> Refusal:
        """An error as Bybit answers it."""
        code, text = code_of(reason, detail)
        return Refusal(Reply(envelope(self._clock, {}, code=code, text=text)))

    def _posted(self, request: Request) -> dict[str, str]:
        try:
            values = msgspec.json.decode(request.body or b"{}", type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            raise self.refuse(Reason.BAD_REQUEST, "body") from None
        return plain(values)

    def _check_time(self, stamp: str, window: str) -> None:
        if not _MS.fullmatch(stamp) or not _MS.fullmatch(window):
            raise self.refuse(Reason.TIMESTAMP)
        if not self._clock.keeps_pace:
            return
        behind_ms = self._clock.now_ms() - int(stamp)
        if not -_AHEAD_MS <= behind_ms <= int(window):
            raise self.refuse(
                Reason.TIMESTAMP,
                f"req_timestamp[{stamp}],server_timestamp[{self._clock.now_ms()}],"
                f"recv_window[{window}]",
            )


def plain(values: Mapping[str, Any]) -> dict[str, str]:
    """Values of a JSON body as text; lists as JSON."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list() | dict():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


def _fits(account: Account, told: str, signature: str) -> bool:
    true = hmac.new(account.key.secret.encode(), told.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(true, signature)
