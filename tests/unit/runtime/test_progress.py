"""From where the inputs of a state are needed again, and what holds only once it is read back."""

from __future__ import annotations

from faust.types import TP

from agents.runtime.absences import Absences
from agents.runtime.offsets import Applied, OrderedSnapshot
from agents.runtime.progress import Progress
from schemas.control import Absent, FeedStale, Resumed
from tests.support.messages import frame_at

FRAMES, SCORES, CONTROL = TP("frames", 0), TP("scores", 1), TP("control", 0)
STATE = b"state"


def next_offset(tp: TP) -> int:
    return {FRAMES: 40, SCORES: 9, CONTROL: 3}[tp]


def progress() -> Progress:
    return Progress(anew="control", interval_ns=100, settled_ns=lambda _key, close_ns: close_ns)


def test_what_is_read_and_not_yet_applied_is_needed_again() -> None:
    made = progress()
    frames = [frame_at(at_ns, seq=seq) for seq, at_ns in ((1, 10), (2, 20), (3, 30))]
    for offset, frame in enumerate(frames, 37):
        made.read(FRAMES)
        made.waits(FRAMES, offset, frame.key, frame.close_ns)
    made.read(SCORES)
    made.read(CONTROL)
    made.apply(frames[0])
    made.apply(frames[1])
    snapshot, _ = made.snapshot(STATE, next_offset, state_version=1)
    assert snapshot.starts == {"frames": {0: 39}, "scores": {1: 9}}
    assert snapshot.applied == {frames[1].key: Applied(frames[1].epoch, 2, 20)}


def test_a_partition_that_was_not_read_since_the_start_is_needed_from_where_it_was() -> None:
    made = progress()
    made.resume(OrderedSnapshot({"v:S": Applied(1, 5, 50)}, {"frames": {0: 7}}, STATE))
    assert (made.start_offset(FRAMES), made.start_offset(SCORES)) == (7, None)
    assert made.start_offset(CONTROL) is None
    assert made.applied_ns == 50
    made.read(SCORES)
    snapshot, _ = made.snapshot(STATE, next_offset, state_version=1)
    assert snapshot.starts == {"frames": {0: 7}, "scores": {1: 9}}


def test_the_low_water_rises_only_with_an_acknowledged_snapshot() -> None:
    made = progress()
    made.read(FRAMES)
    _, acknowledged = made.snapshot(STATE, next_offset, state_version=1)
    assert made.low_water(FRAMES) == 0
    acknowledged()
    assert (made.low_water(FRAMES), made.low_water(SCORES)) == (40, 0)


def test_a_snapshot_is_due_once_an_interval_of_event_time_has_passed() -> None:
    made = progress()
    assert [made.snapshot_is_due(at) for at in (1_000, 1_099, 1_100, 1_199, 1_250)] == [
        False, False, True, False, True,
    ]  # fmt: skip


def test_nothing_behind_a_departure_is_applied_until_it_is_read_back() -> None:
    absences = Absences("paper")
    records = absences.leave("v:A", 70)
    assert records == (FeedStale("paper", "v", "A", 70), Absent("paper", "v", "A", 70))
    assert absences.limits_ns(90) == [70]
    absences.read_back(Absent("paper", "v", "A", 60))  # of a time before
    assert absences.limits_ns(90) == [70]
    absences.read_back(records[1])
    assert absences.limits_ns(90) == []


def test_while_returns_are_on_their_way_nothing_is_applied_and_none_are_added() -> None:
    absences = Absences("paper")
    records = absences.come_back(["v:A", "v:B"], 90)
    assert records == [Resumed("paper", "v", "A", 90), Resumed("paper", "v", "B", 90)]
    assert absences.come_back(["v:C"], 95) == []
    absences.read_back(records[0])
    assert absences.limits_ns(90) == [90]
    absences.read_back(records[1])
    assert absences.limits_ns(90) == []
    assert absences.come_back(["v:C"], 95) == [Resumed("paper", "v", "C", 95)]
