"""A desk on a market whose every event a test says."""

from __future__ import annotations

from decimal import Decimal

from schemas.frame import NS_PER_S, Side
from streams.events import BookDiff, BookSnapshot, DerivativesEvent, Levels, TradeEvent
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.conditional import Conditional, Trigger, TriggerBy
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.orders import Force, Kind, Order, Ticket
from streams.simulator.exchange.trading.position import Position
from streams.simulator.exchange.trading.terms import BINANCE
from streams.simulator.exchange.trading.triggers import Triggers
from tests.support.simulated import START_NS, rules_of


class Stage:
    """A market whose every event a test says.

    It starts with bids 100.0 x 5, 99.9 x 7 and asks 100.1 x 4, 100.2 x 6.
    """

    def __init__(
        self, symbol: str = "BTC/USDT:USDT", *, start_ns: int = START_NS, usdt: str = "100000"
    ) -> None:
        clock = self.clock = MarketClock(speed=None)
        clock.start(start_ns)
        self.listing = Listing(rules_of(symbol), venue_id="BTCUSDT", seed="x", truth=None)
        self.listing.now_ns = start_ns
        self.listing.apply(
            BookSnapshot(
                "BTCUSDT",
                START_NS,
                1,
                [("100.0", "5"), ("99.9", "7")],
                [("100.1", "4"), ("100.2", "6")],
            )
        )
        self.desk = Desk(clock, BINANCE)
        self.desk.add(self.listing)
        self.triggers = Triggers(self.desk, keep_ids=False)
        key = ApiKey(name="a", key="k", secret="s", balances={"USDT": Decimal(usdt)})
        self.account = self.desk.open(key)
        self._id = 1

    @property
    def position(self) -> Position:
        """The account's."""
        return self.account.position(self.listing)

    def order(
        self,
        side: Side,
        qty: str,
        price: str | None,
        *,
        force: Force = Force.GTC,
        reduce_only: bool = False,
    ) -> Order:
        self._id += 1
        ticket = Ticket(
            listing=self.listing,
            side=side,
            kind=Kind.MARKET if price is None else Kind.LIMIT,
            qty=Decimal(qty),
            client_id=f"c{self._id}",
            price=None if price is None else Decimal(price),
            force=force,
            reduce_only=reduce_only,
        )
        return self.desk.place(self.account, ticket)

    def trade(self, side: Side, price: str, qty: str) -> None:
        self._id += 1
        id_ = self._id
        self._meet(TradeEvent("BTCUSDT", START_NS, price, qty, int(side), 0, id_, id_, id_))

    def book(self, bids: Levels = (), asks: Levels = ()) -> None:  # type: ignore[assignment]
        at = self.listing.book.update_id
        self._meet(BookDiff("BTCUSDT", START_NS, at + 1, at + 1, at, list(bids), list(asks)))

    def mark(self, price: str, *, rate: str | None = None) -> None:
        """Tell a mark price, and a funding rate."""
        now_ns = self.clock.now_ns()
        self._meet(DerivativesEvent("BTCUSDT", now_ns, mark_price=price, funding_rate=rate))

    def stop(
        self, side: Side, qty: str, trigger: str, *, rising: bool, by: TriggerBy = TriggerBy.LAST
    ) -> Conditional:
        """Let a reduce-only market order wait for a price."""
        self._id += 1
        ticket = Ticket(
            listing=self.listing,
            side=side,
            kind=Kind.MARKET,
            qty=Decimal(qty),
            client_id=f"s{self._id}",
            reduce_only=True,
        )
        wanted = Trigger(price=Decimal(trigger), rising=rising, by=by)
        return self.triggers.place(
            self.account, ticket, wanted, kind="STOP_MARKET", close_all=not ticket.qty
        )

    def pass_time(self, seconds: float) -> int:
        """Let market time pass; what it is then."""
        self.clock.advance(round(seconds * NS_PER_S))
        return self.clock.now_ns()

    def _meet(self, event: TradeEvent | BookDiff | DerivativesEvent) -> None:
        update = self.listing.apply(event)
        assert update is not None
        self.desk.on_market(self.listing, update)
        self.triggers.on_market(self.listing, update)
