"""The terms of a paper venue: fees, margin, latency; and the records it writes by them."""

from __future__ import annotations

from decimal import Decimal

from agents.venues.paper_book import Take
from agents.venues.paper_wallet import Margin
from schemas.execution_settings import PaperSettings
from schemas.frame import Frame, Side
from schemas.ids import content_id
from schemas.money import CONTEXT
from schemas.order import Fill, Order, OrderStatus, OrderType

LIQUIDATION = "liquidation"
"""Leg of the venue's own orders."""

_BPS = Decimal(10_000)


class Terms:
    """What holds for an account at the venue."""

    def __init__(self, settings: PaperSettings, *, account: str) -> None:
        self.account = account
        self.currency = settings.currency
        self.latency_ns = settings.latency_ns
        self.cancels_ahead = settings.cancels_ahead
        self.margin = Margin(settings)
        self._fees = dict(settings.venue_fees)
        self._otherwise = settings.fees_of("")
        self._forced_bps = settings.liquidation_fee_bps

    def fill(self, order: Order, frame: Frame, take: Take, *, maker: bool, number: int) -> Fill:
        """A trade of an order, with its fee; ``number`` tells trades of one frame apart."""
        fees = self._fees.get(order.venue, self._otherwise)
        bps = fees.maker_fee_bps if maker else fees.taker_fee_bps
        if order.leg == LIQUIDATION:
            bps = CONTEXT.add(fees.taker_fee_bps, self._forced_bps)
        rate = CONTEXT.divide(bps, _BPS)
        return Fill(
            trade_id=content_id(
                "paper", order.client_order_id, str(frame.epoch), str(frame.seq), str(number)
            ),
            client_order_id=order.client_order_id,
            account=order.account,
            venue=order.venue,
            symbol=order.symbol,
            tick_ns=frame.close_ns,
            side=order.side,
            price=take.price,
            qty=take.qty,
            fee=CONTEXT.multiply(CONTEXT.multiply(take.price, take.qty), rate),
            fee_currency=self.currency,
            maker=maker,
        )

    def liquidation(self, frame: Frame, held: Decimal, reason: str) -> Order:
        """The venue's own order that closes a position by force."""
        return Order(
            client_order_id=content_id(
                LIQUIDATION, self.account, frame.venue, frame.symbol, str(frame.close_ns)
            ),
            version=0,
            account=self.account,
            venue=frame.venue,
            symbol=frame.symbol,
            tick_ns=frame.close_ns,
            status=OrderStatus.INTENT,
            side=Side.SELL if held > 0 else Side.BUY,
            type=OrderType.MARKET,
            qty=abs(held),
            filled_qty=Decimal(0),
            reduce_only=True,
            signal_id="",
            leg=LIQUIDATION,
            attempt=1,
            reason=reason,
        )
