"""The account of Bybit v5 by REST: wallet, positions, leverage, margin mode, rights, history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.times import iso
from streams.simulator.exchange.trading.account import Account, IncomeKind
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.trading.settings import set_isolated, set_leverage
from streams.simulator.exchange.venues.bybit.account_messages import (
    position_value,
    text,
    wallet_value,
)
from streams.simulator.exchange.venues.bybit.errors import code_of
from streams.simulator.exchange.venues.bybit.messages import Category
from streams.simulator.exchange.venues.bybit.orders import Routes
from streams.simulator.exchange.venues.bybit.rest import Query
from streams.simulator.exchange.venues.bybit.tickets import number

_MODES = {"REGULAR_MARGIN": False, "ISOLATED_MARGIN": True}
_INCOMES = {
    IncomeKind.REALISED: "TRADE",
    IncomeKind.FEE: "TRADE",
    IncomeKind.FUNDING: "SETTLEMENT",
    IncomeKind.INSURANCE: "LIQUIDATION",
}


class AccountRest:
    """Answers by method and path."""

    def __init__(
        self,
        desk: Desk,
        clock: MarketClock,
        listings: Mapping[tuple[Category, str], Listing],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._listings = listings

    def routes(self) -> Routes:
        """The account's paths beside its orders."""
        return {
            ("GET", "/v5/account/wallet-balance"): lambda a, _: {"list": [wallet_value(a)]},
            ("GET", "/v5/account/info"): lambda a, _: self._info(a),
            ("POST", "/v5/account/set-margin-mode"): self._margin_mode,
            ("GET", "/v5/account/fee-rate"): self._fees,
            ("GET", "/v5/account/transaction-log"): self._log,
            ("GET", "/v5/user/query-api"): lambda a, _: self._rights(a),
            # Clients with a key ask for coins when they load markets. There is nothing to tell.
            ("GET", "/v5/asset/coin/query-info"): lambda *_: {"rows": []},
            ("GET", "/v5/position/list"): self._positions,
            ("POST", "/v5/position/set-leverage"): self._leverage,
            ("POST", "/v5/position/switch-mode"): self._position_mode,
            ("POST", "/v5/position/switch-isolated"): self._switch_isolated,
        }

    def _info(self, account: Account) -> dict[str, Any]:
        return {
            "marginMode": "ISOLATED_MARGIN" if self._isolated(account) else "REGULAR_MARGIN",
            "updatedTime": str(self._clock.now_ms()),
            "unifiedMarginStatus": 6,
            "dcpStatus": "OFF",
            "timeWindow": 0,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def _isolated(self, account: Account) -> bool:
        """The margin mode is the account's, and so that of all its contracts."""
        return any(account.position(listing).isolated for listing in self._contracts())

    def _contracts(self) -> list[Listing]:
        return [listing for listing in self._listings.values() if listing.is_contract]

    def _margin_mode(self, account: Account, query: Query) -> dict[str, Any]:
        isolated = _MODES.get(query.get("setMarginMode") or "")
        if isolated is None:
            raise query.refuse(10001, "params error: setMarginMode invalid")
        changed = [
            each for each in self._contracts() if account.position(each).isolated != isolated
        ]
        if any(
            account.position(each).qty or any(account.open_orders(each.symbol)) for each in changed
        ):
            raise query.refuse(*code_of(Reason.MARGIN_MODE_POSITION))
        for each in changed:
            set_isolated(self._desk, account, each, isolated=isolated)
        return {"reasons": []}

    def _fees(self, _account: Account, query: Query) -> dict[str, Any]:
        spot, terms = query.category() == Category.SPOT, self._desk.terms
        fees = terms.spot_fees if spot else terms.contract_fees
        return {
            "list": [
                {
                    "symbol": listing.venue_id,
                    "makerFeeRate": text(fees.maker),
                    "takerFeeRate": text(fees.taker),
                }
                for listing in query.listings()
            ]
        }

    def _log(self, account: Account, query: Query) -> dict[str, Any]:
        names = {listing.symbol: listing for listing in self._listings.values()}
        kind = query.get("type")
        rows = [
            {
                "id": str(income.id),
                "symbol": names[income.symbol].venue_id,
                "category": "linear",
                "side": "None",
                "transactionTime": str(self._clock.stamp_ms(income.time_ns)),
                "type": _INCOMES[income.kind],
                "qty": "0",
                "size": "0",
                "currency": income.asset,
                "tradePrice": "0",
                "funding": text(-income.amount) if income.kind is IncomeKind.FUNDING else "",
                "fee": text(-income.amount) if income.kind is IncomeKind.FEE else "0",
                "cashFlow": text(income.amount) if income.kind is IncomeKind.REALISED else "0",
                "change": text(income.amount),
                "cashBalance": "",
                "feeRate": "",
                "bonusChange": "",
                "tradeId": str(income.fill_id or ""),
                "orderId": "",
                "orderLinkId": "",
            }
            for income in reversed(account.incomes)
            if kind in (None, _INCOMES[income.kind]) and query.within(income.time_ns)
        ]
        return {"list": rows[: query.limit(20, 50)], "nextPageCursor": ""}

    def _rights(self, account: Account) -> dict[str, Any]:
        key = account.key
        trade = ["Order", "Position"] if key.trade else []
        wallet = ["AccountTransfer", "SubMemberTransfer"]
        return {
            "id": "1",
            "note": key.name,
            "apiKey": key.key,
            "readOnly": 0 if key.trade else 1,
            "secret": "",
            "permissions": {
                "ContractTrade": trade,
                "Spot": ["SpotTrade"] if key.trade else [],
                "Wallet": [*wallet, "Withdraw"] if key.withdraw else wallet,
                "Options": [],
                "Derivatives": ["DerivativesTrade"] if key.trade else [],
                "CopyTrading": [],
                "BlockTrade": [],
                "Exchange": [],
                "NFT": [],
                "Affiliate": [],
            },
            "ips": ["*"],
            "type": 1,
            "deadlineDay": 90,
            "expiredAt": iso(self._clock.now_ns() + 90 * 86_400 * 10**9),
            "createdAt": iso(self._clock.now_ns()),
            "unified": 0,
            "uta": 1,
            "userID": 1,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }

    def _positions(self, account: Account, query: Query) -> dict[str, Any]:
        """Of one symbol, flat or not; or those that are held."""
        if query.category() != Category.LINEAR:
            return {"category": query.category(), "list": [], "nextPageCursor": ""}
        if query.get("symbol") is None and query.get("settleCoin") is None:
            raise query.refuse(10001, "params error: symbol or settleCoin is required")
        named, coin = query.get("symbol"), query.get("settleCoin")
        positions = [account.position(listing) for listing in query.listings()]
        rows = [
            position_value(account, each, self._clock)
            for each in positions
            if named is not None or (each.qty and each.listing.rules.settle == coin)
        ]
        return {"category": query.category(), "list": rows, "nextPageCursor": ""}

    def _leverage(self, account: Account, query: Query) -> dict[str, Any]:
        listing, buy, sell = (
            query.listing(),
            number(query, "buyLeverage"),
            number(query, "sellLeverage"),
        )
        if buy is None or buy != sell or buy != int(buy):
            raise query.refuse(10001, "params error: buyLeverage must equal sellLeverage")
        if account.position(listing).leverage == int(buy):
            raise query.refuse(110043, "leverage not modified")
        try:
            set_leverage(self._desk, account, listing, int(buy))
        except Rejected as rejected:
            raise query.refuse(*code_of(rejected.reason, rejected.detail)) from rejected
        return {}

    @staticmethod
    def _position_mode(_account: Account, query: Query) -> dict[str, Any]:
        if query.get("mode") == "0":
            raise query.refuse(110025, "Position mode is not modified")
        raise query.refuse(110029, "This symbol does not support hedge mode")

    @staticmethod
    def _switch_isolated(_account: Account, query: Query) -> dict[str, Any]:
        raise query.refuse(100028, "The API cannot be accessed by unified account users.")
