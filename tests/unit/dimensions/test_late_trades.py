"""Trades that were recovered late are no flow of the moment in which they became known."""

from __future__ import annotations

import msgspec
import pytest

from agents.indicators.taker_counts import taker_counts
from schemas.frame import Frame, TradeFlag, Trades
from schemas.score import ComponentReading
from tests.support.markets import random_market
from tests.support.played import machine, play


def with_a_burst(frame: Frame, flag: int) -> Frame:
    """The frame with forty large purchases more, each with this flag."""
    tape, more = frame.trades, 40
    at_ns, price = frame.open_ns, frame.trades.price[-1]
    burst = Trades(
        exchange_ns=tape.exchange_ns + (at_ns,) * more,
        receive_ns=tape.receive_ns + (frame.close_ns,) * more,
        price=tape.price + (price,) * more,
        qty=tape.qty + (max(tape.qty) * 5,) * more,
        side=tape.side + (1,) * more,
        id=tape.id + tuple(range(10**9, 10**9 + more)),
        flags=tape.flags + (flag,) * more,
    )
    return msgspec.structs.replace(frame, trades=burst)


def told(dimension: str, component: str, *, flag: int | None) -> list[ComponentReading]:
    """A component's readings, with a burst in the middle of the market or without."""
    frames = list(random_market(4, 900))
    at = next(i for i in range(600, 900) if frames[i].trades.qty)
    if flag is not None:
        frames[at] = with_a_burst(frames[at], flag)
    scores, _ = play(machine(dimension), frames)
    return [c for score in scores for c in score.components if c.name == component]


@pytest.mark.parametrize(
    ("dimension", "component"),
    [
        ("orderflow", "trade_flow"),
        ("orderflow", "toxicity"),
        ("orderbook", "impact"),
        ("orderbook", "liquidity"),
    ],
)
def test_what_comes_late_is_no_burst(dimension: str, component: str) -> None:
    without = told(dimension, component, flag=None)
    assert told(dimension, component, flag=int(TradeFlag.RECOVERED_LATE)) == without
    assert told(dimension, component, flag=0) != without


def test_what_comes_late_is_not_counted_among_the_purchases() -> None:
    frame = next(frame for frame in random_market(4, 900) if frame.trades.qty)
    usual = taker_counts(frame)
    assert taker_counts(with_a_burst(frame, int(TradeFlag.RECOVERED_LATE))) == usual
    assert taker_counts(with_a_burst(frame, 0)) == (usual[0] + 40, usual[1])
