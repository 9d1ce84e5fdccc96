"""Orders of keyed accounts: what is asked for, what became of it, and its fills."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum, auto

from schemas.frame import Side
from schemas.money import CONTEXT
from streams.simulator.exchange.listing import Listing

ZERO = Decimal(0)


class Kind(Enum):
    """How an order is priced."""

    LIMIT = auto()
    MARKET = auto()


class Force(Enum):
    """What becomes of the part of an order that does not trade at once."""

    GTC = auto()
    IOC = auto()
    FOK = auto()
    POST_ONLY = auto()


class Status(StrEnum):
    """Where an order stands. The last three are final."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What a client asks for.

    ``price`` is ``None`` for market orders. ``spend`` is a market purchase by its cost, in the
    quote, instead of ``qty``; of spot only. ``stop_loss`` and ``take_profit`` are set on the
    position that it makes, where the venue knows that.
    """

    listing: Listing
    side: Side
    kind: Kind
    qty: Decimal
    client_id: str
    price: Decimal | None = None
    force: Force = Force.GTC
    reduce_only: bool = False
    spend: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Fill:
    """One trade of an order. ``fee`` is in ``fee_asset``; ``realised`` in the settle asset,
    without the fee.
    """

    id: int
    order_id: int
    client_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    realised: Decimal
    maker: bool
    time_ns: int


@dataclass(kw_only=True, eq=False)
class Order:
    """An order that was accepted. Price and quantity change when it is amended.

    ``ahead`` is the quantity before it in the queue at its price; ``forced`` says that a
    liquidation made it; ``ended_by`` is why it ended other than by a fill or its owner.
    """

    id: int
    ticket: Ticket
    price: Decimal | None
    qty: Decimal
    created_ns: int
    updated_ns: int
    status: Status = Status.NEW
    filled: Decimal = ZERO
    spent: Decimal = ZERO
    ahead: Decimal = ZERO
    forced: bool = False
    ended_by: str = ""
    fills: list[Fill] = field(default_factory=list)

    @property
    def client_id(self) -> str:
        """The client's own name of it."""
        return self.ticket.client_id

    @property
    def listing(self) -> Listing:
        """What is traded."""
        return self.ticket.listing

    @property
    def symbol(self) -> str:
        """Unified name of what is traded."""
        return self.ticket.listing.symbol

    @property
    def side(self) -> Side:
        """Bought or sold."""
        return self.ticket.side

    @property
    def left(self) -> Decimal:
        """What is not filled yet."""
        return CONTEXT.subtract(self.qty, self.filled)

    @property
    def open(self) -> bool:
        """Whether it may still fill."""
        return self.status in (Status.NEW, Status.PARTIALLY_FILLED)

    @property
    def average(self) -> Decimal | None:
        """Average price of its fills; ``None`` without one."""
        return CONTEXT.divide(self.spent, self.filled) if self.filled else None

    def take(self, fill: Fill) -> None:
        """Count a fill."""
        self.fills.append(fill)
        self.filled = CONTEXT.add(self.filled, fill.qty)
        self.spent = CONTEXT.add(self.spent, CONTEXT.multiply(fill.qty, fill.price))
        self.status = Status.PARTIALLY_FILLED if self.left > 0 else Status.FILLED
        self.updated_ns = fill.time_ns
