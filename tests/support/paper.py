"""A paper venue with a running clock, for tests: orders in, frames in, answers out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from agents.venues.paper import Change, PaperVenue
from agents.venues.paper_session import Answer
from schemas.execution_settings import PaperSettings
from schemas.frame import (
    NS_PER_MS,
    NS_PER_S,
    Derivatives,
    Known,
    Side,
    TradeFlag,
    Trades,
)
from schemas.order import Fill, Order, OrderStatus, OrderType, TimeInForce
from tests.support.messages import SYMBOL, VENUE, frame_at

Level = tuple[int, int]
Trade = tuple[int, int, Side]
FRAME_NS = 100 * NS_PER_MS

BIDS: tuple[Level, ...] = ((9_999, 10_000), (9_998, 20_000), (9_990, 50_000))
ASKS: tuple[Level, ...] = ((10_001, 10_000), (10_002, 20_000), (10_010, 50_000))


class Venue:
    """The venue; prices are given in cents and quantities in thousandths, as frames have them."""

    def __init__(self, *, symbol: str = SYMBOL, **settings: object) -> None:
        chosen = {"latency_ms": 50, "leverage": 100, **settings}
        self.venue = PaperVenue(PaperSettings.model_validate(chosen), account="paper")
        self.state = self.venue.initial()
        self.symbol = symbol
        self.now_ns = NS_PER_S
        self.seq = 0
        self.placed = 0
        self.answers: list[Answer] = []

    @property
    def key(self) -> str:
        return f"{VENUE}:{self.symbol}"

    def place(
        self,
        side: Side,
        qty: str,
        *,
        price: str | None = None,
        stop: str | None = None,
        type_: OrderType | None = None,
        tif: TimeInForce = TimeInForce.GTC,
        reduce_only: bool = False,
        id_: str | None = None,
    ) -> Order:
        """Send an order; its type follows from its prices unless given."""
        self.placed += 1
        implied = OrderType.LIMIT if price else OrderType.STOP if stop else OrderType.MARKET
        order = Order(
            client_order_id=id_ or f"o{self.placed}",
            version=0,
            account="paper",
            venue=VENUE,
            symbol=self.symbol,
            tick_ns=self.now_ns,
            status=OrderStatus.INTENT,
            side=side,
            type=type_ or implied,
            qty=Decimal(qty),
            filled_qty=Decimal(0),
            reduce_only=reduce_only,
            signal_id="s",
            leg="test",
            attempt=1,
            reason="test",
            price=None if price is None else Decimal(price),
            stop_price=None if stop is None else Decimal(stop),
            time_in_force=tif,
        )
        self.venue.submit(self.state, order)
        return order

    def frame(
        self,
        *trades: Trade,
        bids: Sequence[Level] | None = BIDS,
        asks: Sequence[Level] = ASKS,
        flags: TradeFlag = TradeFlag(0),
        derivatives: Derivatives | None = None,
    ) -> list[Answer]:
        """A frame 100 ms on: its trades (price, quantity, aggressor), then its book."""
        self.now_ns += FRAME_NS
        self.seq += 1
        made = frame_at(
            self.now_ns, bids=tuple(bids or ()), asks=tuple(asks), seq=self.seq, symbol=self.symbol
        )
        made = msgspec.structs.replace(made, trades=tape(*trades, flags=flags))
        if bids is None:
            made = msgspec.structs.replace(made, book=None)
        if derivatives is not None:
            made = msgspec.structs.replace(made, derivatives=derivatives)
        answers = self.venue.on_frame(self.state, made)
        self.answers += answers
        return answers

    def holding(self, side: Side, qty: str) -> None:
        """Have a position, by a market order."""
        self.place(side, qty)
        self.frame(bids=((9_999, 10**9),), asks=((10_001, 10**9),))
        assert abs(self.state.wallet.held(self.key)) == Decimal(qty)

    def cancel(self, order: Order) -> None:
        self.venue.cancel(self.state, order, now_ns=self.now_ns)

    def amend(self, order: Order, **change: str) -> None:
        values = {name: Decimal(value) for name, value in change.items()}
        self.venue.amend(self.state, order, Change(**values), now_ns=self.now_ns)


def tape(*trades: Trade, flags: TradeFlag = TradeFlag(0)) -> Trades:
    """Trades of one frame."""
    n = len(trades)
    return Trades(
        exchange_ns=(0,) * n,
        receive_ns=(0,) * n,
        price=tuple(price for price, _, _ in trades),
        qty=tuple(qty for _, qty, _ in trades),
        side=tuple(int(side) for _, _, side in trades),
        id=tuple(range(n)),
        flags=(int(flags),) * n,
    )


def marked(price: int, *, rate: int = 0, next_ns: int | None = None) -> Derivatives:
    """Derivatives with a mark price in cents, and a funding rate in millionths due at a time."""
    return Derivatives(
        mark_price=Known(price, 2, 0),
        funding_rate=None if next_ns is None else Known(rate, 6, 0),
        next_funding_ns=next_ns,
    )


def fills(answers: Sequence[object]) -> list[tuple[str, str, bool]]:
    """Price, quantity and maker of each fill, as text."""
    return [(str(a.price), plain(a.qty), a.maker) for a in answers if isinstance(a, Fill)]


def lives(answers: Sequence[object]) -> list[tuple[str, str]]:
    """Id and state of each order record."""
    return [(a.client_order_id, a.status.value) for a in answers if isinstance(a, Order)]


def reasons(answers: Sequence[object]) -> list[str]:
    """Reasons of each order record."""
    return [a.reason for a in answers if isinstance(a, Order)]


def plain(value: Decimal) -> str:
    """A quantity without trailing zeros."""
    return f"{value.normalize():f}"
