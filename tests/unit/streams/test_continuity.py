"""Sequence rules of trades and diffs, spot and futures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import OutOfSequence
from streams.continuity import MAX_BUFFERED_DIFFS, DepthContinuity, TradeContinuity, Verdict
from streams.events import BookDiff, TradeEvent


def spot(first: int, last: int) -> BookDiff:
    return BookDiff(None, None, first, last, None, [], [])


def futures(first: int, last: int, prev: int) -> BookDiff:
    return BookDiff(None, None, first, last, prev, [], [])


def trade(first: int | None, last: int | None = None) -> TradeEvent:
    last = first if last is None else last
    return TradeEvent(None, 0, "1", "1", 1, 0, first or "x", first, last)


def synced(update_id: int) -> DepthContinuity:
    depth = DepthContinuity()
    depth.restart(update_id)
    return depth


def test_spot_drops_old_diffs_then_needs_one_that_spans_the_snapshot() -> None:
    depth = synced(100)
    assert depth.judge(spot(90, 100)) is Verdict.SKIP
    assert depth.judge(spot(99, 103)) is Verdict.APPLY
    assert depth.judge(spot(104, 104)) is Verdict.APPLY


def test_spot_diff_right_behind_the_snapshot_is_applied() -> None:
    assert synced(100).judge(spot(101, 101)) is Verdict.APPLY


def test_spot_gap_behind_the_snapshot_is_refused() -> None:
    with pytest.raises(OutOfSequence):
        synced(100).judge(spot(102, 105))


def test_futures_drop_older_diffs_but_apply_the_one_that_ends_at_the_snapshot() -> None:
    depth = synced(100)
    assert depth.judge(futures(80, 99, 79)) is Verdict.SKIP
    assert depth.judge(futures(90, 100, 89)) is Verdict.APPLY
    assert depth.judge(futures(150, 160, 100)) is Verdict.APPLY


def test_futures_diff_whose_predecessor_is_the_snapshot_itself_is_applied() -> None:
    assert synced(100).judge(futures(130, 150, 100)) is Verdict.APPLY


@pytest.mark.parametrize("prev", [99, 101, 104])
def test_futures_gap_behind_the_snapshot_is_refused(prev: int) -> None:
    with pytest.raises(OutOfSequence):
        synced(100).judge(futures(105, 110, prev))


@pytest.mark.parametrize("late", [spot(106, 107), spot(102, 110)])
def test_spot_diff_that_does_not_start_right_behind_is_a_gap(late: BookDiff) -> None:
    depth = synced(100)
    depth.judge(spot(101, 104))
    with pytest.raises(OutOfSequence):
        depth.judge(late)
    assert not depth.synced


def test_futures_diff_that_names_another_predecessor_is_a_gap() -> None:
    depth = synced(100)
    depth.judge(futures(95, 104, 90))
    with pytest.raises(OutOfSequence):
        depth.judge(futures(105, 110, 103))
    assert not depth.synced


@pytest.mark.parametrize("repeat", [spot(101, 104), spot(90, 100)])
def test_old_diff_behind_an_applied_one_is_refused_and_keeps_the_book(repeat: BookDiff) -> None:
    depth = synced(100)
    depth.judge(spot(101, 104))
    with pytest.raises(OutOfSequence):
        depth.judge(repeat)
    assert depth.synced
    assert depth.judge(spot(105, 106)) is Verdict.APPLY


def test_diffs_wait_for_a_snapshot_from_the_gap_on() -> None:
    depth = DepthContinuity()
    assert depth.judge(spot(90, 95)) is Verdict.BUFFER
    assert depth.restart(92) == [spot(90, 95)]
    depth.judge(spot(90, 95))
    with pytest.raises(OutOfSequence):
        depth.judge(spot(99, 100))
    assert depth.judge(spot(101, 101)) is Verdict.BUFFER
    assert depth.restart(99) == [spot(99, 100), spot(101, 101)]


def test_waiting_diffs_are_bounded_and_the_newest_are_kept() -> None:
    depth = DepthContinuity()
    for i in range(MAX_BUFFERED_DIFFS + 5):
        depth.judge(spot(i, i))
    waiting = depth.restart(0)
    assert len(waiting) == MAX_BUFFERED_DIFFS
    assert waiting[-1].last_id == MAX_BUFFERED_DIFFS + 4


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.integers(0, 60), st.booleans())
def test_unbroken_diffs_are_all_applied_from_the_snapshot_on(
    lengths: list[int], offset: int, chained: bool
) -> None:
    diffs, last = [], 1000
    for length in lengths:
        first = last + 1
        diffs.append(BookDiff(None, None, first, last + length, last if chained else None, [], []))
        last += length
    snapshot = min(1000 + offset, last)
    depth = synced(snapshot)
    verdicts = [depth.judge(diff) for diff in diffs]
    old = [d.last_id < snapshot if chained else d.last_id <= snapshot for d in diffs]
    assert verdicts == [Verdict.SKIP if is_old else Verdict.APPLY for is_old in old]


def test_skipped_trade_ids_are_counted() -> None:
    tape = TradeContinuity()
    assert [tape.follow(trade(i)) for i in (7, 8, 12, 13)] == [0, 0, 3, 0]
    assert tape.verifiable


def test_aggregates_are_held_together_by_the_ids_they_span() -> None:
    tape = TradeContinuity()
    assert [tape.follow(trade(*ids)) for ids in ((7, 9), (10, 10), (13, 20))] == [0, 0, 2]


@pytest.mark.parametrize("repeat", [trade(9), trade(8), trade(5, 9)])
def test_repeated_trade_is_refused_once_for_all(repeat: TradeEvent) -> None:
    tape = TradeContinuity()
    tape.follow(trade(9))
    with pytest.raises(OutOfSequence):
        tape.follow(repeat)
    assert tape.follow(trade(10)) == 0


def test_ids_that_are_no_sequence_cannot_be_verified() -> None:
    tape = TradeContinuity()
    assert tape.follow(trade(None)) == 0
    assert not tape.verifiable
