"""What is too old to open anything at a real venue, and what is sent at any age."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from agents.venues.age import is_too_old, too_old
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.order_tracker import OrderTracker
from agents.venues.ccxt_live.outbox import Outbox
from agents.venues.ccxt_live.seen import Seen
from schemas.frame import NS_PER_S
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, OrderType
from schemas.venue import OrderReport, RequestKind, VenueRequest
from tests.support.live_venue import Bench

LIMIT_S = 15.0
TICK_NS = 1_800_000_000 * NS_PER_S
AT_NS = round(LIMIT_S * NS_PER_S)


@pytest.mark.parametrize("age_ns", [0, AT_NS - 1, AT_NS, -AT_NS])
def test_up_to_the_limit_a_decision_opens(age_ns: int) -> None:
    assert too_old(TICK_NS, TICK_NS + age_ns, limit_s=LIMIT_S) is None


@pytest.mark.parametrize(
    ("age_ns", "says"),
    [
        (AT_NS + 1, "decided 15.0 s ago: not sent; the next signal may be. If none is, look"),
        (10_800 * NS_PER_S, "decided 10800.0 s ago"),
        (-AT_NS - 1, "decided 15.0 s ahead of this clock: not sent; synchronise the clocks"),
    ],
)
def test_beyond_it_a_refusal_names_age_limit_and_what_to_do(age_ns: int, says: str) -> None:
    said = too_old(TICK_NS, TICK_NS + age_ns, limit_s=LIMIT_S)
    assert said is not None
    assert said.startswith("age: limit 15 s (live.max_decision_age_s), decided")
    assert says in said
    assert is_too_old(said)


def test_without_a_limit_every_age_opens() -> None:
    assert too_old(0, TICK_NS, limit_s=0) is None


class Venue:
    """Notes what it is asked to do, and knows the orders that it is told to."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.asked: list[tuple[str, str]] = []

    async def create(self, order: Order) -> Seen:
        return self._shows("create", order)

    async def cancel(self, order: Order) -> None:
        self._shows("cancel", order)

    async def look(self, order: Order) -> Seen:
        if order.client_order_id not in self.known:
            raise ccxt.OrderNotFound("Order does not exist.")
        return self._shows("look", order)

    def _shows(self, what: str, order: Order) -> Seen:
        id_ = order.client_order_id
        self.asked.append((what, id_))
        self.known.add(id_)
        return Seen(id_, f"v{id_}", OrderStatus.ACKNOWLEDGED, Decimal(0))

    def describe(self, error: BaseException) -> str:
        return str(error)


def asked_of_an_hour_ago(
    order: Order, *, kind: RequestKind = RequestKind.CREATE, fresh: bool = True, known: bool = False
) -> tuple[list[tuple[str, str]], list[OrderReport]]:
    """What a desk asks the venue when a request of an hour ago reaches it, and what it reports."""
    venue: Any = Venue(*([order.client_order_id] if known else []))
    desk = Desk(
        venue, LiveSettings(max_decision_age_s=LIMIT_S), account="a", symbols=(), run=1,
        ready=lambda: True, clock=lambda: order.tick_ns + 3_600 * NS_PER_S,
    )  # fmt: skip

    async def work() -> list[Any]:
        request = VenueRequest("a", order.venue, order.symbol, order.tick_ns, kind, order)
        desk.take(request, fresh=fresh)
        for tracked in desk._orders.due(1 << 61):
            await desk._orders.look(tracked)
        async with asyncio.timeout(10):
            while desk._tasks:
                await asyncio.sleep(0)
        return desk.drain()

    return venue.asked, [r for r in asyncio.run(work()) if isinstance(r, OrderReport)]


def test_an_old_order_that_opens_never_reaches_the_venue_and_is_rejected_in_a_report() -> None:
    asked, (told,) = asked_of_an_hour_ago(Bench().order())
    assert asked == []
    assert (told.status, told.filled_qty) == (OrderStatus.REJECTED, Decimal(0))
    assert told.reason.startswith("age: limit 15 s (live.max_decision_age_s), decided 3600.0 s ago")


@pytest.mark.parametrize("type_", [OrderType.MARKET, OrderType.LIMIT, OrderType.STOP])
def test_what_closes_or_protects_is_sent_at_any_age(type_: OrderType) -> None:
    order = Bench().order(type=type_, reduce_only=True)
    asked, told = asked_of_an_hour_ago(order)
    assert asked == [("create", order.client_order_id)]
    assert [r.status for r in told] == [OrderStatus.SUBMITTED, OrderStatus.ACKNOWLEDGED]


def test_a_cancel_is_sent_at_any_age() -> None:
    order = Bench().order()
    asked, _ = asked_of_an_hour_ago(order, kind=RequestKind.CANCEL, known=True)
    assert asked[0] == ("cancel", order.client_order_id)


def test_what_a_process_before_may_have_sent_is_looked_for_and_not_refused() -> None:
    """It may stand at the venue: refused here, it would be a position that nobody knows of."""
    order = Bench().order()
    asked, told = asked_of_an_hour_ago(order, fresh=False, known=True)
    assert asked == [("look", order.client_order_id)]
    assert [r.status for r in told] == [OrderStatus.ACKNOWLEDGED]


def test_a_refusal_that_died_with_its_process_is_found_out_by_asking_the_venue() -> None:
    """The next process cannot know that it was never sent: it looks, and believes nothing else."""
    order, venue = Bench().order(), Venue()
    outbox = Outbox(account="a", venue=order.venue, run=2)
    given: Any = venue
    orders = OrderTracker(
        given, LiveSettings(not_found_s=1e-9), outbox, halted=lambda _: None, ended=lambda: None
    )

    async def work() -> None:
        tracked = orders.track(order)
        orders.unknown(tracked, "a process before this one may have sent it")
        while order.client_order_id in orders:
            await orders.look(tracked)

    asyncio.run(work())
    told = [(r.status, r.reason) for r in outbox.drain() if isinstance(r, OrderReport)]
    assert [status for status, _ in told] == [OrderStatus.UNKNOWN, OrderStatus.REJECTED]
    assert told[-1][1].startswith("the venue does not know it after")
    assert venue.asked == []
