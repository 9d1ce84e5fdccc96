"""On real recordings no order does better at the paper venue than tape and book allow.

The check reads the frames on its own, in whole numbers, and shares no code with the venue.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.venues.paper import PaperVenue
from schemas.execution_settings import PaperSettings
from schemas.frame import Frame, Side
from schemas.order import Fill, Order, OrderStatus, OrderType, TimeInForce
from schemas.settings import Settings
from streams.recordings import sources_from
from tests.golden.sources import golden_paths

pytestmark = pytest.mark.needs_market_data

SPAN = 250
"""Frames that an order is followed for."""
LATENCY_MS = 50


class Wanted(NamedTuple):
    """A drawn order: where it starts, and its limit in ticks into the book from the best price."""

    start: int
    side: Side
    depth: int | None
    qty: int
    tif: TimeInForce = TimeInForce.GTC


@pytest.fixture(scope="module", params=["BTC_usdm_20240808", "NEXO_spot_23_24"])
def frames(market_data: Path, request: pytest.FixtureRequest) -> list[Frame]:
    (first, *_) = sources_from(golden_paths(market_data, request.param))
    return list(islice(first.frames(Settings().frames), 3_400))


orders = st.lists(
    st.builds(
        Wanted,
        start=st.integers(10, 3_100),
        side=st.sampled_from(list(Side)),
        depth=st.none() | st.integers(-3, 12),
        qty=st.integers(1, 200_000),
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(wanted=orders)
def test_no_order_does_better_than_tape_and_book(frames: list[Frame], wanted: list[Wanted]) -> None:
    start = wanted[0].start
    placed, fills, last = played(frames, wanted, start)
    for order in placed:
        mine = [fill for fill in fills if fill.client_order_id == order.client_order_id]
        arrival = next(
            f for f in frames[start + 1 :]
            if f.close_ns >= order.tick_ns + LATENCY_MS * 10**6 and f.book is not None
        )  # fmt: skip
        assert_no_better(order, mine, arrival, frames)
        filled = sum((fill.qty for fill in mine), Decimal(0))
        assert filled <= order.qty
        assert last[order.client_order_id].filled_qty == filled
    assert_tape_is_shared(placed, fills, frames)


def played(
    frames: list[Frame], wanted: Sequence[Wanted], start: int
) -> tuple[list[Order], list[Fill], dict[str, Order]]:
    """Orders sent at one frame and followed for a while: they, their fills, their last states."""
    chosen = PaperSettings(latency_ms=LATENCY_MS, balance=Decimal(10**12))
    venue = PaperVenue(chosen, account="paper")
    state, frame = venue.initial(), frames[start]
    state.wallet.hold(frame.key, Decimal(10**6), Decimal(1))  # so that spot can be sold, too
    placed = [order_of(w, frame, f"o{number}") for number, w in enumerate(wanted)]
    for order in placed:
        venue.submit(state, order)
    fills: list[Fill] = []
    last = {order.client_order_id: order for order in placed}
    for later in frames[start + 1 : start + SPAN]:
        for answer in venue.on_frame(state, later):
            if isinstance(answer, Fill):
                assert answer.tick_ns == later.close_ns
                fills.append(answer)
            elif isinstance(answer, Order):
                last[answer.client_order_id] = answer
    return placed, fills, last


def order_of(wanted: Wanted, frame: Frame, id_: str) -> Order:
    book = frame.book
    assert book is not None
    limit = None
    if wanted.depth is not None:
        best = book.bid_price[0] if wanted.side is Side.BUY else book.ask_price[0]
        limit = frame.price(best - wanted.depth * wanted.side)
    return Order(
        id_, 0, "paper", frame.venue, frame.symbol, frame.close_ns, OrderStatus.INTENT,
        wanted.side, OrderType.MARKET if limit is None else OrderType.LIMIT, frame.qty(wanted.qty),
        Decimal(0), False, "s", "test", 1, "test", price=limit, time_in_force=wanted.tif,
    )  # fmt: skip


def assert_no_better(order: Order, mine: list[Fill], arrival: Frame, frames: list[Frame]) -> None:
    side = order.side
    assert arrival.book is not None
    levels = dict(
        zip(arrival.book.ask_price, arrival.book.ask_qty, strict=True)
        if side is Side.BUY
        else zip(arrival.book.bid_price, arrival.book.bid_qty, strict=True)
    )
    made = Decimal(0)
    for fill in mine:
        assert order.price is None or (fill.price - order.price) * side <= 0
        if not fill.maker:
            # Taken at once, from what the book of its arrival showed at that price.
            assert fill.tick_ns == arrival.close_ns
            mantissa = int(fill.price.scaleb(arrival.price_exponent))
            assert fill.qty <= arrival.qty(levels[mantissa])
            continue
        assert fill.price == order.price
        assert fill.tick_ns > arrival.close_ns
        made += fill.qty
        assert order.price is not None
        through, at = traded(frames, side, order.price, arrival.close_ns, fill.tick_ns)
        assert made <= through + at
        # Before the level was swept, only what was traded beyond the queue.
        assert through or made <= at - queue(arrival, order)


def traded(
    frames: list[Frame], side: Side, limit: Decimal, after_ns: int, until_ns: int
) -> tuple[Decimal, Decimal]:
    """Quantity traded through a limit, and by takers of the other side at it, in (after, until]."""
    through = at = Decimal(0)
    for frame in frames:
        if not after_ns < frame.close_ns <= until_ns:
            continue
        tape = frame.trades
        for price, qty, taker, flags in zip(
            tape.price, tape.qty, tape.side, tape.flags, strict=True
        ):
            beyond = (frame.price(price) - limit) * side
            if flags:
                continue
            if beyond < 0:
                through += frame.qty(qty)
            elif beyond == 0 and taker == -side:
                at += frame.qty(qty)
    return through, at


def queue(arrival: Frame, order: Order) -> Decimal:
    """What the book of the arrival showed at the order's price: all of it stands ahead."""
    book = arrival.book
    assert book is not None
    assert order.price is not None
    prices, quantities = (
        (book.bid_price, book.bid_qty) if order.side is Side.BUY else (book.ask_price, book.ask_qty)
    )
    shown = dict(zip(prices, quantities, strict=True))
    return arrival.qty(shown.get(int(order.price.scaleb(arrival.price_exponent)), 0))


def assert_tape_is_shared(placed: list[Order], fills: list[Fill], frames: list[Frame]) -> None:
    """All orders of a side together get no more of a frame than was traded within their reach."""
    prices = {order.client_order_id: order.price for order in placed}
    by_frame: dict[tuple[int, Side], list[Fill]] = {}
    for fill in fills:
        if fill.maker:
            by_frame.setdefault((fill.tick_ns, fill.side), []).append(fill)
    for (close_ns, side), made in by_frame.items():
        limits = [price for fill in made if (price := prices[fill.client_order_id]) is not None]
        reach = max(limits, key=lambda limit: limit * side)
        through, at = traded(frames, side, reach, close_ns - 1, close_ns)
        assert sum((fill.qty for fill in made), Decimal(0)) <= through + at


def test_orders_at_the_touch_do_fill_on_this_tape(frames: list[Frame]) -> None:
    """The property above would hold of a venue that fills nothing."""
    made = 0
    for start in range(10, 3_100, 60):
        wanted = [Wanted(start, side, 0, 10) for side in Side]
        _, fills, _ = played(frames, wanted, start)
        made += len([fill for fill in fills if fill.maker])
    assert made >= 5
