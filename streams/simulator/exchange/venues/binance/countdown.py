"""Binance's dead-man switch of USD-M: ``countdownCancelAll``."""

from __future__ import annotations

from typing import Any

from schemas.frame import NS_PER_MS
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.dead_man import DeadMan
from streams.simulator.exchange.venues.binance.futures_orders import Routes
from streams.simulator.exchange.venues.binance.query import Query, refuse


class Countdown:
    """One countdown a symbol. Conditional orders stay, as there."""

    def __init__(self, dead_man: DeadMan) -> None:
        self._dead_man = dead_man

    def routes(self) -> Routes:
        """The path of it."""
        return {("POST", "/fapi/v1/countdownCancelAll"): self._wind}

    def _wind(self, account: Account, query: Query) -> dict[str, Any]:
        listing = query.listing()
        query.text("countdownTime")
        countdown_ms = query.whole("countdownTime") or 0
        if countdown_ms < 0:
            raise refuse(-1130, "Data sent for parameter 'countdownTime' is not valid.")
        if countdown_ms == 0:
            self._dead_man.stop(account, listing.symbol)
        else:
            self._dead_man.wind(
                account, listing.symbol, (listing.symbol,), countdown_ns=countdown_ms * NS_PER_MS
            )
        return {"symbol": listing.venue_id, "countdownTime": str(countdown_ms)}
