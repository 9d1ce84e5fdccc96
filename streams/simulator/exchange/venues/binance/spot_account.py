"""The account of Binance spot by REST: balances, trades, fees, and what the key may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.venues.binance.futures_messages import text
from streams.simulator.exchange.venues.binance.futures_orders import Routes
from streams.simulator.exchange.venues.binance.own_trades import own_trades
from streams.simulator.exchange.venues.binance.query import Query
from streams.simulator.exchange.venues.binance.spot_messages import balances, fill_value, money


class SpotAccount:
    """Answers by method and path."""

    def __init__(self, desk: Desk, clock: MarketClock, listings: Mapping[str, Listing]) -> None:
        self._desk = desk
        self._clock = clock
        self._listings = listings

    def routes(self) -> Routes:
        """The account's paths beside its orders. Rights are told here for all of Binance."""
        return {
            ("GET", "/api/v3/account"): lambda account, _: self._account(account),
            ("GET", "/api/v3/myTrades"): self._trades,
            ("GET", "/sapi/v1/asset/tradeFee"): self._fees,
            ("GET", "/sapi/v1/account/apiRestrictions"): lambda account, _: self._rights(account),
            # Clients with a key ask for these when they load markets. There is nothing to tell.
            ("GET", "/sapi/v1/capital/config/getall"): lambda *_: [],
            ("GET", "/sapi/v1/margin/allAssets"): lambda *_: [],
            ("GET", "/sapi/v1/margin/allPairs"): lambda *_: [],
            ("GET", "/sapi/v1/margin/isolated/allPairs"): lambda *_: [],
        }

    def _account(self, account: Account) -> dict[str, Any]:
        fees = self._desk.terms.spot_fees
        assets = {listing.rules.base for listing in self._listings.values()}
        assets |= {listing.rules.quote for listing in self._listings.values()}
        rows = balances(account, sorted(assets | set(account.wallet)))
        return {
            "makerCommission": int(fees.maker * 10_000),
            "takerCommission": int(fees.taker * 10_000),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": money(fees.maker),
                "taker": money(fees.taker),
                "buyer": "0.00000000",
                "seller": "0.00000000",
            },
            "canTrade": account.key.trade,
            "canWithdraw": account.key.withdraw,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self._clock.now_ms(),
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": money(free), "locked": money(locked)}
                for asset, free, locked in rows
            ],
            "permissions": ["SPOT"],
            "uid": 354937868,
        }

    def _trades(self, account: Account, query: Query) -> list[dict[str, Any]]:
        venue_id = query.listing().venue_id
        return [fill_value(fill, venue_id, self._clock) for fill in own_trades(account, query)]

    def _fees(self, _account: Account, query: Query) -> list[dict[str, Any]]:
        asked = None if query.optional("symbol") is None else query.listing()
        fees = self._desk.terms.spot_fees
        return [
            {
                "symbol": listing.venue_id,
                "makerCommission": text(fees.maker),
                "takerCommission": text(fees.taker),
            }
            for listing in self._listings.values()
            if asked in (None, listing)
        ]

    def _rights(self, account: Account) -> dict[str, Any]:
        key = account.key
        return {
            "ipRestrict": False,
            "createTime": self._clock.now_ms(),
            "enableReading": True,
            "enableWithdrawals": key.withdraw,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": key.trade,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": key.trade,
            "enablePortfolioMarginTrading": False,
        }
