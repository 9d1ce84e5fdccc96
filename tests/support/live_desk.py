"""An account at a real venue, whose reports are written by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from agents.execution.account import Account, AccountState
from schemas.frame import NS_PER_MS, NS_PER_S, Frame, Instrument, Message
from schemas.order import Order, OrderStatus
from schemas.settings import settings_from
from schemas.signal import SignalKind
from schemas.venue import (
    AccountReport,
    OrderReport,
    RequestKind,
    TradeReport,
    VenuePosition,
    VenueRequest,
)
from tests.support.live_venue import RULES
from tests.support.messages import frame_at, signal_of


class LiveDesk:
    """The account, its state, and a clock that runs with each step."""

    def __init__(
        self,
        rules: Instrument = RULES,
        *,
        stops: dict[str, Any] | None = None,
        algorithms: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        self.rules = rules
        live = {"enabled": True, "venue": rules.venue, "capital": 10_000, **more}
        stops = stops or {"target_ratios": (), "target_shares": ()}
        sections = {"live": live, "stops": stops, "algorithms": algorithms or {}}
        self.account = Account(settings_from(sections))
        self.state: AccountState = self.account.initial()
        self.account.learn(self.state, rules)
        self.now_ns, self.seq, self.number = NS_PER_S, 0, 0
        self.records: list[Message] = []
        self.step()
        self.shows("10000")

    def step(self, kind: SignalKind | None = None, *, tick: bool = True) -> list[Message]:
        self.now_ns += 100 * NS_PER_MS
        self.seq += 1
        signal = None
        if kind is not None:
            score = 30.0 if kind is SignalKind.SHORT else 70.0
            made = signal_of(kind, score=score, tick_ns=self.now_ns, id_=f"s{self.seq}")
            at = {"venue": self.rules.venue, "symbol": self.rules.symbol}
            signal = msgspec.structs.replace(made, **at)
        given = self.account.step(self.state, self.frame(tick=tick), signal)
        self.records += given
        return given

    def frame(self, *, tick: bool = True) -> Frame:
        """The frame of this step."""
        rules = self.rules
        return frame_at(
            self.now_ns, seq=self.seq, symbol=rules.symbol, venue=rules.venue, is_tick=tick
        )

    def order(self, leg: str) -> Order:
        """The newest order of a leg that has left."""
        return [r.order for r in self.requests() if r.order.leg == leg][-1]

    def requests(self, kind: RequestKind = RequestKind.CREATE) -> list[VenueRequest]:
        return [r for r in self.records if isinstance(r, VenueRequest) and r.kind is kind]

    def reports(
        self, order: Order, status: OrderStatus, filled: str = "0", *, reason: str = ""
    ) -> None:
        self._says(
            OrderReport, client_order_id=order.client_order_id, status=status,
            filled_qty=Decimal(filled), reason=reason,
        )  # fmt: skip

    def shows(self, balance: str, held: str = "0", entry: str = "100") -> None:
        """A look at the whole account, without orders."""
        qty = Decimal(held)
        positions = (VenuePosition(self.rules.symbol, qty, Decimal(entry)),) if qty else ()
        self._says(
            AccountReport, symbol="", balance=Decimal(balance), orders=(), positions=positions
        )

    def trades(self, order: Order, qty: str, **more: Any) -> None:
        self._says(
            TradeReport, client_order_id=order.client_order_id, trade_id=f"t{self.number}",
            side=order.side, qty=Decimal(qty), maker=False,
            **{"price": Decimal(100), "fee": Decimal("0.01"), "fee_currency": "USDT", **more},
        )  # fmt: skip

    def _says(self, kind: type[Any], **fields: Any) -> None:
        self.number += 1
        head = {
            "account": "paper", "venue": self.rules.venue, "symbol": self.rules.symbol, "run": 1,
            "number": self.number, "effective_ns": self.now_ns,
        }  # fmt: skip
        self.account.hear(self.state, kind(**{**head, **fields}))
