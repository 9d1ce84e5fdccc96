"""A dealer at a venue that does what a test says, for tests of execution algorithms."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.account import Account, AccountState
from agents.execution.ledger import Holding
from agents.execution.parents.dealer import Dealer
from agents.execution.parents.parent import Parent
from agents.execution.risk import Risk
from agents.venues.paper import PaperVenue
from schemas.frame import NS_PER_MS, NS_PER_S, ContractKind, Frame, Instrument, Side
from schemas.order import Fill, Order, OrderStatus, OrderType, client_order_id
from schemas.settings import Settings, settings_from
from schemas.signal import SignalKind
from tests.support.messages import SYMBOL, VENUE, frame_at, signal_of
from tests.support.paper import tape

KEY = f"{VENUE}:{SYMBOL}"
START_NS = 1_000 * NS_PER_S


class Obedient(PaperVenue):
    """Keeps what it is sent until the test says what becomes of it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.paper, account="paper")
        self.orders: dict[str, Order] = {}
        self.cancels: list[str] = []

    def submit(self, state: object, order: Order) -> None:
        assert order.client_order_id not in self.orders
        self.orders[order.client_order_id] = order

    def cancel(self, state: object, order: Order, *, now_ns: int) -> None:
        self.cancels.append(order.client_order_id)

    def open_orders_of(self, state: object, key: str) -> list[Order]:
        return list(self.orders.values())


class Dealing:
    """One parent of an entry or an exit, its venue and its clock."""

    def __init__(
        self, algorithm: str, qty: str, side: Side, *, reduce_only: bool = False,
        least: str = "0", step: str = "0.001", risk: dict[str, object] | None = None,
        **algorithms: object,
    ) -> None:  # fmt: skip
        chosen = {"entry": algorithm, "exit": algorithm, **algorithms}
        wide = {"max_order_notional": 10**9, "max_orders_per_minute": 10**6}
        self.settings = settings_from(
            {
                "algorithms": chosen,
                "paper": {"balance": 10**12},
                "risk": {**wide, **(risk or {})},
            }
        )
        self.venue = Obedient(self.settings)
        self.risk = Risk(self.settings, venue=self.venue)
        self.dealer = Dealer(self.settings, account="paper", venue=self.venue, risk=self.risk)
        self.account = Account(self.settings)
        self.state: AccountState = self.account.initial()
        rules = Instrument(
            VENUE, SYMBOL, 0, ContractKind.LINEAR, "BTC", "USDT", "USDT",
            tick_size=Decimal("0.01"), qty_step=Decimal(step), min_notional=Decimal(least),
        )  # fmt: skip
        self.account.learn(self.state, rules)
        self.qty, self.side, self.reduce_only = Decimal(qty), side, reduce_only
        self.now_ns, self.seq, self.trades = START_NS, 0, 0
        self.sent: list[Order] = []

    @property
    def parent(self) -> Parent | None:
        parents = self.state.parents.get(KEY)
        return parents[0] if parents else None

    def begin(self, bid: int = 9_999, ask: int = 10_001) -> None:
        frame = self._frame(bid, ask, (), 10**7)
        self.state.marks[KEY] = Decimal(bid + ask) / 200
        signal = signal_of(SignalKind.LONG if self.side is Side.BUY else SignalKind.SHORT)
        if self.reduce_only:
            holding = Decimal(-self.side.value) * self.qty
            self.state.ledger.holdings[KEY] = Holding(holding, abs(holding) * 100)
        leg = "close" if self.reduce_only else "open"
        order = Order(
            client_order_id("paper", signal.id, leg, 1), 0, "paper", VENUE, SYMBOL, self.now_ns,
            OrderStatus.INTENT, self.side, OrderType.MARKET, self.qty, Decimal(0),
            self.reduce_only, signal.id, leg, 1, "test",
        )  # fmt: skip
        self._take(self.dealer.begin(self.state, frame, order, signal))

    def frame(
        self, bid: int = 9_999, ask: int = 10_001, *trades: tuple[int, int, Side],
        after_ms: int = 100, depth: int = 10**7, is_tick: bool = True,
    ) -> list[Order]:  # fmt: skip
        """A frame; the children that are sent at it."""
        self.now_ns += after_ms * NS_PER_MS
        frame = self._frame(bid, ask, trades, depth, is_tick=is_tick)
        self.state.marks[KEY] = Decimal(bid + ask) / 200
        return self._take(self.dealer.review(self.state, frame))

    def fill(self, order: Order, qty: Decimal, *, price: Decimal | None = None) -> None:
        """A trade on an order that works; it ends when it is filled."""
        self.trades += 1
        at = price or order.price or Decimal(100)
        maker = order.type is OrderType.LIMIT
        fill = Fill(
            f"t{self.trades}", order.client_order_id, "paper", VENUE, SYMBOL, self.now_ns,
            order.side, at, qty, Decimal(0), "USDT", maker,
        )  # fmt: skip
        self.dealer.booked(self.state, fill, leg=order.leg)
        filled = order.filled_qty + qty
        assert filled <= order.qty
        self.venue.orders[order.client_order_id] = msgspec.structs.replace(order, filled_qty=filled)
        if filled == order.qty:
            self.end(self.venue.orders[order.client_order_id], OrderStatus.FILLED)

    def end(self, order: Order, status: OrderStatus, reason: str = "test") -> None:
        """An order is done."""
        del self.venue.orders[order.client_order_id]
        ended = msgspec.structs.replace(order, status=status, reason=reason, version=9)
        self.dealer.ended(self.state, ended)

    def restart(self) -> None:
        """What is remembered is what was encoded."""
        before = self.account.encode(self.state)
        self.state = self.account.decode(before)
        assert self.account.encode(self.state) == before

    def working(self) -> list[Order]:
        return list(self.venue.orders.values())

    def _take(self, orders: object) -> list[Order]:
        new = [o for o in orders if isinstance(o, Order)]  # type: ignore[attr-defined]
        self.sent += new
        return new

    def _frame(
        self, bid: int, ask: int, trades: tuple[tuple[int, int, Side], ...], depth: int,
        *, is_tick: bool = True,
    ) -> Frame:  # fmt: skip
        self.seq += 1
        made = frame_at(
            self.now_ns, bids=((bid, depth),), asks=((ask, depth),), seq=self.seq, is_tick=is_tick
        )
        return msgspec.structs.replace(made, trades=tape(*trades))
