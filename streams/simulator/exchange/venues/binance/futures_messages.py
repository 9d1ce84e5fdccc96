"""How Binance's USD-M tells of orders, fills and accounts, by REST and on the user-data stream."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from schemas.frame import NS_PER_MS, Side
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.conditional import Conditional, TriggerBy, Waiting
from streams.simulator.exchange.trading.events import Cause, Execution
from streams.simulator.exchange.trading.margin import cross_wallet
from streams.simulator.exchange.trading.orders import ZERO, Fill, Force, Kind, Order, Status
from streams.simulator.exchange.trading.position import Position
from streams.simulator.exchange.trading.prices import mark_price

STATUSES = {
    Status.NEW: "NEW",
    Status.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    Status.FILLED: "FILLED",
    Status.CANCELLED: "CANCELED",
    Status.EXPIRED: "EXPIRED",
}
FORCES = {
    Force.GTC: "GTC",
    Force.IOC: "IOC",
    Force.FOK: "FOK",
    Force.POST_ONLY: "GTX",
}
WAITING = {
    Waiting.NEW: "NEW",
    Waiting.TRIGGERED: "TRIGGERED",
    Waiting.FINISHED: "FINISHED",
    Waiting.CANCELLED: "CANCELED",
    Waiting.REJECTED: "REJECTED",
    Waiting.EXPIRED: "EXPIRED",
}
EXECUTIONS = {
    Execution.NEW: "NEW",
    Execution.TRADE: "TRADE",
    Execution.AMENDED: "AMENDMENT",
    Execution.CANCELLED: "CANCELED",
    Execution.EXPIRED: "EXPIRED",
}
_CAUSES = {Cause.ORDER: "ORDER", Cause.FUNDING: "FUNDING_FEE", Cause.MARGIN: "MARGIN_TRANSFER"}
_WORKING = {
    TriggerBy.LAST: "CONTRACT_PRICE",
    TriggerBy.MARK: "MARK_PRICE",
    TriggerBy.INDEX: "MARK_PRICE",
}


def text(value: Decimal) -> str:
    """Plain decimal digits, none that are not needed.

    >>> text(Decimal("1.500")), text(Decimal("1E+3")), text(Decimal("-0.0"))
    ('1.5', '1000', '0')
    """
    return f"{value.normalize():f}" if value else "0"


def money(value: Decimal) -> str:
    """Eight digits behind the point."""
    return f"{value + ZERO:.8f}"


def kind_of(order: Order) -> str:
    """Its type."""
    return "LIMIT" if order.ticket.kind is Kind.LIMIT or order.forced else "MARKET"


def order_value(order: Order, clock: MarketClock) -> dict[str, Any]:
    """An order as REST tells it."""
    listing = order.listing
    price = listing.price(0.0) if order.price is None else text(order.price)
    average = order.average
    return {
        "orderId": order.id,
        "symbol": listing.venue_id,
        "status": STATUSES[order.status],
        "clientOrderId": order.client_id,
        "price": price,
        "avgPrice": "0.00" if average is None else text(round(average, 8)),
        "origQty": text(order.qty),
        "executedQty": text(order.filled),
        "cumQty": text(order.filled),
        "cumQuote": text(order.spent),
        "timeInForce": FORCES[order.ticket.force],
        "type": kind_of(order),
        "reduceOnly": order.ticket.reduce_only,
        "closePosition": False,
        "side": order.side.name,
        "positionSide": "BOTH",
        "stopPrice": "0.00",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": kind_of(order),
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": clock.stamp_ms(order.created_ns),
        "updateTime": clock.stamp_ms(order.updated_ns),
    }


def conditional_value(each: Conditional, clock: MarketClock) -> dict[str, Any]:
    """A conditional order as REST tells it."""
    ticket, order = each.ticket, each.order
    return {
        "algoId": each.id,
        "clientAlgoId": each.client_id,
        "algoType": "CONDITIONAL",
        "orderType": each.kind,
        "symbol": ticket.listing.venue_id,
        "side": ticket.side.name,
        "positionSide": "BOTH",
        "timeInForce": FORCES[ticket.force],
        "quantity": text(ticket.qty),
        "algoStatus": WAITING[each.status],
        "actualOrderId": "" if order is None else str(order.id),
        "actualPrice": text(order.average or ZERO) if order is not None else "0.00000",
        "triggerPrice": text(each.trigger.price),
        "price": text(ticket.price or ZERO),
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": _WORKING[each.trigger.by],
        "priceMatch": "NONE",
        "closePosition": each.close_all,
        "priceProtect": False,
        "reduceOnly": ticket.reduce_only,
        "createTime": clock.stamp_ms(each.created_ns),
        "updateTime": clock.stamp_ms(each.updated_ns),
        "triggerTime": clock.stamp_ms(each.triggered_ns) if each.triggered_ns else 0,
        "goodTillDate": 0,
    }


def fill_value(fill: Fill, symbol: str, clock: MarketClock) -> dict[str, Any]:
    """One of the account's trades as REST tells it."""
    return {
        "symbol": symbol,
        "id": fill.id,
        "orderId": fill.order_id,
        "side": fill.side.name,
        "price": text(fill.price),
        "qty": text(fill.qty),
        "realizedPnl": text(fill.realised),
        "quoteQty": text(fill.qty * fill.price),
        "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": clock.stamp_ms(fill.time_ns),
        "positionSide": "BOTH",
        "buyer": fill.side is Side.BUY,
        "maker": fill.maker,
    }


