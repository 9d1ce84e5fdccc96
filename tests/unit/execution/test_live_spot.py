"""An account at a spot venue where fees are taken in coin and an order that rests locks coins."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from schemas.control import Flatten
from schemas.frame import NS_PER_MS, ContractKind, Frame, Message, Side
from schemas.order import Flattened, Order, OrderStatus, OrderType
from schemas.signal import SignalKind
from schemas.trade_alert import TradeAlert
from schemas.venue import (
    RequestKind,
)
from tests.support.live_desk import LiveDesk
from tests.support.live_venue import RULES
from tests.support.messages import frame_at

VENUE, SYMBOL = "binance", "BTC/USDT"
KEY = f"{VENUE}:{SYMBOL}"
S = OrderStatus
SPOT = msgspec.structs.replace(RULES, venue=VENUE, symbol=SYMBOL, kind=ContractKind.SPOT, settle="")
FEE = Decimal("0.0007")
"""In coin, of the purchase: what is left is no whole number of steps."""


class SpotDesk(LiveDesk):
    """Of spot; the book is around 100."""

    def __init__(self) -> None:
        self.ticks = 10_000
        super().__init__(SPOT, stops={"target_ratios": ["1"], "target_shares": ["0.5"]})

    def frame(self, *, tick: bool = True) -> Frame:
        return frame_at(
            self.now_ns, seq=self.seq, symbol=SYMBOL, venue=VENUE, is_tick=tick,
            bids=((self.ticks - 1, 500_000),), asks=((self.ticks + 1, 500_000),),
        )  # fmt: skip

    def legs(self) -> list[str]:
        """Legs of what has left, in order."""
        return [request.order.leg for request in self.requests()]

    def holds(self, held: str) -> None:
        """A look at the whole account: so many coins."""
        self.shows("10000", held, entry="0")

    def fills(self, order: Order) -> None:
        """The whole order trades at once."""
        buys = order.side is Side.BUY
        self.reports(order, S.FILLED, str(order.qty))
        paid = {"fee": FEE, "fee_currency": "BTC"} if buys else {}
        self.trades(order, str(order.qty), **paid)

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
    (cancel,) = desk.requests(RequestKind.CANCEL)
    assert cancel.order.client_order_id == stop.client_order_id
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


def test_a_sell_that_waits_is_held_to_the_rules_of_its_own_symbol() -> None:
    desk = SpotDesk()
    desk.enter()
    other, step = "ETH/USDT", Decimal(10)
    desk.account.learn(desk.state, msgspec.structs.replace(SPOT, symbol=other, qty_step=step))
    desk.step(SignalKind.EXIT)
    desk.now_ns += 100 * NS_PER_MS
    frame = frame_at(desk.now_ns, symbol=other, venue=VENUE, bids=((1, 1),), asks=((2, 1),))
    assert of(Order, desk.account.step(desk.state, frame, None)) == []
    desk.reports(desk.order("stop"), S.CANCELLED)
    desk.step()
    assert desk.legs() == ["open", "stop", "close"]
    assert rejections(desk) == []


def test_what_the_stop_has_sold_meanwhile_is_not_sold_again() -> None:
    desk = SpotDesk()
    desk.enter()
    stop = desk.order("stop")
    desk.step(SignalKind.EXIT)
    desk.reports(stop, S.FILLED, str(stop.qty))
    desk.step()
    assert desk.legs() == ["open", "stop"]  # its trades are not here yet
    desk.fills(stop)
    desk.step()
    desk.step()
    assert desk.legs() == ["open", "stop"]
    assert [leg for leg, reason in rejections(desk) if "cannot be sold" in reason] == ["close"]
    desk.step(SignalKind.LONG)
    assert desk.legs() == ["open", "stop", "open"]  # and the account goes on


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
    desk.holds(str(dust))
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
