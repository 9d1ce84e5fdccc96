"""How Bybit v5 tells of orders, executions, positions and wallets: REST and streams alike."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal
from typing import Any

from schemas.money import CONTEXT
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account, Income
from streams.simulator.exchange.trading.conditional import Conditional, TriggerBy, Waiting
from streams.simulator.exchange.trading.margin import (
    available,
    contracts,
    initial,
    liquidation_price,
    maintenance,
    position_margin,
    tier_of,
    unrealised,
)
from streams.simulator.exchange.trading.orders import ZERO, Fill, Force, Kind, Order, Status, Ticket
from streams.simulator.exchange.trading.position import Position
from streams.simulator.exchange.trading.position_stops import STOP_LOSS, TAKE_PROFIT, stop_of
from streams.simulator.exchange.trading.prices import mark_price
from streams.simulator.exchange.trading.rejections import Reason
from streams.simulator.exchange.venues.bybit.messages import category_of, side_name

_IDS = 0x5E1F << 112
_DIGITS = re.compile(r"[0-9]{1,19}")
_SPOT_IDS = 1_800_000_000_000_000_000
FORCES = {
    Force.GTC: "GTC",
    Force.IOC: "IOC",
    Force.FOK: "FOK",
    Force.POST_ONLY: "PostOnly",
}
_STATUSES = {
    Status.NEW: "New",
    Status.PARTIALLY_FILLED: "PartiallyFilled",
    Status.FILLED: "Filled",
    Status.CANCELLED: "Cancelled",
    Status.EXPIRED: "Cancelled",
}
_WAITING = {
    Waiting.NEW: "Untriggered",
    Waiting.TRIGGERED: "Triggered",
    Waiting.FINISHED: "Triggered",
    Waiting.CANCELLED: "Deactivated",
    Waiting.REJECTED: "Rejected",
    Waiting.EXPIRED: "Deactivated",
}
_BY = {
    TriggerBy.LAST: "LastPrice",
    TriggerBy.MARK: "MarkPrice",
    TriggerBy.INDEX: "IndexPrice",
}
_REASONS = {
    Reason.POST_ONLY: "EC_PostOnlyWillTakeLiquidity",
    Reason.FILL_OR_KILL: "EC_CancelForNoFullFill",
}


def text(value: Decimal) -> str:
    """Plain decimal digits, none that are not needed."""
    return f"{value.normalize():f}" if value else "0"


def order_id(listing: Listing, number: int) -> str:
    """The venue's id: no sequence for contracts, digits for spot; :func:`number_of` undoes it."""
    if listing.is_contract:
        return str(uuid.UUID(int=_IDS | number))
    return str(_SPOT_IDS + number)


def number_of(told: str) -> int:
    """The desk's number of an id; 0 for what is none."""
    if _DIGITS.fullmatch(told):
        return max(0, int(told) - _SPOT_IDS)
    try:
        return uuid.UUID(told).int & ~_IDS
    except ValueError:
        return 0


def order_value(
    order: Order, conditional: Conditional | None, clock: MarketClock
) -> dict[str, Any]:
    """An order; ``conditional`` is what it was while it waited."""
    ticket, listing = order.ticket, order.listing
    market = ticket.kind is Kind.MARKET
    done = not order.open
    left = ZERO if done else order.left
    price = order.price or ZERO
    value = _common(order.ticket, clock.stamp_ms(order.created_ns)) | {
        "orderId": order_id(listing, order.id),
        "orderStatus": _status(order),
        "price": text(price),
        "qty": text(ticket.spend if ticket.spend is not None else order.qty),
        "avgPrice": text(round(order.average, 8)) if order.average is not None else "",
        "leavesQty": text(left),
        "leavesValue": text(CONTEXT.multiply(left, price)),
        "cumExecQty": text(order.filled),
        "cumExecValue": text(order.spent),
        "cumExecFee": text(sum((fill.fee for fill in order.fills), ZERO)),
        "cumFeeDetail": _fees(order),
        "timeInForce": "IOC" if market else FORCES[ticket.force],
        "cancelType": "CancelByUser" if order.status is Status.CANCELLED else "UNKNOWN",
        "rejectReason": _reject_reason(order),
        "createType": "CreateByLiq" if order.forced else "CreateByUser",
        "updatedTime": str(clock.stamp_ms(order.updated_ns)),
    }
    if conditional is not None:
        value |= _trigger(conditional)
    return value


