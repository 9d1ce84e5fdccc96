"""What happened since the last frame, as rows; turned into a frame's columns at the close."""

from __future__ import annotations

from typing import TypeAlias

from schemas.frame import NO_LIQUIDATIONS, NO_TOUCH, NO_TRADES, Liquidations, Touch, Trades

TradeRow: TypeAlias = tuple[int, int, int, int, int, int | str, int]
"""exchange_ns, receive_ns, price, qty, side, id, flags"""
TouchRow: TypeAlias = tuple[int, int | None, int, int, int, int, int, int]
"""receive_ns, exchange_ns, update_id, bid_price, bid_qty, ask_price, ask_qty, trades before it"""
LiquidationRow: TypeAlias = tuple[int, int, int, int, int]
"""exchange_ns, receive_ns, side, price, qty"""


class Interval:
    """Rows and counters of the interval that is open."""

    __slots__ = (
        "book_ns",
        "down",
        "liquidations",
        "missing_ids",
        "news",
        "rejects",
        "resyncs",
        "tape_ns",
        "touches",
        "trades",
    )

    def __init__(self) -> None:
        self.trades: list[TradeRow] = []
        self.touches: list[TouchRow] = []
        self.liquidations: list[LiquidationRow] = []
        self.missing_ids = 0
        self.resyncs = 0
        self.rejects = 0
        self.book_ns: int | None = None
        self.tape_ns: int | None = None
        self.news = False
        self.down: frozenset[str] = frozenset()
        """Channels that were down for a part of the interval, or all of it."""

    def skew_ns(self) -> int | None:
        """Last book exchange time minus last tape exchange time, where both spoke."""
        if self.book_ns is None or self.tape_ns is None:
            return None
        return self.book_ns - self.tape_ns

    def trade_columns(self) -> Trades:
        """Trades as parallel arrays."""
        return Trades(*zip(*self.trades, strict=True)) if self.trades else NO_TRADES

    def touch_columns(self, *, by_exchange_time: bool) -> Touch:
        """Touch changes as parallel arrays.

        ``by_exchange_time`` places trades between them by the venue's own time, with the order of
        arrival for ties; otherwise, or where the quotes carry no time, by order of arrival. Neither
        sequence is reordered in itself.
        """
        if not self.touches:
            return NO_TOUCH
        receive, exchange, update, bid, bid_qty, ask, ask_qty, before = zip(
            *self.touches, strict=True
        )
        if None in exchange:
            exchange = ()
        elif by_exchange_time and self.trades:
            before = self._trades_before(exchange, before)
        return Touch(receive, exchange, update, bid, bid_qty, ask, ask_qty, before)

    def liquidation_columns(self) -> Liquidations:
        """Liquidations as parallel arrays."""
        if not self.liquidations:
            return NO_LIQUIDATIONS
        return Liquidations(*zip(*self.liquidations, strict=True))

    def rescale(self, price_factor: int, qty_factor: int) -> None:
        """Multiply every price and quantity."""
        self.trades = [
            (e, r, price * price_factor, qty * qty_factor, side, trade_id, flags)
            for e, r, price, qty, side, trade_id, flags in self.trades
        ]
        self.touches = [
            (r, e, u, bp * price_factor, bq * qty_factor, ap * price_factor, aq * qty_factor, n)
            for r, e, u, bp, bq, ap, aq, n in self.touches
        ]
        self.liquidations = [
            (e, r, side, price * price_factor, qty * qty_factor)
            for e, r, side, price, qty in self.liquidations
        ]

    def _trades_before(
        self, exchange: tuple[int, ...], arrived: tuple[int, ...]
    ) -> tuple[int, ...]:
        trades, count = self.trades, len(self.trades)
        before: list[int] = []
        done = 0
        for quote_ns, arrived_before in zip(exchange, arrived, strict=True):
            while done < count and (
                trades[done][0] < quote_ns
                or (trades[done][0] == quote_ns and done < arrived_before)
            ):
                done += 1
            before.append(done)
        return tuple(before)