def order_event(
    order: Order, execution: Execution, fill: Fill | None, clock: MarketClock
) -> dict[str, Any]:
    """``ORDER_TRADE_UPDATE``."""
    ticket = order.ticket
    at_ms = clock.stamp_ms(order.updated_ns)
    kind = kind_of(order)
    value: dict[str, Any] = {
        "s": order.listing.venue_id,
        "c": order.client_id,
        "S": order.side.name,
        "o": kind,
        "f": FORCES[ticket.force],
        "q": text(order.qty),
        "p": text(order.price or ZERO),
        "ap": text(round(order.average or ZERO, 8)),
        "sp": "0",
        "x": EXECUTIONS[execution],
        "X": STATUSES[order.status],
        "i": order.id,
        "l": "0",
        "z": text(order.filled),
        "L": "0",
        "n": "0",
        "N": order.listing.rules.settle,
        "T": at_ms,
        "t": 0,
        "b": "0",
        "a": "0",
        "m": False,
        "R": ticket.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": kind,
        "ps": "BOTH",
        "cp": False,
        "rp": "0",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "NONE",
        "pm": "NONE",
        "gtd": 0,
    }
    if fill is not None:
        value |= {
            "l": text(fill.qty),
            "L": text(fill.price),
            "n": text(fill.fee),
            "N": fill.fee_asset,
            "t": fill.id,
            "m": fill.maker,
            "rp": text(fill.realised),
        }
        if order.forced:
            value["x"] = "CALCULATED"
    return {"e": "ORDER_TRADE_UPDATE", "E": clock.now_ms(), "T": at_ms, "o": value}


def conditional_event(each: Conditional, clock: MarketClock) -> dict[str, Any]:
    """``ALGO_UPDATE``."""
    ticket, order = each.ticket, each.order
    value = {
        "caid": each.client_id,
        "aid": each.id,
        "at": "CONDITIONAL",
        "o": each.kind,
        "s": ticket.listing.venue_id,
        "S": ticket.side.name,
        "ps": "BOTH",
        "f": FORCES[ticket.force],
        "q": text(ticket.qty),
        "X": WAITING[each.status],
        "ai": "" if order is None else str(order.id),
        "ap": "0.00000" if order is None else text(order.average or ZERO),
        "aq": "0.00000" if order is None else text(order.filled),
        "act": "0" if order is None else kind_of(order),
        "tp": text(each.trigger.price),
        "p": text(ticket.price or ZERO),
        "V": "EXPIRE_MAKER",
        "wt": _WORKING[each.trigger.by],
        "pm": "NONE",
        "cp": each.close_all,
        "pP": False,
        "R": ticket.reduce_only,
        "tt": clock.stamp_ms(each.triggered_ns) if each.triggered_ns else 0,
        "gtd": 0,
        "rm": each.failure,
    }
    at_ms = each.updated_ns // NS_PER_MS + clock.skew_ms
    return {"e": "ALGO_UPDATE", "T": at_ms, "E": clock.now_ms(), "o": value}


def account_event(
    account: Account, position: Position, cause: Cause, clock: MarketClock
) -> dict[str, Any]:
    """``ACCOUNT_UPDATE``: the wallet of the settle asset, and the position that changed."""
    asset = position.listing.rules.settle
    balance = {
        "a": asset,
        "wb": money(account.wallet.get(asset, ZERO)),
        "cw": money(cross_wallet(account, asset)),
        "bc": "0",
    }
    now_ms = clock.now_ms()
    data = {"B": [balance], "P": [_position(position)], "m": _CAUSES[cause]}
    return {"e": "ACCOUNT_UPDATE", "T": now_ms, "E": now_ms, "a": data}


def _position(position: Position) -> dict[str, Any]:
    entry = text(round(position.entry, 8))
    return {
        "s": position.listing.venue_id,
        "pa": text(position.qty),
        "ep": entry,
        "bep": entry,
        "cr": text(position.realised),
        "up": money(position.unrealised(mark_price(position.listing))),
        "mt": "isolated" if position.isolated else "cross",
        "iw": money(position.isolated_wallet),
        "ps": "BOTH",
        "ma": position.listing.rules.settle,
    }
