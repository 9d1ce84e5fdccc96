"""Trades that were missed: noticed, had back once, given up in the end."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import OutOfSequence
from schemas.frame import TradeFlag
from streams.continuity import MAX_RECENT_IDS, TradeContinuity
from streams.events import TradeEvent

LATE = int(TradeFlag.RECOVERED_LATE)


def trade(number: int, *, late: bool = False) -> TradeEvent:
    flags = LATE if late else 0
    return TradeEvent(None, 0, "1", "1", 1, flags, number, number, number)


def unordered(name: str, *, late: bool = False) -> TradeEvent:
    return TradeEvent(None, 0, "1", "1", 1, LATE if late else 0, name, None, None)


def aggregate(own: int, first: int, last: int) -> TradeEvent:
    return TradeEvent(None, 0, "1", "1", 1, 0, own, first, last, True)


def holes(tape: TradeContinuity) -> set[tuple[int, int]]:
    return set(tape.holes)


def test_a_hole_is_filled_piece_by_piece() -> None:
    tape = TradeContinuity()
    for number in (1, 2, 8):
        tape.follow(trade(number))
    assert holes(tape) == {(3, 7)}
    assert tape.recover(trade(5, late=True)) == 0
    assert holes(tape) == {(3, 4), (6, 7)}
    assert tape.recover(trade(5, late=True)) is None
    assert tape.recover(trade(8, late=True)) is None
    assert [tape.recover(trade(number, late=True)) for number in (3, 4, 6, 7)] == [0] * 4
    assert holes(tape) == set()


def test_a_trade_that_was_recovered_first_is_not_told_again_and_is_no_fault() -> None:
    tape = TradeContinuity()
    tape.follow(trade(1))
    assert tape.recover(trade(2, late=True)) == 0
    assert tape.follow(trade(2)) is None
    assert tape.follow(trade(3)) == 0


def test_what_lacks_ahead_of_trades_that_rest_told_is_missing_too() -> None:
    tape = TradeContinuity()
    tape.follow(trade(1))
    assert tape.recover(trade(5, late=True)) == 3
    assert tape.recover(trade(6, late=True)) == 0
    assert holes(tape) == {(2, 4)}


def test_a_hole_that_nobody_has_is_given_up() -> None:
    tape = TradeContinuity()
    tape.follow(trade(1))
    tape.follow(trade(5))
    tape.give_up((2, 4))
    assert holes(tape) == set()
    assert tape.recover(trade(3, late=True)) is None


def test_aggregates_are_held_together_by_their_own_ids() -> None:
    tape = TradeContinuity()
    assert tape.follow(aggregate(7, 100, 104)) == 0
    # 105 was no market trade, so no aggregate tells it.
    assert tape.follow(aggregate(8, 106, 106)) == 0
    assert tape.follow(aggregate(10, 110, 111)) == 1


def test_ids_that_are_no_sequence_are_told_once_each() -> None:
    tape = TradeContinuity()
    assert tape.follow(unordered("a")) == 0
    assert tape.recover(unordered("b", late=True)) == 0
    assert tape.recover(unordered("a", late=True)) is None
    assert tape.follow(unordered("b")) is None
    with pytest.raises(OutOfSequence, match="told before"):
        tape.follow(unordered("a"))
    assert not tape.verifiable


def test_only_so_many_ids_are_remembered() -> None:
    tape = TradeContinuity()
    for number in range(3 * MAX_RECENT_IDS):
        tape.follow(unordered(str(number)))
    assert len(tape._recent) == len(tape._order) == MAX_RECENT_IDS


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=120))
def test_whatever_comes_live_and_late_each_trade_counts_once(came: list[tuple[int, bool]]) -> None:
    tape = TradeContinuity()
    told: list[int] = []
    for number, late in came:
        if late:
            news = tape.recover(trade(number, late=True)) is not None
        else:
            with contextlib.suppress(OutOfSequence):
                news = False
                news = tape.follow(trade(number)) is not None
        if news:
            told.append(number)
    assert len(told) == len(set(told))
    if told:
        # From the first one told on, each is told or known to lack.
        lacking = {n for first, last in tape.holes for n in range(first, last + 1)}
        assert lacking.isdisjoint(told)
        assert lacking | set(told) == set(range(told[0], max(told) + 1))
