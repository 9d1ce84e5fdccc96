"""How Binance spot says why an order is refused: few codes, and the text tells."""

from __future__ import annotations

from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.venues.base import Refusal
from streams.simulator.exchange.venues.binance.query import refuse

_REJECTED = -2010
_FILTER = -1013
_CODES: dict[Reason, tuple[int, str]] = {
    Reason.AUTH: (-2015, "Invalid API-key, IP, or permissions for action."),
    Reason.SIGNATURE: (-1022, "Signature for this request is not valid."),
    Reason.TIMESTAMP: (-1021, "Timestamp for this request is outside of the recvWindow."),
    Reason.PERMISSION: (-2015, "Invalid API-key, IP, or permissions for action."),
    Reason.BAD_REQUEST: (
        -1102,
        "A mandatory parameter was not sent, was empty/null, or malformed.",
    ),
    Reason.DUPLICATE_CLIENT_ID: (_REJECTED, "Duplicate order sent."),
    Reason.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Reason.NOT_FOUND: (-2013, "Order does not exist."),
    Reason.INSUFFICIENT_FUNDS: (
        _REJECTED,
        "Account has insufficient balance for requested action.",
    ),
    Reason.PRICE_TICK: (_FILTER, "Filter failure: PRICE_FILTER"),
    Reason.PRICE_HIGH: (_FILTER, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    Reason.PRICE_LOW: (_FILTER, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    Reason.QTY_STEP: (_FILTER, "Filter failure: LOT_SIZE"),
    Reason.QTY_RANGE: (_FILTER, "Filter failure: LOT_SIZE"),
    Reason.MIN_NOTIONAL: (_FILTER, "Filter failure: NOTIONAL"),
    Reason.TOO_MANY_ORDERS: (_FILTER, "Filter failure: MAX_NUM_ORDERS"),
    Reason.TOO_MANY_CONDITIONALS: (_FILTER, "Filter failure: MAX_NUM_ALGO_ORDERS"),
    Reason.POST_ONLY: (_REJECTED, "Order would immediately match and take."),
    Reason.WOULD_TRIGGER: (_REJECTED, "Stop price would trigger immediately."),
    Reason.OVERLOADED: (-1008, "Server is currently overloaded with other requests."),
    Reason.UNKNOWN_STATE: (
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status "
        "unknown.",
    ),
}
_OTHER = (_REJECTED, "This action is disabled on this account.")
_STATUS = {
    Reason.AUTH: 401,
    Reason.PERMISSION: 401,
    Reason.OVERLOADED: 503,
    Reason.UNKNOWN_STATE: 408,
}


def refusal_of(reason: Reason) -> Refusal:
    """The venue's answer for a reason; those of contracts are none of spot's."""
    code, text = _CODES.get(reason, _OTHER)
    return refuse(code, text, status=_STATUS.get(reason, 400))


def refused(rejected: Rejected) -> Refusal:
    """The venue's answer to what the desk rejected."""
    return refusal_of(rejected.reason)
