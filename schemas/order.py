"""Orders, fills, positions: what execution decides and what venues answer. Money is ``Decimal``."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from schemas.frame import Message, Part, Side
from schemas.ids import content_id


class OrderType(StrEnum):
    """How an order meets the book.

    Market and limit orders meet it when they arrive. A stop waits for a trade at or beyond its
    ``stop_price`` against its own side (a sell stop: at or below it), a take-profit for one in its
    favour; both are market orders from then on.
    """

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"


class TimeInForce(StrEnum):
    """How long a limit order stays, and whether it may take."""

    GTC = "gtc"
    """Takes what its limit allows, the rest stays until it is filled or cancelled."""
    IOC = "ioc"
    """Takes what its limit allows at once; the rest is cancelled."""
    FOK = "fok"
    """All of it at once, or nothing."""
    POST_ONLY = "post_only"
    """Never takes: refused if it would."""


class OrderStatus(StrEnum):
    """Where an order is in its life; ``agents/execution/lifecycle.py`` says what may follow what.

    Done: filled, cancelled, rejected. Unknown: sent, and no answer tells what became of it.
    Reconciled: done, and its fills were compared with the venue's.
    """

    INTENT = "intent"
    SUBMITTED = "submitted"
    ACKNOWLEDGED = "acknowledged"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    RECONCILED = "reconciled"


class Factor(Part, frozen=True):
    """One named factor of a size, exact, as it was applied."""

    name: str
    value: Decimal


class Order(Message, frozen=True):
    """One step in the life of an order; ``version`` grows by 1 with each step.

    ``tick_ns`` is the close of the frame at which the step happened. ``qty`` is the whole order,
    ``filled_qty`` what is filled so far. ``reason`` says why it was placed or rejected (a reject
    names the rule, the limit and the value). ``factors`` record how the size came about.
    ``price`` is the limit of a limit order, ``stop_price`` the trigger of a stop or take-profit.
    """

    client_order_id: str
    version: int
    account: str
    venue: str
    symbol: str
    tick_ns: int
    status: OrderStatus
    side: Side
    type: OrderType
    qty: Decimal
    filled_qty: Decimal
    reduce_only: bool
    signal_id: str
    leg: str
    attempt: int
    reason: str
    factors: tuple[Factor, ...] = ()
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within the topic."""
        return f"{self.client_order_id}:{self.version:04d}"


COIN_FEE = ":fee"
"""Behind the trade id of a purchase: what was taken out of the coins bought."""


class Fill(Message, frozen=True):
    """A trade of ours. Positions move by fills and by nothing else.

    ``trade_id`` is the venue's; ``fee`` is positive where it is paid, in ``fee_currency``.
    A fee that a spot venue takes out of the coins bought is a second fill, behind the purchase:
    so much is sold at the trade's price, for the fee (:attr:`is_coin_fee`).
    """

    trade_id: str
    client_order_id: str
    account: str
    venue: str
    symbol: str
    tick_ns: int
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool

    @property
    def is_coin_fee(self) -> bool:
        """Whether it is the fee of a purchase, and nothing that its order traded."""
        return self.trade_id.endswith(COIN_FEE)

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within the topic."""
        return self.trade_id


class Funding(Message, frozen=True):
    """A funding payment on an open position. The balance moves by ``amount``: paid is below 0."""

    payment_id: str
    account: str
    venue: str
    symbol: str
    tick_ns: int
    amount: Decimal
    currency: str

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within the topic."""
        return self.payment_id


class Position(Message, frozen=True):
    """A position after the fills of one tick. ``qty`` is signed: positive is long.

    ``average_price`` is the mean entry price of what is open; ``realised_pnl`` is what was earned
    on what is closed, before fees; ``fees`` all that was paid. All in the quote currency.
    """

    account: str
    venue: str
    symbol: str
    tick_ns: int
    qty: Decimal
    average_price: Decimal
    realised_pnl: Decimal
    fees: Decimal
    balance: Decimal

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within (tick, venue, symbol)."""
        return "position"


class Flattened(Message, frozen=True):
    """A flatten is done: the venue reports no orders and no positions in its ``scope``.

    ``scope`` is ``venue:symbol``, or empty for the whole account; ``command_id`` names the
    :class:`~schemas.control.Flatten`. ``venue`` and ``symbol`` are those of the last report.
    """

    account: str
    venue: str
    symbol: str
    tick_ns: int
    command_id: str
    scope: str
    orders: int = 0
    positions: int = 0

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within (tick, venue, symbol)."""
        return f"flattened:{self.command_id}"


def client_order_id(account: str, signal_id: str, leg: str, attempt: int) -> str:
    """128-bit hex id of one attempt at one leg of a signal."""
    return content_id("order", account, signal_id, leg, str(attempt))
