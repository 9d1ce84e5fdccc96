"""Bybit's stop-loss and take-profit of a position: ``position/trading-stop``."""

from __future__ import annotations

from typing import Any

from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.position_stops import (
    STOP_LOSS,
    TAKE_PROFIT,
    PositionStops,
)
from streams.simulator.exchange.trading.rejections import Rejected
from streams.simulator.exchange.venues.bybit.errors import code_of
from streams.simulator.exchange.venues.bybit.orders import Routes
from streams.simulator.exchange.venues.bybit.protective import check_whole
from streams.simulator.exchange.venues.bybit.rest import Query
from streams.simulator.exchange.venues.bybit.tickets import number

_NAMES = {"stopLoss": STOP_LOSS, "takeProfit": TAKE_PROFIT}


class TradingStop:
    """The whole position at the market: modes of a part or with a limit price are refused."""

    def __init__(self, stops: PositionStops) -> None:
        self._stops = stops

    def routes(self) -> Routes:
        """The path of it."""
        return {("POST", "/v5/position/trading-stop"): self._set}

    def _set(self, account: Account, query: Query) -> dict[str, Any]:
        listing = query.listing()
        check_whole(query)
        if not account.position(listing).qty:
            raise query.refuse(10001, "can not set tp/sl/ts for zero position")
        asked = {kind: name for name, kind in _NAMES.items() if query.get(name) is not None}
        if not asked:
            raise query.refuse(10001, "params error: stopLoss or takeProfit is required")
        try:
            for kind, name in asked.items():
                self._stops.set(account, listing, kind, number(query, name))
        except Rejected as rejected:
            raise query.refuse(*code_of(rejected.reason, rejected.detail)) from rejected
        return {}
