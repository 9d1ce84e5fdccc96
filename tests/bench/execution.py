"""What the paper venue costs a frame, and how long a signal takes to become an order intent.

Run it alone with ``python -m tests.bench.execution``. Frames are those of a generated market;
times are CPU time, so a busy machine does not change them. Memory lies in huge pages, as the roles
keep it.
"""

from __future__ import annotations

import gc
import time
from decimal import Decimal

import msgspec
from rich.console import Console

from agents.execution.account import Account, AccountState
from agents.runtime import huge_pages
from agents.venues.paper import PaperVenue
from schemas.execution_settings import PaperSettings
from schemas.frame import Frame, Side
from schemas.order import Order, OrderStatus, OrderType
from schemas.settings import settings_from
from schemas.signal import Signal, SignalKind
from tests.bench.report import Row, table_of
from tests.support.markets import random_market
from tests.support.messages import signal_of

SYMBOLS = 100
ORDERS = 10
"""Open orders a symbol: 1,000 in all."""
FRAMES = 200
REPEATS = 3
SIGNALS = 400
OPEN_POSITIONS = 9


def main() -> list[Row]:
    """Best of some passes, in microseconds."""
    markets = [_market(number) for number in range(SYMBOLS)]
    quiet, busy = (min(_venue_us(markets, near=near) for _ in range(REPEATS)) for near in (0, 1))
    times = sorted(_intent_us(markets))
    return [
        Row("1,000 orders far from the tape, per frame", quiet, "µs", 100.0, at_most=True),
        Row("1,000 orders at the touch, per frame", busy, "µs", 100.0, at_most=True),
        Row("signal to intent, median", times[len(times) // 2], "µs"),
        Row("signal to intent, p99", times[len(times) * 99 // 100], "µs", 1_000.0, at_most=True),
        Row("signal to intent, worst", times[-1], "µs"),
    ]


def _market(number: int) -> list[Frame]:
    symbol = f"S{number:02d}/USDT:USDT"
    return [
        msgspec.structs.replace(frame, symbol=symbol) for frame in random_market(number, FRAMES)
    ]


def _venue_us(markets: list[list[Frame]], *, near: int) -> float:
    """Microseconds a frame with ten resting orders on its symbol, filled ones placed again."""
    chosen = PaperSettings(balance=Decimal(10**12), latency_ms=0, cancels_ahead=Decimal("0.5"))
    venue = PaperVenue(chosen, account="bench")
    state = venue.initial()
    placed = 0
    spent = 0.0
    gc.collect()
    huge_pages.collapse()
    for at in range(FRAMES):
        for frames in markets:
            frame = frames[at]
            for number in range(ORDERS - len(state.working.get(frame.key, ()))):
                placed += 1
                venue.submit(state, _order(frame, number, near=near, id_=f"o{placed}"))
            started = time.process_time()
            venue.on_frame(state, frame)
            spent += time.process_time() - started
    assert sum(map(len, state.working.values())) > SYMBOLS * ORDERS // 2
    return spent / (FRAMES * SYMBOLS) * 1e6


def _order(frame: Frame, number: int, *, near: int, id_: str) -> Order:
    book = frame.book
    assert book is not None
    side = Side.BUY if number % 2 else Side.SELL
    best = book.bid_price[0] if side is Side.BUY else book.ask_price[0]
    away = number // 2 if near else 20 + number
    return Order(
        id_, 0, "bench", frame.venue, frame.symbol, frame.close_ns, OrderStatus.INTENT, side,
        OrderType.LIMIT, frame.qty(50), Decimal(0), False, "s", "bench", 1, "bench",
        price=frame.price(best - away * side),
    )  # fmt: skip


def _intent_us(markets: list[list[Frame]]) -> list[float]:
    """Microseconds from a signal to its intent, with nine open positions and full windows."""
    settings = settings_from(
        {
            "risk": {"max_correlation": 1, "max_var95_fraction": 9, "max_var99_fraction": 9,
                     "max_es95_fraction": 9, "max_es99_fraction": 9},
            "sizing": {"liquidity_share": 1, "base_fraction": "0.001", "cap_fraction": "0.001"},
            "paper": {"latency_ms": 0},
        }
    )  # fmt: skip
    account = Account(settings)
    state = _invested(account, markets)
    base = account.encode(state)
    huge_pages.collapse()
    frame = markets[OPEN_POSITIONS][FRAMES - 1]
    found = []
    for number in range(SIGNALS):
        state = account.decode(base)
        signal = _signal(frame, f"x{number}")
        gc.collect(0)
        started = time.perf_counter()
        orders = account.step(state, frame, signal)
        found.append((time.perf_counter() - started) * 1e6)
        assert [o.status for o in orders if isinstance(o, Order)] == [OrderStatus.INTENT], orders
    return found


def _invested(account: Account, markets: list[list[Frame]]) -> AccountState:
    state = account.initial()
    for at in range(FRAMES - 1):
        for number, frames in enumerate(markets[: OPEN_POSITIONS + 1]):
            enters = at == 10 and number < OPEN_POSITIONS
            account.step(state, frames[at], _signal(frames[at], f"s{number}") if enters else None)
    for number, series in enumerate(state.risk.returns.values()):
        series[:] = [((i * 7919 + number) % 101 - 50) / 1e5 for i in range(360)]
    for frames in markets[: OPEN_POSITIONS + 1]:
        state.risk.returns.setdefault(frames[0].key, [i % 13 / 1e5 for i in range(360)])
    assert state.ledger.open_count() == OPEN_POSITIONS, state.ledger.open_count()
    return state


def _signal(frame: Frame, id_: str) -> Signal:
    book = frame.book
    assert book is not None
    price = float(frame.price(book.bid_price[0] + book.ask_price[0])) / 2
    made = signal_of(SignalKind.LONG, price=price, tick_ns=frame.close_ns, id_=id_)
    return msgspec.structs.replace(made, venue=frame.venue, symbol=frame.symbol)


if __name__ == "__main__":
    Console().print(table_of(("execution", row) for row in main()))
