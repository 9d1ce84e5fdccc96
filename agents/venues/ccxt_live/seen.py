"""What a gateway to a venue is asked, and what it has seen there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from schemas.frame import Side
from schemas.order import Order, OrderStatus
from schemas.venue import RestingOrder, VenuePosition, VenueRequest


class Seen(NamedTuple):
    """An order as the venue shows it."""

    client_order_id: str
    venue_id: str
    status: OrderStatus
    filled_qty: Decimal | None
    qty: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class SeenTrade(NamedTuple):
    """A trade; ``order_id`` is the venue's id of its order, ``fee_rate`` the price of a fee's coin
    in the account's currency.
    """

    trade_id: str
    order_id: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    fee_rate: Decimal | None = None


class SeenFunding(NamedTuple):
    """A funding payment; paid is below 0."""

    payment_id: str
    symbol: str
    amount: Decimal
    currency: str
    time_ns: int


class SeenAccount(NamedTuple):
    """Balance in the account's currency, open orders and positions."""

    balance: Decimal
    orders: tuple[RestingOrder, ...]
    positions: tuple[VenuePosition, ...]


class SeenMarket(NamedTuple):
    """A symbol as the venue lists it; ``None`` is what it does not tell."""

    active: bool
    settle: str
    tick_size: Decimal | None
    qty_step: Decimal | None
    min_notional: Decimal | None


class Fees(NamedTuple):
    """Rates of the account at the venue, its tier in them, in basis points of the notional."""

    maker_bps: Decimal
    taker_bps: Decimal


class Rights(NamedTuple):
    """What a key may do; ``None`` where the venue does not tell."""

    trade: bool | None = None
    withdraw: bool | None = None


class Gateway(Protocol):
    """One account at one venue. Every call may raise any error; ``errors.fate_of`` reads it."""

    async def confirm(self, symbols: Sequence[str]) -> list[str]:
        """Set what the settings want of each symbol, and say what is not so."""
        ...

    async def create(self, order: Order) -> Seen:
        """Place an order under its own client id."""
        ...

    async def cancel(self, order: Order) -> None:
        """Cancel an order by its client id."""
        ...

    async def amend(self, request: VenueRequest, venue_id: str) -> None:
        """Change an order that rests."""
        ...

    async def look(self, order: Order) -> Seen:
        """An order by its client id."""
        ...

    async def trades(self, order: Order, venue_id: str) -> list[SeenTrade]:
        """All trades of an order."""
        ...

    async def price_of(self, coin: str) -> Decimal | None:
        """What a coin is worth in the account's currency; ``None`` where nothing there tells."""
        ...

    async def fundings(self, symbols: Sequence[str]) -> list[SeenFunding]:
        """The last week's funding payments of these symbols, the oldest first."""
        ...

    async def account(self, symbols: Sequence[str]) -> SeenAccount:
        """The whole account."""
        ...

    async def arm(self, symbols: Sequence[str], seconds: float) -> None:
        """Wind the dead-man switch up again."""
        ...

    async def watch_orders(self, heard: Callable[[Seen], None]) -> None:
        """Listen to order updates until the stream breaks."""
        ...

    async def watch_trades(self, heard: Callable[[SeenTrade], None]) -> None:
        """Listen to trades of ours until the stream breaks."""
        ...

    def describe(self, error: BaseException) -> str:
        """An error in one line, without secrets."""
        ...

    def retry_after_s(self, error: BaseException) -> float:
        """Seconds for which the venue wants to be left alone after an error."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
