"""Stops and targets at the venue: placed, moved, met, and placed again when they are lost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.account import Account, AccountState
from agents.execution.closed_trades import Exit
from agents.execution.guard import Guard, guard_of, moved_stop
from agents.execution.stop_plan import StopPlan
from schemas.execution_settings import StopsSettings
from schemas.frame import NS_PER_S, Message, Side
from schemas.order import Fill, Order, OrderStatus, OrderType
from schemas.settings import Settings
from schemas.signal import SignalKind
from tests.support.live_venue import RULES
from tests.support.messages import SYMBOL, VENUE, frame_at, signal_of
from tests.support.paper import Trade, tape

KEY = f"{VENUE}:{SYMBOL}"
BUY, SELL = Side.BUY, Side.SELL
M = TypeVar("M", bound=Message)


class Desk:
    """An account on a market whose mid is told in cents, with a deep book a tick around it."""

    def __init__(self, **sections: object) -> None:
        self.account = Account(Settings.model_validate(sections))
        self.state: AccountState = self.account.initial()
        self.now_ns = NS_PER_S
        self.seq = 0

    def step(
        self, mid: int, *trades: Trade, kind: SignalKind | None = None, after_s: float = 0.1
    ) -> list[Message]:
        self.now_ns += round(after_s * NS_PER_S)
        self.seq += 1
        book = {"bids": ((mid - 1, 10**7),), "asks": ((mid + 1, 10**7),)}
        frame = frame_at(self.now_ns, seq=self.seq, **book)  # type: ignore[arg-type]
        frame = msgspec.structs.replace(frame, trades=tape(*trades))
        signal = None
        if kind is not None:
            score = 35.0 if kind is SignalKind.SHORT else 68.0
            signal = signal_of(
                kind, score=score, price=mid / 100, tick_ns=self.now_ns, id_=f"s{self.seq}"
            )
        return self.account.step(self.state, frame, signal)

    def open(self, kind: SignalKind = SignalKind.LONG) -> list[Order]:
        """A position from 100.00, and the orders that protect it, once they rest."""
        self.step(10_000, kind=kind)
        placed = self.step(10_000)
        self.step(10_000)
        return [o for o in of(Order, placed) if o.status is OrderStatus.INTENT]

    @property
    def guard(self) -> Guard:
        return self.state.guards[KEY]

    @property
    def held(self) -> Decimal:
        return self.state.held_qty(KEY)

    def working(self) -> dict[str, Order]:
        return {w.order.leg: w.order for w in self.state.paper.working.get(KEY, [])}


def of(kind: type[M], records: Sequence[Message]) -> list[M]:
    return [record for record in records if isinstance(record, kind)]


# Without a range the stop is 1% away, times 0.75 at the threshold; the targets 1, 2 and 3%.


@pytest.mark.parametrize(
    ("kind", "stop", "targets"),
    [
        (SignalKind.LONG, "99.26", ["101.01", "102.01", "103.01"]),
        (SignalKind.SHORT, "100.73", ["99", "98", "97"]),
    ],
)
def test_a_position_is_protected_at_the_venue_as_soon_as_it_is_filled(
    kind: SignalKind, stop: str, targets: list[str]
) -> None:
    desk = Desk()
    placed = desk.open(kind)
    assert [o.leg for o in placed] == ["stop", "target1", "target2", "target3"]
    assert all(o.reduce_only and o.side == -desk.guard.side for o in placed)
    assert placed[0].type is OrderType.STOP
    assert placed[0].stop_price == Decimal(stop)
    assert [o.price for o in placed[1:]] == [Decimal(t) for t in targets]
    assert placed[0].qty == abs(desk.held)
    assert [o.qty / placed[0].qty for o in placed[1:]] == pytest.approx(
        [Decimal("0.5"), Decimal("0.3"), Decimal("0.2")], abs=Decimal("0.001")
    )
    total = sum((o.qty for o in placed[1:]), Decimal(0))
    assert total == placed[0].qty


def test_a_stop_that_is_hit_closes_everything_and_the_trade_is_known_as_stopped() -> None:
    desk = Desk()
    desk.open()
    records = desk.step(9_900, (9_920, 1_000, SELL))
    assert desk.held == 0
    assert all(f.price == Decimal("98.99") for f in of(Fill, records))
    assert not desk.working()
    assert not desk.state.guards
    (trade,) = desk.state.risk.trades
    assert (trade.exit, trade.key) == (Exit.STOP, KEY)
    ledger = desk.state.ledger
    assert trade.profit == ledger.balance - Decimal(100_000)
    assert trade.balance == ledger.balance
    assert trade.notional == Decimal("100.01") * sum((f.qty for f in of(Fill, records)), Decimal(0))


def test_targets_take_their_shares_one_after_the_other() -> None:
    desk = Desk()
    targets = desk.open()[1:]
    left = desk.held
    for number, (target, price) in enumerate(zip(targets, (10_102, 10_202, 10_302), strict=True)):
        desk.step(price, (price, 10**7, BUY))
        left -= target.qty
        assert desk.held == left
        assert len(desk.state.guards[KEY].targets if left else ()) == 2 - number
    assert not desk.working()
    (trade,) = desk.state.risk.trades
    assert trade.exit is Exit.TARGET
    assert trade.profit > 0


def test_after_the_first_target_the_stop_stands_at_break_even_or_better() -> None:
    desk = Desk()
    desk.open()
    desk.step(10_102, (10_102, 10**7, BUY))
    desk.step(10_102)
    stop = desk.working()["stop"]
    # the move of 1.01 is more than one stop of 0.75: entry and 10 basis points, on the tick
    assert stop.stop_price == Decimal("100.12")


@pytest.mark.parametrize("kind", [SignalKind.LONG, SignalKind.SHORT])
def test_where_ticks_are_wide_break_even_does_not_reach_the_market(kind: SignalKind) -> None:
    desk = Desk()
    rules = msgspec.structs.replace(RULES, tick_size=Decimal(1), min_notional=Decimal(0))
    desk.account.learn(desk.state, rules)
    desk.open(kind)
    before, toward = desk.guard.stop, desk.guard.side
    # entry and fees beyond, on the tick, is where the mid is
    desk.step(10_000 + 100 * toward)
    assert desk.guard.stop == before
    desk.step(10_000 + 130 * toward)
    assert desk.guard.stop == 100 + toward


def test_a_stop_trails_the_best_price_and_never_falls_back() -> None:
    desk = Desk()
    desk.open()
    for mid in (10_200, 10_300, 10_250):
        desk.step(mid)
    desk.step(10_250)
    found = desk.working()["stop"].stop_price
    assert found is not None
    # 1 stop of 0.75 behind the best of 103.00
    assert found == Decimal("102.25")
    desk.step(10_245, (10_225, 1_000, SELL))
    assert desk.held == 0


def test_a_position_is_closed_when_its_time_is_up() -> None:
    desk = Desk(stops={"max_holding_s": 60})
    desk.open()
    opened_ns = desk.guard.opened_ns
    desk.now_ns = opened_ns
    assert not of(Order, desk.step(10_000, after_s=59.9))
    (order,) = of(Order, desk.step(10_000, after_s=0.1))
    assert (order.leg, order.reduce_only, order.type) == ("time", True, OrderType.MARKET)
    assert order.reason == "time: limit 60 s"
    desk.step(10_000)
    assert desk.held == 0
    assert desk.state.risk.trades[-1].exit is Exit.TIME


def test_protection_is_the_same_after_a_restart() -> None:
    plain, restarted = Desk(), Desk()
    for desk in (plain, restarted):
        desk.open()
    saved = restarted.account.encode(restarted.state)
    restarted.account = Account(Settings())
    restarted.state = restarted.account.decode(saved)
    for mid in (10_200, 10_300, 10_100):
        assert plain.step(mid) == restarted.step(mid)
    assert plain.account.encode(plain.state) == restarted.account.encode(restarted.state)


def test_what_the_venue_has_lost_is_placed_again_under_the_next_attempt() -> None:
    desk = Desk()
    desk.open()
    del desk.state.paper.working[KEY]
    again = of(Order, desk.step(10_000))
    assert [(o.leg, o.attempt) for o in again] == [
        ("stop", 2), ("target1", 2), ("target2", 2), ("target3", 2),
    ]  # fmt: skip
    assert len({o.client_order_id for o in again}) == 4
    desk.step(10_000)
    desk.step(9_900, (9_920, 1_000, SELL))
    assert desk.held == 0


def test_a_position_whose_stop_is_lost_again_and_again_is_closed() -> None:
    desk = Desk()
    desk.open()
    legs = []
    for _ in range(8):
        desk.state.paper.working.pop(KEY, None)
        legs += [o.leg for o in of(Order, desk.step(10_000))]
        if "unprotected" in legs:
            break
    desk.step(10_000)
    assert legs.count("stop") == 5  # beside the first, which came to rest
    assert desk.held == 0


def test_a_turn_leaves_the_old_protection_behind_and_sets_up_the_new() -> None:
    desk = Desk()
    desk.open()
    old = {o.client_order_id for o in desk.working().values()}
    desk.step(10_000, kind=SignalKind.SHORT)
    desk.step(10_000)
    desk.step(10_000)
    assert desk.held < 0
    new = desk.working()
    assert sorted(new) == ["stop", "target1", "target2", "target3"]
    assert not old & {o.client_order_id for o in new.values()}
    assert all(o.side is BUY for o in new.values())
    assert [t.exit for t in desk.state.risk.trades] == [Exit.SIGNAL]


def test_where_signals_alone_exit_nothing_rests_at_the_venue() -> None:
    desk = Desk(stops={"at_venue": False})
    assert desk.open() == []
    assert not desk.working()


settings = StopsSettings()
mids = st.lists(st.integers(8_000, 12_000), min_size=1, max_size=60)


@given(mids, st.sampled_from([BUY, SELL]))
def test_a_stop_only_moves_in_favour_and_never_to_the_wrong_side_of_the_market(
    path: list[int], side: Side
) -> None:
    plan = StopPlan("s", side, Decimal("0.01"), ())
    guard = guard_of(plan, entry=Decimal(100), qty=Decimal(1), opened_ns=0, settings=settings)
    best = Decimal(100)
    for cents in path:
        mid, before = Decimal(cents) / 100, guard.stop
        best = max(best, mid) if side is BUY else min(best, mid)
        guard.stop = moved_stop(guard, mid, settings)
        assert (guard.stop - before) * side >= 0
        assert (best - guard.stop) * side > 0
        if (best - 100) * side < 1:
            assert guard.stop == 100 - side
        if guard.stop != before and (guard.stop - 100) * side > Decimal("0.1"):
            # trailing: one stop behind the best
            assert (best - guard.stop) * side == 1


@given(mids)
def test_long_and_short_are_guarded_as_mirror_images(path: list[int]) -> None:
    plans = [StopPlan("s", side, Decimal("0.01"), (Decimal("0.02"),)) for side in (BUY, SELL)]
    long, short = (
        guard_of(p, entry=Decimal(100), qty=Decimal(1), opened_ns=0, settings=settings)
        for p in plans
    )
    assert long.targets[0].price + short.targets[0].price == 200
    for cents in path:
        mid = Decimal(cents) / 100
        long.stop = moved_stop(long, mid, settings)
        short.stop = moved_stop(short, 200 - mid, settings)
        assert long.stop + short.stop == 200
