"""Why a venue refuses an order or an operation, before it is said in the venue's own code."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What is wrong. A venue has one code and text for each; the values name faults on command."""

    AUTH = "auth"
    SIGNATURE = "signature"
    TIMESTAMP = "timestamp"
    PERMISSION = "permission"
    BAD_REQUEST = "bad_request"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    UNKNOWN_ORDER = "unknown_order"
    NOT_FOUND = "not_found"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    PRICE_TICK = "price_tick"
    PRICE_HIGH = "price_high"
    PRICE_LOW = "price_low"
    QTY_STEP = "qty_step"
    QTY_RANGE = "qty_range"
    MIN_NOTIONAL = "min_notional"
    TOO_MANY_ORDERS = "too_many_orders"
    TOO_MANY_CONDITIONALS = "too_many_conditionals"
    POST_ONLY = "post_only"
    FILL_OR_KILL = "fill_or_kill"
    REDUCE_ONLY = "reduce_only"
    WOULD_TRIGGER = "would_trigger"
    NOTHING_TO_AMEND = "nothing_to_amend"
    LEVERAGE = "leverage"
    LEVERAGE_ISOLATED = "leverage_isolated"
    POSITION_LIMIT = "position_limit"
    MARGIN_MODE_SAME = "margin_mode_same"
    MARGIN_MODE_ORDERS = "margin_mode_orders"
    MARGIN_MODE_POSITION = "margin_mode_position"
    MARGIN_NOT_ISOLATED = "margin_not_isolated"
    POSITION_MODE = "position_mode"
    OVERLOADED = "overloaded"
    UNKNOWN_STATE = "unknown_state"


class Rejected(Exception):
    """An operation that did nothing; the venue says why in its own words."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
