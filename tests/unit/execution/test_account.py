"""The account: orders meet a later book, fills move positions, refusals are records."""

from __future__ import annotations

from decimal import Decimal

from agents.execution.account import Account, AccountState
from schemas.frame import NS_PER_MS, NS_PER_S, ContractKind, Frame, Instrument, Message
from schemas.order import Fill, Order, OrderStatus, Position
from schemas.settings import Settings
from schemas.signal import Signal, SignalKind
from tests.support.messages import SYMBOL, VENUE, frame_at, signal_of

KEY = f"{VENUE}:{SYMBOL}"
SETTINGS = Settings.model_validate({"stops": {"at_venue": False}})


def settings_with(**sections: object) -> Settings:
    """Settings without protective orders, which have tests of their own."""
    return Settings.model_validate({"stops": {"at_venue": False}, **sections})


class Desk:
    """An account with a running clock, for tests."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.account = Account(settings)
        self.state: AccountState = self.account.initial()
        self.now_ns = NS_PER_S
        self.seq = 0

    def step(self, kind: SignalKind | None = None, **frame: object) -> list[Message]:
        """One frame 100 ms on, with a signal if ``kind`` is given."""
        self.now_ns += 100 * NS_PER_MS
        self.seq += 1
        made: Frame = frame_at(self.now_ns, seq=self.seq, **frame)  # type: ignore[arg-type]
        signal: Signal | None = None
        if kind is not None:
            score = 30.0 if kind is SignalKind.SHORT else 70.0
            signal = signal_of(kind, score=score, tick_ns=self.now_ns, id_=f"s{self.seq}")
        return self.account.step(self.state, made, signal)


def statuses(messages: list[Message]) -> list[str]:
    return [m.status.value for m in messages if isinstance(m, Order)]


def test_an_order_meets_the_next_book_and_never_the_one_it_was_decided_on() -> None:
    desk = Desk()
    assert statuses(desk.step(SignalKind.LONG)) == ["intent"]
    answers = desk.step(asks=((10_100, 90_000),))
    assert statuses(answers) == ["acknowledged", "filled"]
    (fill,) = [m for m in answers if isinstance(m, Fill)]
    assert fill.price == Decimal("101.00")
    (position,) = [m for m in answers if isinstance(m, Position)]
    assert position.qty == fill.qty


def test_size_is_the_policys_share_of_the_available_balance_floored_to_a_step() -> None:
    desk = Desk()
    (order,) = desk.step(SignalKind.LONG)
    assert isinstance(order, Order)
    # score 70: 3% + 2 points of 1% = 5% of 100,000 at 100
    assert order.qty == Decimal("50.000")
    assert {f.name for f in order.factors} >= {"fraction", "available", "price"}


def test_a_market_order_walks_the_levels_and_cancels_what_the_book_does_not_hold() -> None:
    desk = Desk()
    desk.step(SignalKind.LONG)
    answers = desk.step(asks=((10_001, 10_000), (10_002, 20_000)))
    fills = [m for m in answers if isinstance(m, Fill)]
    assert [(f.price, f.qty) for f in fills] == [
        (Decimal("100.01"), Decimal(10)),
        (Decimal("100.02"), Decimal(20)),
    ]
    assert [f.fee for f in fills] == [f.price * f.qty * Decimal("0.0005") for f in fills]
    last = [m for m in answers if isinstance(m, Order)][-1]
    assert last.status is OrderStatus.CANCELLED
    assert last.filled_qty == 30


def intents(messages: list[Message]) -> list[Order]:
    found = [m for m in messages if isinstance(m, Order)]
    return [order for order in found if order.status is OrderStatus.INTENT]


def test_a_turn_closes_the_old_side_and_opens_the_new_one_when_that_is_closed() -> None:
    desk = Desk()
    desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    (close,) = intents(desk.step(SignalKind.SHORT))
    assert (close.leg, close.reduce_only) == ("close", True)
    assert not intents(desk.step(bids=((9_999, 49_000),)))[1:]  # one step of 50 is left
    assert desk.state.ledger.holdings[KEY].qty == 1
    (entry,) = intents(desk.step())
    assert (entry.leg, entry.reduce_only, entry.signal_id) == ("open", False, close.signal_id)
    assert not desk.state.ledger.holdings[KEY].qty
    desk.step(bids=((9_999, 500_000),))
    assert desk.state.ledger.holdings[KEY].qty < 0
    assert not desk.state.waiting


def test_an_exit_takes_from_the_next_books_what_the_first_does_not_hold() -> None:
    desk = Desk()
    desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    sent = intents(desk.step(SignalKind.EXIT))
    for _ in range(3):
        sent += intents(desk.step(bids=((9_999, 20_000),)))
    assert [(o.leg, o.attempt, int(o.qty)) for o in sent] == [
        ("close", 1, 50), ("close", 2, 30), ("close", 3, 10),
    ]  # fmt: skip
    assert not desk.state.ledger.holdings[KEY].qty
    assert not desk.state.parents


def test_an_exit_that_comes_while_the_entry_is_on_its_way_waits_for_it() -> None:
    desk = Desk(settings_with(paper={"latency_ms": 250}))
    desk.step(SignalKind.LONG)
    assert not [m for m in desk.step(SignalKind.EXIT) if isinstance(m, Order)]
    for _ in range(8):
        desk.step(asks=((10_001, 90_000),), bids=((9_999, 90_000),))
    (trade,) = desk.state.risk.trades
    assert trade.key == KEY
    assert not desk.state.ledger.holdings[KEY].qty


def test_refusals_are_rejected_orders_that_name_the_rule() -> None:
    desk = Desk()
    (refused,) = desk.step(SignalKind.EXIT)
    assert isinstance(refused, Order)
    assert refused.status is OrderStatus.REJECTED
    assert refused.reason == "position: nothing is open"


def test_one_order_of_a_symbol_works_at_a_time() -> None:
    desk = Desk(settings_with(paper={"latency_ms": 500}))
    (first,) = desk.step(SignalKind.LONG)
    (second,) = desk.step(SignalKind.LONG)
    assert isinstance(first, Order)
    assert isinstance(second, Order)
    assert second.reason == f"working: order {first.client_order_id} is not done yet"


def test_the_position_limit_is_named_with_its_value() -> None:
    desk = Desk(settings_with(account={"max_open_positions": 1}))
    desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    other = frame_at(desk.now_ns + 1, symbol="ETH/USDT:USDT")
    (refused,) = desk.account.step(desk.state, other, signal_of(SignalKind.LONG, id_="other"))
    assert isinstance(refused, Order)
    assert refused.reason == "max_open_positions: limit 1, open 1"


def test_what_is_not_held_cannot_be_sold_on_a_spot_market() -> None:
    desk = Desk()
    (refused,) = desk.step(SignalKind.SHORT, symbol="BTC/USDT", venue="binance")
    assert isinstance(refused, Order)
    assert refused.reason == "spot: what is not held cannot be sold"


def test_a_coin_settled_contract_is_refused() -> None:
    desk = Desk()
    (refused,) = desk.step(SignalKind.LONG, symbol="BTC/USD:BTC", venue="binancecoinm")
    assert isinstance(refused, Order)
    assert refused.reason.startswith("contract:")


def test_a_restart_in_the_middle_of_an_order_changes_nothing() -> None:
    plain, restarted = Desk(), Desk()
    for desk in (plain, restarted):
        desk.step(SignalKind.LONG)
    restarted.state = restarted.account.decode(restarted.account.encode(restarted.state))
    assert plain.step() == restarted.step()
    assert plain.account.encode(plain.state) == restarted.account.encode(restarted.state)


def test_equity_marks_open_positions_at_the_last_mid() -> None:
    desk = Desk()
    desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    desk.step(bids=((10_999, 1),), asks=((11_001, 1),))
    fee = Decimal("100.01") * 50 * Decimal("0.0005")
    assert desk.state.equity() == Decimal(100_000) - fee + 50 * (Decimal(110) - Decimal("100.01"))


def test_venue_rules_hold_from_their_time_on() -> None:
    desk = Desk()
    rules = Instrument(
        VENUE, SYMBOL, desk.now_ns + 200 * NS_PER_MS, ContractKind.LINEAR, "BTC", "USDT", "USDT",
        tick_size=Decimal("0.01"), qty_step=Decimal(7), min_notional=Decimal(1),
    )  # fmt: skip
    desk.account.learn(desk.state, rules)
    (before,) = desk.step(SignalKind.LONG)
    desk.step(asks=((10_001, 90_000),))
    desk.step(SignalKind.SHORT)
    (after,) = intents(desk.step(bids=((9_999, 90_000),)))
    assert isinstance(before, Order)
    assert before.qty == 50
    assert after.qty % 7 == 0
