"""The account of Binance's USD-M by REST: balances, positions, leverage, margin, history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.money import CONTEXT
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account, IncomeKind
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.margin import (
    available,
    contracts,
    cross_unrealised,
    cross_wallet,
    initial,
    initial_of_all,
    liquidation_price,
    maintenance,
    most_notional,
    position_margin,
    unrealised,
)
from streams.simulator.exchange.trading.orders import ZERO
from streams.simulator.exchange.trading.position import Position
from streams.simulator.exchange.trading.prices import mark_price
from streams.simulator.exchange.venues.binance.futures_messages import fill_value, money, text
from streams.simulator.exchange.venues.binance.futures_orders import Routes
from streams.simulator.exchange.venues.binance.own_trades import own_trades
from streams.simulator.exchange.venues.binance.query import Query

_INCOMES = {
    IncomeKind.REALISED: "REALIZED_PNL",
    IncomeKind.FEE: "COMMISSION",
    IncomeKind.FUNDING: "FUNDING_FEE",
    IncomeKind.INSURANCE: "INSURANCE_CLEAR",
}


class FuturesAccount:
    """Answers by method and path."""

    def __init__(self, desk: Desk, clock: MarketClock, listings: Mapping[str, Listing]) -> None:
        self._desk = desk
        self._clock = clock
        self._listings = listings

    def routes(self) -> Routes:
        """The account's paths that change nothing."""
        return {
            ("GET", "/fapi/v3/account"): lambda account, _: self._account(account, whole=False),
            ("GET", "/fapi/v2/account"): lambda account, _: self._account(account, whole=True),
            ("GET", "/fapi/v3/balance"): self._balances,
            ("GET", "/fapi/v2/balance"): self._balances,
            ("GET", "/fapi/v3/positionRisk"): self._held_positions,
            ("GET", "/fapi/v2/positionRisk"): self._all_positions,
            ("GET", "/fapi/v1/userTrades"): self._trades,
            ("GET", "/fapi/v1/income"): self._incomes,
            ("GET", "/fapi/v1/commissionRate"): self._fees,
            ("GET", "/fapi/v1/accountConfig"): self._config,
        }

    def _assets(self, account: Account) -> list[str]:
        settled = {listing.rules.settle for listing in self._listings.values()}
        return sorted(settled | set(account.wallet))

    def _account(self, account: Account, *, whole: bool) -> dict[str, Any]:
        assets = [self._asset(account, asset) for asset in self._assets(account)]
        total = {name: money(sum((a[name] for a in assets), ZERO)) for name in _TOTALS.values()}
        positions = [
            self._position(account, each, whole=whole) for each in self._positions(account, whole)
        ]
        value: dict[str, Any] = {name: total[of] for name, of in _TOTALS.items()}
        rows = [
            {name: money(item) if name != "asset" else item for name, item in row.items()}
            | {"updateTime": self._clock.now_ms(), "marginAvailable": True}
            for row in assets
        ]
        value |= {"assets": rows, "positions": positions}
        if whole:
            value |= self._config(account, None) | {"feeTier": 0, "updateTime": 0}
        return value

    @staticmethod
    def _asset(account: Account, asset: str) -> dict[str, Any]:
        held = list(contracts(account, asset))
        wallet, profit = account.wallet.get(asset, ZERO), unrealised(account, asset)
        needed = initial_of_all(account, asset)
        of_positions, kept = ZERO, ZERO
        for each in held:
            of_positions = CONTEXT.add(of_positions, position_margin(each))
            kept = CONTEXT.add(kept, maintenance(each))
        free = available(account, asset)
        return {
            "asset": asset,
            "walletBalance": wallet,
            "unrealizedProfit": profit,
            "marginBalance": CONTEXT.add(wallet, profit),
            "maintMargin": kept,
            "initialMargin": needed,
            "positionInitialMargin": of_positions,
            "openOrderInitialMargin": max(ZERO, CONTEXT.subtract(needed, of_positions)),
            "crossWalletBalance": cross_wallet(account, asset),
            "crossUnPnl": cross_unrealised(account, asset),
            "availableBalance": free,
            "maxWithdrawAmount": min(free, wallet),
        }

    def _positions(self, account: Account, every: bool) -> list[Position]:
        """Those that are held or have orders; every symbol's, flat ones too, if asked."""
        if every:
            return [account.position(listing) for listing in self._listings.values()]
        ordered = {order.symbol for order in account.open_orders()}
        return [each for name, each in account.positions.items() if each.qty or name in ordered]

    def _position(self, account: Account, each: Position, *, whole: bool) -> dict[str, Any]:
        mark = mark_price(each.listing)
        needed = initial(account, each.listing)
        profit = each.unrealised(mark)
        value: dict[str, Any] = {
            "symbol": each.listing.venue_id,
            "positionSide": "BOTH",
            "positionAmt": text(each.qty),
            "unrealizedProfit": money(profit),
            "isolatedMargin": money(_isolated(each, profit)),
            "notional": text(each.notional(mark)),
            "isolatedWallet": money(each.isolated_wallet),
            "initialMargin": money(needed),
            "maintMargin": money(maintenance(each)) if each.qty else "0",
            "updateTime": self._clock.stamp_ms(each.updated_ns) if each.updated_ns else 0,
        }
        if whole:
            value |= {
                "positionInitialMargin": money(position_margin(each)),
                "openOrderInitialMargin": money(
                    max(ZERO, CONTEXT.subtract(needed, position_margin(each)))
                ),
                "leverage": str(each.leverage),
                "isolated": each.isolated,
                "entryPrice": text(round(each.entry, 8)),
                "breakEvenPrice": text(round(each.entry, 8)),
                "maxNotional": text(most_notional(each.leverage)),
                "bidNotional": "0",
                "askNotional": "0",
            }
        return value

    def _balances(self, account: Account, _query: Query) -> list[dict[str, Any]]:
        return [
            {
                "accountAlias": "SgsR",
                "asset": row["asset"],
                "balance": money(row["walletBalance"]),
                "crossWalletBalance": money(row["crossWalletBalance"]),
                "crossUnPnl": money(row["crossUnPnl"]),
                "availableBalance": money(row["availableBalance"]),
                "maxWithdrawAmount": money(row["maxWithdrawAmount"]),
                "marginAvailable": True,
                "updateTime": self._clock.now_ms(),
            }
            for row in (self._asset(account, asset) for asset in self._assets(account))
        ]

    def _held_positions(self, account: Account, query: Query) -> list[dict[str, Any]]:
        return self._risks(account, query, every=False)

    def _all_positions(self, account: Account, query: Query) -> list[dict[str, Any]]:
        return self._risks(account, query, every=True)

    def _risks(self, account: Account, query: Query, *, every: bool) -> list[dict[str, Any]]:
        found = self._positions(account, every)
        if query.optional("symbol") is not None:
            symbol = query.listing().symbol
            found = [each for each in found if each.listing.symbol == symbol]
        return [self._risk(account, each, every=every) for each in found]

    def _risk(self, account: Account, each: Position, *, every: bool) -> dict[str, Any]:
        mark = mark_price(each.listing)
        profit, needed = each.unrealised(mark), initial(account, each.listing)
        value: dict[str, Any] = {
            "symbol": each.listing.venue_id,
            "positionSide": "BOTH",
            "positionAmt": text(each.qty),
            "entryPrice": text(round(each.entry, 8)),
            "breakEvenPrice": text(round(each.entry, 8)),
            "markPrice": text(mark),
            "unRealizedProfit": money(profit),
            "liquidationPrice": text(round(liquidation_price(account, each), 8)),
            "isolatedMargin": money(_isolated(each, profit)),
            "notional": text(each.notional(mark)),
            "isolatedWallet": money(each.isolated_wallet),
            "updateTime": self._clock.stamp_ms(each.updated_ns) if each.updated_ns else 0,
        }
        if every:  # as version 2 has it
            return value | {
                "leverage": str(each.leverage),
                "maxNotionalValue": text(most_notional(each.leverage)),
                "marginType": "isolated" if each.isolated else "cross",
                "isAutoAddMargin": "false",
            }
        return value | {
            "marginAsset": each.listing.rules.settle,
            "initialMargin": money(needed),
            "maintMargin": money(maintenance(each)),
            "positionInitialMargin": money(position_margin(each)),
            "openOrderInitialMargin": money(
                max(ZERO, CONTEXT.subtract(needed, position_margin(each)))
            ),
            "adl": 1,
            "bidNotional": "0",
            "askNotional": "0",
        }

    def _trades(self, account: Account, query: Query) -> list[dict[str, Any]]:
        venue_id = query.listing().venue_id
        return [fill_value(fill, venue_id, self._clock) for fill in own_trades(account, query)]

    def _incomes(self, account: Account, query: Query) -> list[dict[str, Any]]:
        symbol = None if query.optional("symbol") is None else query.listing().symbol
        kind = query.optional("incomeType")
        names = {listing.symbol: listing.venue_id for listing in self._listings.values()}
        found = [
            income
            for income in account.incomes
            if symbol in (None, income.symbol)
            and kind in (None, _INCOMES[income.kind])
            and query.within(income.time_ns)
        ]
        limit = query.limit(100, 1000)
        rows = found[:limit] if query.optional("startTime") is not None else found[-limit:]
        return [
            {
                "symbol": names[income.symbol],
                "incomeType": _INCOMES[income.kind],
                "income": text(income.amount),
                "asset": income.asset,
                "info": str(income.fill_id) if income.fill_id else income.kind.name,
                "time": self._clock.stamp_ms(income.time_ns),
                "tranId": income.id,
                "tradeId": str(income.fill_id) if income.fill_id else "",
            }
            for income in rows
        ]

    def _fees(self, _account: Account, query: Query) -> dict[str, Any]:
        fees = self._desk.terms.contract_fees
        return {
            "symbol": query.listing().venue_id,
            "makerCommissionRate": text(fees.maker),
            "takerCommissionRate": text(fees.taker),
            "rpiCommissionRate": "0",
        }

    @staticmethod
    def _config(account: Account, _query: Query | None) -> dict[str, Any]:
        return {
            "canTrade": account.key.trade,
            "canDeposit": True,
            "canWithdraw": account.key.withdraw,
            "dualSidePosition": False,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
            "feeTier": 0,
            "updateTime": 0,
        }


def _isolated(position: Position, profit: Any) -> Any:
    return CONTEXT.add(position.isolated_wallet, profit) if position.isolated else ZERO


_TOTALS = {
    "totalInitialMargin": "initialMargin",
    "totalMaintMargin": "maintMargin",
    "totalWalletBalance": "walletBalance",
    "totalUnrealizedProfit": "unrealizedProfit",
    "totalMarginBalance": "marginBalance",
    "totalPositionInitialMargin": "positionInitialMargin",
    "totalOpenOrderInitialMargin": "openOrderInitialMargin",
    "totalCrossWalletBalance": "crossWalletBalance",
    "totalCrossUnPnl": "crossUnPnl",
    "availableBalance": "availableBalance",
    "maxWithdrawAmount": "maxWithdrawAmount",
}
"""Totals of an account, and what of its assets they sum."""
