"""What an account asks of a real venue, and what comes back: requests out, reports in.

A request leaves only after the step that made it is in the durable ledger. A report is an input of
the account: the active worker logs it with the tick from which it holds, and applies nothing later
before it has read that back. So whoever reads the log again decides the same.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from schemas.frame import Message, Part, Side
from schemas.order import Order, OrderStatus


class RequestKind(StrEnum):
    """What is asked about an order."""

    CREATE = "create"
    CANCEL = "cancel"
    AMEND = "amend"


class VenueRequest(Message, frozen=True):
    """One request about an order of ours, as the order is known at ``tick_ns``.

    An amendment sets what is not ``None`` of quantity, limit and trigger.
    """

    account: str
    venue: str
    symbol: str
    tick_ns: int
    kind: RequestKind
    order: Order
    qty: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within (tick, venue, symbol)."""
        return f"{self.kind.value}:{self.order.client_order_id}"


class _Report(Message, frozen=True):
    """Base of reports. ``run`` names the process that heard it (its start, wall ns; only grows),
    ``number`` counts its reports from 1: so a repeated one is known.

    ``effective_ns`` is the tick from which it holds: for frames of its symbol that close after it.
    """

    account: str
    venue: str
    symbol: str
    run: int
    number: int
    effective_ns: int | None

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within the topic."""
        return f"{self.run}:{self.number}"


class OrderReport(_Report, frozen=True, kw_only=True):
    """What the venue says of an order, or that nobody knows (``UNKNOWN``).

    ``filled_qty`` is the whole quantity filled so far, where it tells. ``answers`` is the request
    whose outcome this is. ``stop_price``, ``price`` and ``qty`` are those that rest at the venue.
    """

    client_order_id: str
    status: OrderStatus
    filled_qty: Decimal | None = None
    reason: str = ""
    answers: RequestKind | None = None
    qty: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class TradeReport(_Report, frozen=True, kw_only=True):
    """A trade of an order of ours; ``fee`` is in ``fee_currency``, paid above 0.

    ``fee_rate`` is what a unit of ``fee_currency`` was worth in the account's currency when the
    trade was heard of; ``None`` where that is not needed, or not known.
    """

    client_order_id: str
    trade_id: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    fee_rate: Decimal | None = None


class FundingReport(_Report, frozen=True, kw_only=True):
    """A funding payment of the account; paid is below 0. ``time_ns`` is the venue's time of it."""

    payment_id: str
    amount: Decimal
    currency: str
    time_ns: int


class RestingOrder(Part, frozen=True):
    """An order that works at the venue. ``client_order_id`` is the venue's where it has none."""

    client_order_id: str
    symbol: str
    side: Side
    qty: Decimal
    filled_qty: Decimal
    reduce_only: bool
    price: Decimal | None = None
    stop_price: Decimal | None = None


class VenuePosition(Part, frozen=True):
    """A position as the venue shows it; ``qty`` is signed."""

    symbol: str
    qty: Decimal
    entry_price: Decimal


class AccountReport(_Report, frozen=True, kw_only=True):
    """The whole account as the venue shows it; ``symbol`` is empty.

    ``problems`` are what forbids to trade: no look was taken yet, hedge mode, other leverage. Every
    trade up to the look was reported before it.
    """

    problems: tuple[str, ...] = ()
    balance: Decimal | None = None
    orders: tuple[RestingOrder, ...] = ()
    positions: tuple[VenuePosition, ...] = ()


VenueReport = OrderReport | TradeReport | FundingReport | AccountReport
"""What the account hears of the venue."""
