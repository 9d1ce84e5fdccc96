"""What is believed of an event, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import OutOfBand, RejectedInput, WrongClock
from schemas.frame import NS_PER_MS, NS_PER_S, PositionSide, TradeFlag
from schemas.settings import FeedSettings
from streams.events import (
    AT_RECEIPT,
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    LiquidationEvent,
    SnapshotKind,
    TouchEvent,
    TradeEvent,
)
from streams.feed.validation import Validator

NOW = 1_700_000_000 * NS_PER_S
SETTINGS = FeedSettings(
    price_band_bps=1000, max_ahead_ms=1000, max_behind_ms=5000, max_backwards_ms=200
)


def validator() -> Validator:
    made = Validator(SETTINGS)
    made.mid(100.0)
    return made


def trade(*, at_ns: int = NOW, price: str = "100", flags: int = 0) -> TradeEvent:
    return TradeEvent("B", at_ns, price, "1", 1, flags, 1, 1, 1)


def touch(bid: str, ask: str, *, bid_qty: str = "1") -> TouchEvent:
    return TouchEvent("B", NOW, 1, bid, bid_qty, ask, "1")


@pytest.mark.parametrize(
    "event",
    [
        trade(),
        trade(price="110"),
        trade(price="90"),
        trade(at_ns=NOW + 1000 * NS_PER_MS),
        trade(at_ns=NOW - 5000 * NS_PER_MS),
        trade(at_ns=NOW - 3600 * NS_PER_S, price="7", flags=int(TradeFlag.RECOVERED_LATE)),
        trade(price="0", flags=int(TradeFlag.NON_MARKET)),
        touch("99", "101"),
        touch("0", "101", bid_qty="0.000"),
        BookDiff("B", None, 1, 1, None, [], []),
        DerivativesEvent("B", AT_RECEIPT, open_interest="1"),
        BookSnapshot("B", NOW - 3600 * NS_PER_S, 1, [], [], SnapshotKind.SENT),  # at rest since
    ],
)
def test_what_may_be_is_believed(event: Event) -> None:
    validator().check(NOW, event)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (trade(price="110.1"), OutOfBand),
        (trade(price="89.9"), OutOfBand),
        (touch("89", "101"), OutOfBand),
        (touch("99", "111"), OutOfBand),
        (trade(at_ns=NOW + 1001 * NS_PER_MS), WrongClock),
        (trade(at_ns=NOW - 5001 * NS_PER_MS), WrongClock),
        (BookDiff("B", NOW - 6 * NS_PER_S, 1, 1, None, [], []), WrongClock),
        (
            LiquidationEvent("B", NOW + 2 * NS_PER_S, int(PositionSide.LONG), "1", "1"),
            WrongClock,
        ),
        (DerivativesEvent("B", NOW - 6 * NS_PER_S, mark_price="1"), WrongClock),
        (BookSnapshot("B", NOW - 6 * NS_PER_S, 1, [], [], SnapshotKind.WHOLE), WrongClock),
    ],
)
def test_what_cannot_be_is_refused(event: Event, error: type[RejectedInput]) -> None:
    with pytest.raises(error):
        validator().check(NOW, event)


def test_trades_may_step_back_by_the_tolerance_and_no_further() -> None:
    made = validator()
    made.check(NOW, trade(at_ns=NOW))
    made.check(NOW, trade(at_ns=NOW - 200 * NS_PER_MS))
    with pytest.raises(WrongClock, match="before the one before it"):
        made.check(NOW, trade(at_ns=NOW - 201 * NS_PER_MS))


def test_the_band_follows_the_mid_and_is_open_before_the_first() -> None:
    Validator(SETTINGS).check(NOW, trade(price="123456"))
    made = validator()
    made.mid(200.0)
    made.check(NOW, trade(price="219"))
    with pytest.raises(OutOfBand):
        made.check(NOW, trade(price="100"))


def test_a_price_that_is_no_number_is_left_to_scaling() -> None:
    odd: Any = "x"
    validator().check(NOW, trade(price=odd))
