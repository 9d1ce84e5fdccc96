"""Routing over venues: the least cost there is, and positions that are left together."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.account import Account
from agents.execution.parents.routing import Offer, route
from schemas.control import Halt
from schemas.errors import SettingsError
from schemas.frame import NS_PER_MS, NS_PER_S, Message, Side
from schemas.order import Fill, Order, OrderStatus
from schemas.settings import settings_from
from schemas.signal import SignalKind
from tests.support.messages import SYMBOL, VENUE, frame_at, signal_of
from tests.unit.execution.test_protection import of

LONG, SHORT, EXIT = SignalKind.LONG, SignalKind.SHORT, SignalKind.EXIT
OTHER = "bybit"
HERE, THERE = f"{VENUE}:{SYMBOL}", f"{OTHER}:{SYMBOL}"

books = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=0, max_size=3)


def offer(key: str, side: Side, book: list[tuple[int, int]], fee: int) -> Offer:
    price, levels = 100, []
    for away, qty in book:
        price += away * side
        levels.append((Decimal(price), Decimal(qty)))
    return Offer(key, levels, Decimal(fee) / 10_000, Decimal(1))


def cost(one: Offer, side: Side, qty: Decimal | int) -> Decimal | None:
    """What a quantity costs at one venue, by its levels one after the other."""
    total, left = Decimal(0), Decimal(qty)
    for price, there in one.levels:
        taken = min(there, left)
        total, left = total + price * taken * (1 + one.fee * side) * side, left - taken
    return None if left else total


@given(
    side=st.sampled_from(list(Side)),
    made=st.lists(st.tuples(books, st.integers(-3, 120)), min_size=1, max_size=3),
    qty=st.integers(1, 12),
)
def test_no_split_costs_less(
    side: Side, made: list[tuple[list[tuple[int, int]], int]], qty: int
) -> None:
    offers = [offer(str(n), side, book, fee) for n, (book, fee) in enumerate(made)]
    parts = route(side, Decimal(qty), offers)
    assert sum(parts.values(), Decimal(0)) == qty
    costs = []
    for split in product(range(qty + 1), repeat=len(offers)):
        if sum(split) == qty:
            each = [cost(one, side, part) for one, part in zip(offers, split, strict=True)]
            costs.append(None if None in each else sum(c for c in each if c is not None))
    known = [c for c in costs if c is not None]
    found = [cost(one, side, int(parts.get(one.key, 0))) for one in offers]
    if known:  # else the books hold less than is asked for
        assert sum(c for c in found if c is not None) == min(known)
        assert None not in found


def test_a_part_too_small_for_its_venue_goes_to_the_first() -> None:
    first = Offer("a", [(Decimal(101), Decimal(9))], Decimal(0), Decimal(1))
    cheap = Offer("b", [(Decimal(100), Decimal("3.5"))], Decimal(0), Decimal(1), Decimal(400))
    assert route(Side.BUY, Decimal(5), [first, cheap]) == {"a": Decimal(5)}
    enough = cheap._replace(least=Decimal(300))
    assert route(Side.BUY, Decimal(5), [first, enough]) == {"a": Decimal(2), "b": Decimal(3)}


@given(
    side=st.sampled_from(list(Side)),
    made=st.lists(
        st.tuples(
            books,
            st.integers(-3, 120),
            st.sampled_from(["0.5", "1", "1.5", "2"]),
            st.sampled_from([0, 110, 250]),
        ),
        min_size=1,
        max_size=3,
    ),
    steps=st.integers(1, 12),
)
def test_parts_are_fit_for_their_venues_add_up_and_cost_no_more_than_the_first_alone(
    side: Side, made: list[tuple[list[tuple[int, int]], int, str, int]], steps: int
) -> None:
    offers = [
        offer(str(n), side, book, fee)._replace(step=Decimal(step), least=Decimal(least))
        for n, (book, fee, step, least) in enumerate(made)
    ]
    qty = steps * offers[0].step
    parts = route(side, qty, offers)
    assert sum(parts.values()) == qty
    for one in offers:
        part = parts.get(one.key, Decimal(0))
        assert not part % one.step
        if one.levels and 0 < part < qty:
            assert part * one.levels[0][0] >= one.least
    alone = cost(offers[0], side, qty)
    if alone is not None:
        found = [cost(one, side, parts.get(one.key, Decimal(0))) for one in offers]
        assert sum(c for c in found if c is not None) <= alone
        assert None not in found


def test_a_finer_step_elsewhere_leaves_whole_steps_to_the_first() -> None:
    first = Offer("a", [(Decimal(101), Decimal(9))], Decimal(0), Decimal("0.001"))
    finer = Offer("b", [(Decimal(100), Decimal("0.01234"))], Decimal(0), Decimal("0.00001"))
    parts = route(Side.BUY, Decimal(1), [first, finer])
    assert parts == {"a": Decimal("0.988"), "b": Decimal("0.012")}


def test_a_remainder_too_small_for_the_first_is_made_as_large_as_it_may_be() -> None:
    first = Offer("a", [(Decimal(101), Decimal(9))], Decimal(0), Decimal("0.001"), Decimal(50))
    cheap = Offer("b", [(Decimal(100), Decimal(5))], Decimal(0), Decimal("0.001"))
    parts = route(Side.BUY, Decimal("5.001"), [first, cheap])
    assert parts == {"a": Decimal("0.496"), "b": Decimal("4.505")}
    assert route(Side.BUY, Decimal(5), [first, cheap]) == {"b": Decimal(5)}


class TwoVenues:
    """An account with one symbol on two venues, a frame of each in turn."""

    def __init__(
        self,
        *,
        restarts: bool = False,
        sizing: dict[str, object] | None = None,
        other: str = OTHER,
        **sections: object,
    ) -> None:
        self.account = Account(
            settings_from(
                {
                    "algorithms": {"routes": True},
                    "paper": {"venue_fees": {other: {"taker_fee_bps": 2, "maker_fee_bps": 1}}},
                    "sizing": {"liquidity_share": 1, **(sizing or {})},
                    **sections,
                }
            )
        )
        self.state, self.other = self.account.initial(), other
        self.now_ns, self.seq, self.restarts = NS_PER_S, 0, restarts

    def step(self, kind: SignalKind | None = None) -> list[Message]:
        self.now_ns += 100 * NS_PER_MS
        self.seq += 1
        records: list[Message] = []
        for venue in sorted((VENUE, self.other)):
            depth = 30_000 if venue == VENUE else 20_000
            bids, asks = ((9_999, depth),), ((10_001, depth),)
            frame = frame_at(self.now_ns, bids=bids, asks=asks, seq=self.seq, venue=venue)
            signal = None
            if kind is not None and venue == VENUE:
                score = 33.0 if kind is SHORT else 70.0
                signal = signal_of(kind, score=score, tick_ns=self.now_ns, id_=f"s{self.seq}")
            records += self.account.step(self.state, frame, signal)
            if self.restarts:
                self.state = self.account.decode(self.account.encode(self.state))
        return records

    def steps(self, number: int) -> list[Message]:
        return [record for _ in range(number) for record in self.step()]

    def held(self) -> tuple[Decimal, Decimal]:
        return self.state.held_qty(HERE), self.state.held_qty(THERE)


def intents(records: Sequence[Message], leg: str) -> list[Order]:
    return [o for o in of(Order, records) if (o.status, o.leg) == (OrderStatus.INTENT, leg)]


def test_an_entry_goes_where_it_is_cheapest_and_each_part_is_protected() -> None:
    desk, plain = TwoVenues(), TwoVenues(algorithms={"routes": False})
    desk.step()
    plain.step()
    (whole,) = intents(plain.step(LONG), "open")
    records = desk.step(LONG) + desk.steps(3)
    here, there = desk.held()
    assert there == 20  # all that the cheaper venue shows
    assert here + there == whole.qty > there
    assert {o.venue for o in intents(records, "stop")} == {VENUE, OTHER}
    fills = of(Fill, records)
    assert {f.venue: f.fee / (f.price * f.qty) for f in fills} == {
        VENUE: Decimal("0.0005"),
        OTHER: Decimal("0.0002"),
    }
    ids = [o.client_order_id for o in of(Order, records) if o.status is OrderStatus.INTENT]
    assert len(set(ids)) == len(ids)


def test_records_come_in_the_order_of_their_venues_within_a_tick() -> None:
    desk = TwoVenues()
    desk.step()
    records = desk.step(LONG) + desk.steps(3) + desk.step(EXIT) + desk.steps(3)
    places = [(o.tick_ns, o.venue) for o in of(Order, records)]
    assert places == sorted(places)


def test_an_exit_leaves_all_venues_and_a_second_entry_is_refused_while_one_holds() -> None:
    desk = TwoVenues(paper={"venue_fees": {OTHER: {"taker_fee_bps": 0, "maker_fee_bps": 0}}},
                     sizing={"base_fraction": "0.01", "cap_fraction": "0.01"})  # fmt: skip
    desk.step()
    desk.step(LONG)
    desk.steps(3)
    assert desk.held() == (Decimal(0), Decimal(10))  # all of it went there
    (refused,) = of(Order, desk.step(LONG))
    assert refused.reason.startswith("position: already long")
    desk.step(EXIT)
    desk.steps(4)
    assert desk.held() == (Decimal(0), Decimal(0))
    assert not desk.state.partners
    assert not desk.state.paper.working


def test_a_turn_leaves_the_others_and_enters_anew() -> None:
    desk = TwoVenues()
    desk.step()
    desk.step(LONG)
    desk.steps(3)
    desk.step(SHORT)
    desk.steps(6)
    here, there = desk.held()
    assert here < 0 >= there


def test_a_live_account_refuses_routes() -> None:
    with pytest.raises(SettingsError, match="a live account trades at one venue"):
        settings_from({"algorithms": {"routes": True}, "live": {"enabled": True}})


def test_a_halt_keeps_a_part_from_beginning_at_its_venue() -> None:
    desk = TwoVenues(other="aevo")  # whose frame of the tick was before
    desk.step()
    desk.step(LONG)
    desk.account.command(desk.state, Halt("paper", desk.now_ns, "test", "h"))
    records = desk.steps(3)
    (refused,) = [o for o in of(Order, records) if o.status is OrderStatus.REJECTED]
    assert (refused.venue, refused.leg) == ("aevo", "open")
    assert refused.reason.startswith("halt:")
    assert desk.state.held_qty(f"aevo:{SYMBOL}") == 0


def test_a_part_is_held_to_the_limits_when_it_begins_at_its_venue() -> None:
    desk = TwoVenues(other="aevo")
    desk.step()
    desk.step(LONG)
    desk.state.risk.halted = "drawdown: limit 0.15, fallen 0.16"
    (refused,) = [o for o in of(Order, desk.steps(3)) if o.status is OrderStatus.REJECTED]
    assert (refused.venue, refused.leg, refused.reason) == (
        "aevo", "open", desk.state.risk.halted,
    )  # fmt: skip
    assert desk.state.held_qty(f"aevo:{SYMBOL}") == 0


@pytest.mark.parametrize("entry", ["market", "twap"])
def test_parts_of_one_entry_do_not_stand_in_each_others_way_though_they_move_as_one(
    entry: str,
) -> None:
    routed = {"routes": True, "entry": entry, "horizon_s": 5, "slice_s": 1, "sweep_s": 1}
    desk = TwoVenues(algorithms=routed)
    desk.step()
    for key in (HERE, THERE):
        desk.state.risk.returns[key] = [n % 7 / 1e5 for n in range(100)]
    records = desk.step(LONG) + desk.steps(70)
    assert not [o for o in of(Order, records) if o.status is OrderStatus.REJECTED]
    assert all(held > 0 for held in desk.held())
    state = desk.state.risk
    assert not [rule for rule in state.breached if rule.startswith("correlation")]


def test_routes_survive_a_restart_at_every_step() -> None:
    runs = []
    for restarts in (False, True):
        desk = TwoVenues(restarts=restarts)
        records = desk.step() + desk.step(LONG) + desk.steps(3) + desk.step(EXIT) + desk.steps(4)
        runs.append((records, desk.account.encode(desk.state)))
    assert runs[0] == runs[1]


def test_the_risk_rules_count_parts_that_wait_for_their_venue() -> None:
    desk = TwoVenues(other="aevo")
    desk.step()
    desk.step(LONG)
    risk = desk.account._risk
    counted = risk._quantities(desk.state)
    assert desk.state.routed
    assert counted[f"aevo:{SYMBOL}"] == 20
    assert counted[HERE] > 0
