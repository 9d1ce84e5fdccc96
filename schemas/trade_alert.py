"""Trade alerts: an entry or an exit that fills have confirmed."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from schemas.frame import Message, Side


class TradeType(StrEnum):
    """What an order has done to its position."""

    ENTRY = "entry"
    SCALE_IN = "scale_in"
    """A further part of an entry."""
    SCALE_OUT = "scale_out"
    """Some of the position is left."""
    EXIT = "exit"


class TradeAlert(Message, frozen=True):
    """An order that is done and was filled, wholly or in part; nothing is told before its fills.

    ``average_fill_price`` is the mean of its fills by quantity, ``reason`` why it was placed.
    ``score`` is the confluence score (0 to 100) that an entry was decided on; of what
    comes later it is the symbol's latest. ``None`` while there is none.
    """

    order_id: str
    account: str
    venue: str
    symbol: str
    tick_ns: int
    side: Side
    trade_type: TradeType
    filled_amount: Decimal
    average_fill_price: Decimal
    reason: str
    score: float | None

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within the topic."""
        return self.order_id
