"""Leverage, margin mode, position mode and brackets of Binance's USD-M."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.margin import TIERS, most_notional
from streams.simulator.exchange.trading.rejections import Rejected
from streams.simulator.exchange.trading.settings import move_margin, set_isolated, set_leverage
from streams.simulator.exchange.venues.binance.futures_errors import refused
from streams.simulator.exchange.venues.binance.futures_messages import text
from streams.simulator.exchange.venues.binance.futures_orders import Routes
from streams.simulator.exchange.venues.binance.query import Query, refuse
from streams.simulator.exchange.venues.binance.tickets import needed

_DONE = {"code": 200, "msg": "success"}


class FuturesSettings:
    """Answers by method and path."""

    def __init__(self, desk: Desk, clock: MarketClock, listings: Mapping[str, Listing]) -> None:
        self._desk = desk
        self._clock = clock
        self._listings = listings

    def routes(self) -> Routes:
        """The paths of an account's settings."""
        root = "/fapi/v1"
        return {
            ("POST", f"{root}/leverage"): self._leverage,
            ("POST", f"{root}/marginType"): self._margin_type,
            ("POST", f"{root}/positionMargin"): self._position_margin,
            ("GET", f"{root}/positionSide/dual"): lambda *_: {"dualSidePosition": False},
            ("POST", f"{root}/positionSide/dual"): self._position_mode,
            ("GET", f"{root}/multiAssetsMargin"): lambda *_: {"multiAssetsMargin": False},
            ("GET", f"{root}/leverageBracket"): self._brackets,
            ("GET", f"{root}/symbolConfig"): self._symbols,
        }

    def _leverage(self, account: Account, query: Query) -> dict[str, Any]:
        query.text("leverage")
        listing, leverage = query.listing(), query.whole("leverage") or 0
        try:
            set_leverage(self._desk, account, listing, leverage)
        except Rejected as rejected:
            raise refused(rejected) from rejected
        return {
            "leverage": leverage,
            "maxNotionalValue": text(most_notional(leverage)),
            "symbol": listing.venue_id,
        }

    def _margin_type(self, account: Account, query: Query) -> dict[str, Any]:
        kind = query.text("marginType")
        if kind not in ("ISOLATED", "CROSSED"):
            raise refuse(-1130, "Data sent for parameter 'marginType' is not valid.")
        try:
            set_isolated(self._desk, account, query.listing(), isolated=kind == "ISOLATED")
        except Rejected as rejected:
            raise refused(rejected) from rejected
        return _DONE

    def _position_margin(self, account: Account, query: Query) -> dict[str, Any]:
        amount, adding = needed(query, "amount"), query.text("type") == "1"
        try:
            move_margin(self._desk, account, query.listing(), amount if adding else -amount)
        except Rejected as rejected:
            raise refused(rejected) from rejected
        return {
            "amount": float(amount),
            "code": 200,
            "msg": "Successfully modify position margin.",
            "type": 1 if adding else 2,
        }

    @staticmethod
    def _position_mode(_account: Account, query: Query) -> dict[str, Any]:
        query.text("dualSidePosition")
        if query.flag("dualSidePosition"):
            raise refuse(-4084, "Method is not allowed currently. Coming soon.")
        raise refuse(-4059, "No need to change position side.")

    def _brackets(self, _account: Account, query: Query) -> Any:
        asked = None if query.optional("symbol") is None else query.listing()
        brackets = [
            {
                "bracket": tier.number,
                "initialLeverage": tier.leverage,
                "notionalCap": int(tier.cap),
                "notionalFloor": int(tier.floor),
                "maintMarginRatio": float(tier.rate),
                "cum": float(tier.deduction),
            }
            for tier in TIERS
        ]
        return [
            {"symbol": listing.venue_id, "notionalCoef": 1.0, "brackets": brackets}
            for listing in self._listings.values()
            if asked in (None, listing)
        ]

    def _symbols(self, account: Account, query: Query) -> list[dict[str, Any]]:
        asked = None if query.optional("symbol") is None else query.listing()
        positions = [
            account.position(listing)
            for listing in self._listings.values()
            if asked in (None, listing)
        ]
        return [
            {
                "symbol": each.listing.venue_id,
                "marginType": "ISOLATED" if each.isolated else "CROSSED",
                "isAutoAddMargin": False,
                "leverage": each.leverage,
                "maxNotionalValue": text(most_notional(each.leverage)),
            }
            for each in positions
        ]