def conditional_value(each: Conditional, clock: MarketClock) -> dict[str, Any]:
    """A conditional order that waits, or that became no order."""
    ticket = each.ticket
    return (
        _common(ticket, clock.stamp_ms(each.created_ns))
        | _trigger(each)
        | {
            "orderId": order_id(ticket.listing, each.id),
            "orderStatus": _WAITING[each.status],
            "price": text(ticket.price or ZERO),
            "qty": text(ticket.qty),
            "avgPrice": "",
            "leavesQty": text(ticket.qty if each.open else ZERO),
            "leavesValue": "0",
            "cumExecQty": "0",
            "cumExecValue": "0",
            "cumExecFee": "0",
            "cumFeeDetail": {},
            "timeInForce": "IOC" if ticket.kind is Kind.MARKET else FORCES[ticket.force],
            "cancelType": "CancelByUser" if each.status is Waiting.CANCELLED else "UNKNOWN",
            "rejectReason": "EC_Others" if each.failure else "EC_NoError",
            "createType": "CreateByUser",
            "updatedTime": str(clock.stamp_ms(each.updated_ns)),
        }
    )


def fill_value(fill: Fill, order: Order, clock: MarketClock) -> dict[str, Any]:
    """One execution."""
    listing = order.listing
    worth = CONTEXT.multiply(fill.qty, fill.price)
    rated = fill.qty if fill.fee_asset == listing.rules.base else worth
    return {
        "category": str(category_of(listing)),
        "symbol": listing.venue_id,
        "orderId": order_id(listing, order.id),
        "orderLinkId": order.client_id,
        "side": side_name(fill.side),
        "orderPrice": text(order.price or ZERO),
        "orderQty": text(order.qty),
        "leavesQty": text(order.left),
        "orderType": "Market" if order.ticket.kind is Kind.MARKET else "Limit",
        "stopOrderType": "UNKNOWN",
        "execFee": text(fill.fee),
        "feeCurrency": fill.fee_asset,
        "feeCoin": fill.fee_asset,
        "feeRate": text(CONTEXT.divide(fill.fee, rated)) if rated else "0",
        "execId": exec_id(listing, fill),
        "execPrice": text(fill.price),
        "execQty": text(fill.qty),
        "execType": "BustTrade" if order.forced else "Trade",
        "execValue": text(worth),
        "execTime": str(clock.stamp_ms(fill.time_ns)),
        "execPnl": text(fill.realised),
        "isMaker": fill.maker,
        "isLeverage": "0",
        "markPrice": text(mark_price(listing)),
        "indexPrice": "",
        "underlyingPrice": "",
        "tradeIv": "",
        "markIv": "",
        "blockTradeId": "",
        "closedSize": "",
        "createType": "CreateByLiq" if order.forced else "CreateByUser",
        "seq": fill.id,
        "extraFees": "",
    }


def funding_value(income: Income, listing: Listing, clock: MarketClock) -> dict[str, Any]:
    """A funding payment among the executions: its fee is above 0 where it was paid."""
    return {
        "category": str(category_of(listing)),
        "symbol": listing.venue_id,
        "orderId": order_id(listing, income.id),
        "orderLinkId": "",
        "execFee": text(-income.amount),
        "feeCurrency": "",
        "execId": order_id(listing, income.id),
        "execType": "Funding",
        "execTime": str(clock.stamp_ms(income.time_ns)),
        "orderType": "UNKNOWN",
        "isMaker": False,
    }


def exec_id(listing: Listing, fill: Fill) -> str:
    """The venue's id of an execution: no sequence for contracts."""
    return order_id(listing, fill.id)


def position_value(account: Account, each: Position, clock: MarketClock) -> dict[str, Any]:
    """One position; flat ones have no side."""
    mark = mark_price(each.listing)
    side = "" if not each.qty else "Buy" if each.qty > 0 else "Sell"
    liquidation = liquidation_price(account, each)
    margin = position_margin(each)
    return {
        "positionIdx": 0,
        "category": "linear",
        "riskId": tier_of(abs(each.notional(mark))).number,
        "riskLimitValue": "0",
        "symbol": each.listing.venue_id,
        "side": side,
        "size": text(abs(each.qty)),
        "avgPrice": text(round(each.entry, 8)),
        "entryPrice": text(round(each.entry, 8)),
        "positionValue": text(abs(CONTEXT.multiply(each.qty, each.entry))),
        "tradeMode": 1 if each.isolated else 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if each.qty else 0,
        "leverage": str(each.leverage),
        "positionBalance": text(each.isolated_wallet),
        "markPrice": text(mark),
        "liqPrice": text(round(liquidation, 8)) if liquidation else "",
        "bustPrice": "",
        "positionMM": text(maintenance(each)),
        "positionIM": text(margin),
        "tpslMode": "Full",
        "takeProfit": _stop(account, each, TAKE_PROFIT),
        "stopLoss": _stop(account, each, STOP_LOSS),
        "trailingStop": "0",
        "unrealisedPnl": text(each.unrealised(mark)),
        "curRealisedPnl": text(each.realised),
        "cumRealisedPnl": text(each.realised),
        "createdTime": str(clock.stamp_ms(each.updated_ns)),
        "updatedTime": str(clock.stamp_ms(each.updated_ns)),
        "seq": each.updated_ns,
    }


