"""What a desk reports, in order, until the account takes it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from agents.venues.ccxt_live.seen import SeenFunding, SeenTrade
from schemas.order import Order, OrderStatus
from schemas.venue import (
    AccountReport,
    FundingReport,
    OrderReport,
    RequestKind,
    TradeReport,
    VenueReport,
)


class Outbox:
    """Reports of one process, which ``run`` names. ``heard`` is set while there are any."""

    def __init__(self, *, account: str, venue: str, run: int) -> None:
        self._account = account
        self._venue = venue
        self._run = run
        self._number = 0
        self._reports: list[VenueReport] = []
        self.heard = asyncio.Event()

    def drain(self) -> list[VenueReport]:
        """Reports since the last call, in order; they have no tick yet."""
        reports, self._reports = self._reports, []
        self.heard.clear()
        return reports

    def order(
        self,
        order: Order,
        status: OrderStatus,
        filled_qty: Decimal | None,
        *,
        reason: str = "",
        answers: RequestKind | None = None,
        terms: dict[str, Any] | None = None,
    ) -> None:
        """Report what is known of an order; ``terms`` are those that rest at the venue."""
        self._add(
            OrderReport(
                **self._head(order.symbol), client_order_id=order.client_order_id, status=status,
                filled_qty=filled_qty, reason=reason, answers=answers, **(terms or {}),
            )
        )  # fmt: skip

    def trade(self, order: Order, trade: SeenTrade) -> None:
        """Report a trade of an order."""
        self._add(
            TradeReport(
                **self._head(order.symbol), client_order_id=order.client_order_id,
                trade_id=trade.trade_id, side=trade.side, price=trade.price, qty=trade.qty,
                fee=trade.fee, fee_currency=trade.fee_currency, maker=trade.maker,
                fee_rate=trade.fee_rate,
            )
        )  # fmt: skip

    def funding(self, payment: SeenFunding) -> None:
        """Report a funding payment."""
        self._add(
            FundingReport(
                **self._head(payment.symbol), payment_id=payment.payment_id, amount=payment.amount,
                currency=payment.currency, time_ns=payment.time_ns,
            )
        )  # fmt: skip

    def account(self, **shown: Any) -> None:
        """Report the whole account."""
        self._add(AccountReport(**self._head(""), **shown))

    def _head(self, symbol: str) -> dict[str, Any]:
        self._number += 1
        return {
            "account": self._account, "venue": self._venue, "symbol": symbol, "run": self._run,
            "number": self._number, "effective_ns": None,
        }  # fmt: skip

    def _add(self, report: VenueReport) -> None:
        self._reports.append(report)
        self.heard.set()
