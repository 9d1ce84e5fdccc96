"""A real venue's side for tests of the pure part: an account over it, and reports by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from agents.venues.live import LiveVenue
from schemas.frame import NS_PER_MS, NS_PER_S, ContractKind, Frame, Instrument, Message, Side
from schemas.live_settings import LiveSettings
from schemas.order import Fill, Order, OrderStatus, OrderType
from schemas.venue import (
    AccountReport,
    FundingReport,
    OrderReport,
    RestingOrder,
    TradeReport,
    VenuePosition,
    VenueRequest,
)
from tests.support.messages import SYMBOL, VENUE, frame_at

RULES = Instrument(
    venue=VENUE, symbol=SYMBOL, effective_ns=0, kind=ContractKind.LINEAR, base="BTC", quote="USDT",
    settle="USDT", tick_size=Decimal("0.01"), qty_step=Decimal("0.001"), min_notional=Decimal(5),
    max_orders=3, max_conditionals=2,
)  # fmt: skip


class Bench:
    """The venue alone, with a running clock. Reports hold from the frame before the next on."""

    def __init__(self, **settings: object) -> None:
        chosen = {"venue": VENUE, "enabled": True, **settings}
        self.venue = LiveVenue(LiveSettings.model_validate(chosen), account="acct")
        self.state = self.venue.initial()
        self.now_ns = NS_PER_S
        self.seq = 0
        self.run = 1
        self.number = 0
        self.placed = 0

    def frame(self) -> Frame:
        self.now_ns += 100 * NS_PER_MS
        self.seq += 1
        return frame_at(self.now_ns, seq=self.seq)

    def step(self) -> list[Message]:
        """One frame: what was heard, and what leaves."""
        frame = self.frame()
        answers = self.venue.on_frame(self.state, frame)
        return [*answers, *self.venue.dispatch(self.state, frame, RULES)]

    def order(self, qty: str = "1", side: Side = Side.BUY, **more: Any) -> Order:
        self.placed += 1
        return Order(
            client_order_id=f"o{self.placed}", version=0, account="acct", venue=VENUE,
            symbol=SYMBOL, tick_ns=self.now_ns, status=OrderStatus.INTENT, side=side,
            type=more.pop("type", OrderType.MARKET), qty=Decimal(qty), filled_qty=Decimal(0),
            reduce_only=more.pop("reduce_only", False), signal_id="s", leg="open", attempt=1,
            reason="", **more,
        )  # fmt: skip

    def submit(self, qty: str = "1", side: Side = Side.BUY, **more: Any) -> Order:
        order = self.order(qty, side, **more)
        self.venue.submit(self.state, order)
        return order

    def _head(self) -> dict[str, Any]:
        self.number += 1
        return {
            "account": "acct", "venue": VENUE, "symbol": SYMBOL, "run": self.run,
            "number": self.number, "effective_ns": self.now_ns,
        }  # fmt: skip

    def says(
        self, id_: str, status: OrderStatus, filled: str | None = None, **more: Any
    ) -> OrderReport:
        qty = None if filled is None else Decimal(filled)
        report = OrderReport(
            **self._head(), client_order_id=id_, status=status, filled_qty=qty, **more
        )
        self.venue.hear(self.state, report)
        return report

    def trades(
        self, id_: str, trade_id: str, qty: str, side: Side = Side.BUY, **more: Any
    ) -> TradeReport:
        report = TradeReport(
            **self._head(), client_order_id=id_, trade_id=trade_id, side=side, price=Decimal(100),
            qty=Decimal(qty), fee=Decimal("0.01"), maker=False,
            **({"fee_currency": "USDT"} | more),
        )  # fmt: skip
        self.venue.hear(self.state, report)
        return report

    def pays(self, id_: str, amount: str, *, at_ns: int, currency: str = "USDT") -> None:
        self.venue.hear(
            self.state,
            FundingReport(
                **self._head(), payment_id=id_, amount=Decimal(amount), currency=currency,
                time_ns=at_ns,
            ),
        )  # fmt: skip

    def shows(
        self,
        *,
        orders: tuple[RestingOrder, ...] = (),
        held: str = "0",
        problems: tuple[str, ...] = (),
        balance: str = "10000",
    ) -> None:
        qty = Decimal(held)
        positions = (VenuePosition(SYMBOL, qty, Decimal(100)),) if qty else ()
        self.venue.hear(
            self.state,
            AccountReport(
                **(self._head() | {"symbol": ""}), problems=problems, balance=Decimal(balance),
                orders=orders, positions=positions,
            ),
        )  # fmt: skip


def resting(id_: str, qty: str = "1") -> RestingOrder:
    return RestingOrder(id_, SYMBOL, Side.BUY, Decimal(qty), Decimal(0), False, Decimal(99))


def lives(messages: list[Message]) -> list[tuple[str, str]]:
    return [(m.client_order_id, m.status.value) for m in messages if isinstance(m, Order)]


def asked(messages: list[Message]) -> list[tuple[str, str]]:
    return [
        (m.kind.value, m.order.client_order_id) for m in messages if isinstance(m, VenueRequest)
    ]


def fills(messages: list[Message]) -> list[tuple[str, str]]:
    return [(m.trade_id, str(m.qty)) for m in messages if isinstance(m, Fill)]
