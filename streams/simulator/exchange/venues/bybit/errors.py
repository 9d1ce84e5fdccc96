"""How Bybit v5 says why an order or an operation is refused: codes and texts."""

from __future__ import annotations

from streams.simulator.exchange.trading.rejections import Reason

_CODES: dict[Reason, tuple[int, str]] = {
    Reason.AUTH: (10003, "API key is invalid."),
    Reason.SIGNATURE: (
        10004,
        "error sign! please check your signature generation algorithm.",
    ),
    Reason.TIMESTAMP: (
        10002,
        "invalid request, please check your server timestamp or recv_window param. {}",
    ),
    Reason.PERMISSION: (10005, "Permission denied, please check your API key permissions."),
    Reason.BAD_REQUEST: (10001, "params error: {} invalid"),
    Reason.DUPLICATE_CLIENT_ID: (110072, "OrderLinkedID is duplicate"),
    Reason.UNKNOWN_ORDER: (110001, "order not exists or too late to cancel"),
    Reason.NOT_FOUND: (110001, "order not exists or too late to replace"),
    Reason.INSUFFICIENT_FUNDS: (110007, "ab not enough for new order"),
    Reason.PRICE_TICK: (10001, "params error: price invalid, tick size {}"),
    Reason.PRICE_HIGH: (110003, "Order price exceeds the allowable range. Limit {}"),
    Reason.PRICE_LOW: (110003, "Order price exceeds the allowable range. Limit {}"),
    Reason.QTY_STEP: (10001, "Qty invalid"),
    Reason.QTY_RANGE: (10001, "The number of contracts exceeds maximum limit allowed: too large"),
    Reason.MIN_NOTIONAL: (110094, "Order does not meet minimum order value {}USDT"),
    Reason.TOO_MANY_ORDERS: (110020, "You can only have less than 500 active orders"),
    Reason.TOO_MANY_CONDITIONALS: (
        110009,
        "The number of stop orders exceeds the maximum allowable limit.",
    ),
    Reason.POST_ONLY: (170218, "The LIMIT-MAKER order is rejected due to invalid price."),
    Reason.FILL_OR_KILL: (170210, "New order rejected."),
    Reason.REDUCE_ONLY: (
        110017,
        "current position is zero, cannot fix reduce-only order qty",
    ),
    Reason.WOULD_TRIGGER: (110092, "expect Rising, but trigger_price <= current price {}"),
    Reason.NOTHING_TO_AMEND: (10001, "order not modified"),
    Reason.LEVERAGE: (10001, "params error: leverage {} invalid"),
    Reason.LEVERAGE_ISOLATED: (110013, "cannot set leverage, due to risk limit"),
    Reason.POSITION_LIMIT: (
        110090,
        "Order placement failed as your position may exceed the max limit.",
    ),
    Reason.MARGIN_MODE_SAME: (110026, "Cross/isolated margin mode is not modified"),
    Reason.MARGIN_MODE_ORDERS: (3400045, "Set margin mode failed"),
    Reason.MARGIN_MODE_POSITION: (3400045, "Set margin mode failed"),
    Reason.MARGIN_NOT_ISOLATED: (110015, "Cannot add margin while the position is cross margin"),
    Reason.POSITION_MODE: (10001, "position idx not match position mode"),
    Reason.OVERLOADED: (10016, "System error. Please try again later."),
    Reason.UNKNOWN_STATE: (10000, "Server Timeout"),
}
_SPOT_CODES: dict[Reason, tuple[int, str]] = {
    Reason.DUPLICATE_CLIENT_ID: (170141, "Duplicate clientOrderId"),
    Reason.UNKNOWN_ORDER: (170213, "Order does not exist."),
    Reason.NOT_FOUND: (170213, "Order does not exist."),
    Reason.INSUFFICIENT_FUNDS: (170131, "Insufficient balance."),
    Reason.PRICE_TICK: (170134, "Order price has too many decimals."),
    Reason.PRICE_HIGH: (170193, "Buy order price cannot be higher than {}."),
    Reason.PRICE_LOW: (170194, "Sell order price cannot be lower than {}."),
    Reason.QTY_STEP: (170137, "Order quantity has too many decimals."),
    Reason.QTY_RANGE: (170136, "Order quantity exceeded lower limit."),
    Reason.MIN_NOTIONAL: (170140, "Order value exceeded lower limit."),
}


def code_of(reason: Reason, detail: str = "", *, spot: bool = False) -> tuple[int, str]:
    """Code and text; ``detail`` is what the text names."""
    found = _SPOT_CODES.get(reason) if spot else None
    code, text = found or _CODES[reason]
    return code, text.format(detail)