def _stop(account: Account, position: Position, kind: str) -> str:
    found = stop_of(account, position.listing.symbol, kind)
    return "" if found is None else text(found.trigger.price)


def wallet_value(account: Account) -> dict[str, Any]:
    """The unified account, each coin on its own; totals in dollars count USDT and USDC alone."""
    coins = [_coin(account, asset) for asset in account.wallet]
    dollars = [coin for coin in coins if coin["coin"] in ("USDT", "USDC")]

    def total(name: str) -> str:
        return text(sum((Decimal(coin[name]) for coin in dollars), ZERO))

    return {
        "accountType": "UNIFIED",
        "accountIMRate": "",
        "accountMMRate": "",
        "totalEquity": total("equity"),
        "totalWalletBalance": total("walletBalance"),
        "totalMarginBalance": total("equity"),
        "totalAvailableBalance": text(
            sum((available(account, coin["coin"]) for coin in dollars), ZERO)
        ),
        "totalPerpUPL": total("unrealisedPnl"),
        "totalInitialMargin": text(
            sum((Decimal(c["totalPositionIM"]) + Decimal(c["totalOrderIM"]) for c in dollars), ZERO)
        ),
        "totalMaintenanceMargin": total("totalPositionMM"),
        "accountLTV": "",
        "coin": coins,
    }


def _coin(account: Account, asset: str) -> dict[str, Any]:
    wallet, profit = account.wallet[asset], unrealised(account, asset)
    margin, kept, needed = ZERO, ZERO, ZERO
    for each in list(contracts(account, asset)):
        margin = CONTEXT.add(margin, position_margin(each))
        kept = CONTEXT.add(kept, maintenance(each))
        needed = CONTEXT.add(needed, initial(account, each.listing))
    equity = CONTEXT.add(wallet, profit)
    return {
        "coin": asset,
        "equity": text(equity),
        "usdValue": text(equity),
        "walletBalance": text(wallet),
        "locked": text(account.locked(asset)),
        "borrowAmount": "0",
        "accruedInterest": "0",
        "totalOrderIM": text(max(ZERO, CONTEXT.subtract(needed, margin))),
        "totalPositionIM": text(margin),
        "totalPositionMM": text(kept),
        "unrealisedPnl": text(profit),
        "cumRealisedPnl": "0",
        "availableToWithdraw": "",
        "bonus": "0",
        "collateralSwitch": True,
        "marginCollateral": True,
        "spotHedgingQty": "0",
    }


def _common(ticket: Ticket, created_ms: int) -> dict[str, Any]:
    listing = ticket.listing
    value = {
        "category": str(category_of(listing)),
        "symbol": listing.venue_id,
        "orderLinkId": ticket.client_id,
        "side": side_name(ticket.side),
        "orderType": "Market" if ticket.kind is Kind.MARKET else "Limit",
        "reduceOnly": ticket.reduce_only,
        "closeOnTrigger": False,
        "positionIdx": 0,
        "createdTime": str(created_ms),
        "stopOrderType": "",
        "triggerPrice": "",
        "triggerBy": "",
        "triggerDirection": 0,
        "takeProfit": "" if ticket.take_profit is None else text(ticket.take_profit),
        "stopLoss": "" if ticket.stop_loss is None else text(ticket.stop_loss),
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "blockTradeId": "",
        "isLeverage": "",
        "orderIv": "",
        "placeType": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "lastPriceOnCreated": "",
    }
    if listing.is_contract:
        return value | {"tpslMode": ""}
    in_quote = ticket.kind is Kind.MARKET and ticket.spend is not None
    return value | {"marketUnit": "quoteCoin" if in_quote else "baseCoin"}


def _trigger(each: Conditional) -> dict[str, Any]:
    return {
        "stopOrderType": each.kind,
        "triggerPrice": text(each.trigger.price),
        "triggerBy": _BY[each.trigger.by],
        "triggerDirection": 1 if each.trigger.rising else 2,
        "closeOnTrigger": each.close_all,
    }


def _fees(order: Order) -> dict[str, str]:
    fees: dict[str, Decimal] = {}
    for fill in order.fills:
        fees[fill.fee_asset] = CONTEXT.add(fees.get(fill.fee_asset, ZERO), fill.fee)
    return {asset: text(fee) for asset, fee in fees.items()}


def _status(order: Order) -> str:
    ended = order.status in (Status.CANCELLED, Status.EXPIRED)
    if ended and order.filled and not order.listing.is_contract:
        return "PartiallyFilledCanceled"
    return _STATUSES[order.status]


def _reject_reason(order: Order) -> str:
    if order.status is not Status.EXPIRED:
        return "EC_PerCancelRequest" if order.status is Status.CANCELLED else "EC_NoError"
    named = {str(reason): name for reason, name in _REASONS.items()}
    if order.ended_by in named:
        return named[order.ended_by]
    return "EC_NoImmediateQtyToFill"
