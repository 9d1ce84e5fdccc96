"""An account at a spot venue where fees are taken in coin and an order that rests locks coins."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from agents.execution.account import Account, AccountState
from schemas.control import Flatten
from schemas.frame import NS_PER_MS, NS_PER_S, ContractKind, Message, Side
from schemas.order import Flattened, Order, OrderStatus, OrderType
from schemas.settings import settings_from
from schemas.signal import SignalKind
from schemas.trade_alert import TradeAlert
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

VENUE, SYMBOL = "binance", "BTC/USDT"
KEY = f"{VENUE}:{SYMBOL}"
S = OrderStatus
SPOT = msgspec.structs.replace(RULES, venue=VENUE, symbol=SYMBOL, kind=ContractKind.SPOT, settle="")
FEE = Decimal("0.0007")
"""In coin, of the purchase: what is left is no whole number of steps."""


class SpotDesk:
    """An account whose venue is written by hand; the book is around 100."""

    def __init__(self) -> None:
        live = {"enabled": True, "venue": VENUE, "capital": 10_000}
        stops = {"target_ratios": ["1"], "target_shares": ["0.5"]}
        self.account = Account(settings_from({"live": live, "stops": stops}))
        self.state: AccountState = self.account.initial()
        self.account.learn(self.state, SPOT)
        self.now_ns, self.seq, self.number = NS_PER_S, 0, 0
        self.ticks = 10_000
        self.records: list[Message] = []
        self.step()
        self.shows("0")

    def step(self, kind: SignalKind | None = None) -> list[Message]:
        self.now_ns += 100 * NS_PER_MS
        self.seq += 1
        frame = frame_at(
            self.now_ns, seq=self.seq, symbol=SYMBOL, venue=VENUE,
            bids=((self.ticks - 1, 500_000),), asks=((self.ticks + 1, 500_000),),
        )  # fmt: skip
        signal = None
        if kind is not None:
            made = signal_of(kind, tick_ns=self.now_ns, id_=f"s{self.seq}")
            signal = msgspec.structs.replace(made, venue=VENUE, symbol=SYMBOL)
        given = self.account.step(self.state, frame, signal)
        self.records += given
        return given

    def shows(self, held: str) -> None:
        there = Decimal(held)
        self._says(
            AccountReport, symbol="", balance=Decimal(10_000), orders=(),
            positions=(VenuePosition(SYMBOL, there, Decimal(0)),) if there else (),
        )  # fmt: skip

    def requests(self, kind: RequestKind = RequestKind.CREATE) -> list[Order]:
        return [r.order for r in self.records if isinstance(r, VenueRequest) and r.kind is kind]

    def legs(self) -> list[str]:
        """Legs of what has left, in order."""
        return [order.leg for order in self.requests()]

    def order(self, leg: str) -> Order:
        """The newest order of a leg that has left."""
        return [order for order in self.requests() if order.leg == leg][-1]

    def reports(self, order: Order, status: OrderStatus, filled: Decimal = Decimal(0)) -> None:
        self._says(
            OrderReport, client_order_id=order.client_order_id, status=status, filled_qty=filled
        )

    def fills(self, order: Order) -> None:
        """The whole order trades at once."""
        buys = order.side is Side.BUY
        self.reports(order, S.FILLED, order.qty)
        self._says(
            TradeReport, client_order_id=order.client_order_id, trade_id=f"t{self.number}",
            side=order.side, price=Decimal(100), qty=order.qty,
            fee=FEE if buys else Decimal("0.01"), fee_currency="BTC" if buys else "USDT",
            maker=False,
        )  # fmt: skip

    def _says(self, kind: type[Any], **fields: Any) -> None:
        self.number += 1
        head = {
            "account": "paper", "venue": VENUE, "symbol": SYMBOL, "run": 1, "number": self.number,
            "effective_ns": self.now_ns,
        }  # fmt: skip
        self.account.hear(self.state, kind(**{**head, **fields}))

    def enter(self) -> Order:
        """A purchase that has filled, and a stop that rests for it."""
        self.step(SignalKind.LONG)
        entry = self.order("open")
        self.fills(entry)
        self.step()
        self.reports(self.order("stop"), S.ACKNOWLEDGED)
        self.step()
        return entry

    def leave(self) -> None:
        """A sell of everything that can be sold, once the stop is gone."""
        self.step(SignalKind.EXIT)
        self.reports(self.order("stop"), S.CANCELLED)
        self.step()
        self.fills(self.order("close"))
        self.step()


def of(kind: type[Any], records: Sequence[Message]) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


def rejections(desk: SpotDesk) -> list[tuple[str, str]]:
    return [(o.leg, o.reason) for o in of(Order, desk.records) if o.status is S.REJECTED]


def test_a_fee_in_coin_is_taken_off_what_is_held_and_the_stop_covers_whole_steps_of_it() -> None:
    desk = SpotDesk()
    entry = desk.enter()
    holding = desk.state.ledger.holdings[KEY]
    assert holding.qty == entry.qty - FEE
    assert desk.state.ledger.balance - holding.cost == 10_000 - entry.qty * 100
    assert desk.state.held_qty(KEY) == entry.qty - Decimal("0.001")
    stop = desk.order("stop")
    assert (stop.type, stop.qty) == (OrderType.STOP, entry.qty - Decimal("0.001"))
    assert rejections(desk) == []


def test_a_fee_in_coin_is_no_trade_of_the_order_that_paid_it() -> None:
    desk = SpotDesk()
    entry = desk.enter()
    (alert,) = of(TradeAlert, desk.records)
    assert (alert.filled_amount, alert.average_fill_price) == (entry.qty, Decimal(100))
    assert KEY not in desk.state.parents
    assert desk.state.risk.trades == []


def test_a_sell_waits_until_the_stop_that_locks_the_coins_is_gone_and_leaves_once() -> None:
    desk = SpotDesk()
    desk.enter()
    stop = desk.order("stop")
    given = desk.step(SignalKind.EXIT)
    assert [o.leg for o in of(Order, given)] == ["close"]  # stored, and not sent yet
    desk.step()
    assert desk.legs() == ["open", "stop"]
    assert desk.requests(RequestKind.CANCEL) == [desk.requests(RequestKind.CANCEL)[0]]
    assert desk.requests(RequestKind.CANCEL)[0].client_order_id == stop.client_order_id
    desk.reports(stop, S.CANCELLED)
    given = desk.step()
    (close,) = [o for o in of(Order, given) if o.leg == "close"]
    # A new version, so that the ledger tells whether this step was stored before.
    assert (close.version, close.status) == (1, S.INTENT)
    desk.step()
    assert desk.legs() == ["open", "stop", "close"]
    desk.fills(close)
    desk.step()
    assert desk.state.held_qty(KEY) == 0


def test_what_the_stop_has_sold_meanwhile_is_not_sold_again() -> None:
    desk = SpotDesk()
    desk.enter()
    stop = desk.order("stop")
    desk.step(SignalKind.EXIT)
    desk.reports(stop, S.FILLED, stop.qty)
    desk.step()
    assert desk.legs() == ["open", "stop"]  # its trades are not here yet
    desk.fills(stop)
    desk.step()
    desk.step()
    assert desk.legs() == ["open", "stop"]
    assert [leg for leg, reason in rejections(desk) if "cannot be sold" in reason] == ["close"]


def test_a_sell_that_waits_is_not_sent_by_the_next_process_which_looks_for_it() -> None:
    desk = SpotDesk()
    desk.enter()
    desk.step(SignalKind.EXIT)
    (close,) = [o for o in of(Order, desk.records) if o.leg == "close"]
    desk.reports(close, S.UNKNOWN)
    desk.reports(desk.order("stop"), S.CANCELLED)
    desk.step()
    assert "close" not in desk.legs()


def test_dust_is_held_and_is_no_position() -> None:
    desk = SpotDesk()
    desk.enter()
    desk.leave()
    dust = Decimal("0.001") - FEE
    assert desk.state.ledger.holdings[KEY].qty == dust
    assert desk.state.held_qty(KEY) == 0
    assert not desk.state.positions()
    assert len(desk.state.risk.trades) == 1
    desk.step(SignalKind.EXIT)
    assert rejections(desk)[-1] == ("refused", "position: nothing is open")
    desk.account.command(desk.state, Flatten("paper", desk.now_ns, "test", id="f"))
    desk.step()
    desk.shows(str(dust))
    desk.step()
    assert len(of(Flattened, desk.records)) == 1


def test_dust_adds_to_the_next_purchase() -> None:
    desk = SpotDesk()
    desk.enter()
    desk.leave()
    desk.step(SignalKind.LONG)
    entry = desk.order("open")
    desk.fills(entry)
    desk.step()
    whole = entry.qty - Decimal("0.001")  # 0.0006 of dust is still less than a step
    assert desk.state.held_qty(KEY) == whole
    assert desk.order("stop").qty == whole


def test_a_target_is_watched_here_and_taken_at_the_market_and_the_rest_gets_its_stop() -> None:
    desk = SpotDesk()
    desk.enter()
    for _ in range(3):
        desk.step()
    assert desk.legs() == ["open", "stop"]
    guard = desk.state.guards[KEY]
    (target,) = guard.targets
    desk.ticks = int(target.price * 100)
    desk.step()
    desk.reports(desk.order("stop"), S.CANCELLED)
    desk.step()
    sold = desk.order("target1")
    assert (sold.type, sold.qty) == (OrderType.MARKET, target.qty)
    desk.fills(sold)
    desk.step()
    desk.step()
    assert desk.legs() == ["open", "stop", "target1", "stop"]
    assert desk.order("stop").qty == desk.state.held_qty(KEY)
    assert guard.targets == []


def test_what_is_worth_less_than_the_venue_takes_is_dust() -> None:
    desk = SpotDesk()
    desk.enter()
    lot = desk.state.lots[KEY]
    assert (lot.step, lot.least) == (Decimal("0.001"), Decimal("0.05"))  # 5 USDT at 100
    assert lot.of(Decimal("0.0509")) == Decimal("0.05")
    assert lot.of(Decimal("0.0499")) == 0
