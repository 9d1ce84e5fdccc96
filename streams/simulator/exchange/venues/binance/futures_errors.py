"""How Binance's USD-M says why an order or an operation is refused: codes and texts."""

from __future__ import annotations

from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.venues.base import Refusal
from streams.simulator.exchange.venues.binance.query import refuse

CODES: dict[Reason, tuple[int, str]] = {
    Reason.AUTH: (-2015, "Invalid API-key, IP, or permissions for action"),
    Reason.SIGNATURE: (-1022, "Signature for this request is not valid."),
    Reason.TIMESTAMP: (-1021, "Timestamp for this request is outside of the recvWindow."),
    Reason.PERMISSION: (-2015, "Invalid API-key, IP, or permissions for action"),
    Reason.BAD_REQUEST: (
        -1102,
        "A mandatory parameter was not sent, was empty/null, or malformed.",
    ),
    Reason.DUPLICATE_CLIENT_ID: (-4116, "ClientOrderId is duplicated."),
    Reason.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Reason.NOT_FOUND: (-2013, "Order does not exist."),
    Reason.INSUFFICIENT_FUNDS: (-2019, "Margin is insufficient."),
    Reason.PRICE_TICK: (-4014, "Price not increased by tick size."),
    Reason.PRICE_HIGH: (-4016, "Limit price can't be higher than {}."),
    Reason.PRICE_LOW: (-4024, "Limit price can't be lower than {}."),
    Reason.QTY_STEP: (-1111, "Precision is over the maximum defined for this asset."),
    Reason.QTY_RANGE: (-4005, "Quantity greater than max quantity."),
    Reason.MIN_NOTIONAL: (
        -4164,
        "Order's notional must be no smaller than {} (unless you choose reduce only).",
    ),
    Reason.TOO_MANY_ORDERS: (-2025, "Reach max open order limit."),
    Reason.TOO_MANY_CONDITIONALS: (-4045, "Reach max stop order limit."),
    Reason.POST_ONLY: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    ),
    Reason.FILL_OR_KILL: (
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    ),
    Reason.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
    Reason.WOULD_TRIGGER: (-2021, "Order would immediately trigger."),
    Reason.NOTHING_TO_AMEND: (-5027, "No need to modify the order."),
    Reason.LEVERAGE: (-4028, "Leverage {} is not valid"),
    Reason.LEVERAGE_ISOLATED: (
        -4161,
        "Leverage reduction is not supported in Isolated Margin Mode with open positions",
    ),
    Reason.POSITION_LIMIT: (
        -2027,
        "Exceeded the maximum allowable position at current leverage.",
    ),
    Reason.MARGIN_MODE_SAME: (-4046, "No need to change margin type."),
    Reason.MARGIN_MODE_ORDERS: (
        -4047,
        "Margin type cannot be changed if there exists open orders.",
    ),
    Reason.MARGIN_MODE_POSITION: (
        -4048,
        "Margin type cannot be changed if there exists position.",
    ),
    Reason.MARGIN_NOT_ISOLATED: (-4051, "Isolated balance insufficient."),
    Reason.POSITION_MODE: (-4061, "Order's position side does not match user's setting."),
    Reason.OVERLOADED: (-1008, "Server is currently overloaded with other requests."),
    Reason.UNKNOWN_STATE: (
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status "
        "unknown.",
    ),
}
_STATUS = {
    Reason.AUTH: 401,
    Reason.PERMISSION: 401,
    Reason.OVERLOADED: 503,
    Reason.UNKNOWN_STATE: 408,
}


def refusal_of(reason: Reason, detail: str = "") -> Refusal:
    """The venue's answer for a reason; ``detail`` is the limit that its text names."""
    code, text = CODES[reason]
    return refuse(code, text.format(detail or "the limit"), status=_STATUS.get(reason, 400))


def refused(rejected: Rejected) -> Refusal:
    """The venue's answer to what the desk rejected."""
    return refusal_of(rejected.reason, rejected.detail)
