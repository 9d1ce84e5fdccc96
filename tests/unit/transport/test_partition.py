"""One partition: what can be read, and what retention and compaction let go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.transport.log import OffsetOutOfRange, Record, TopicPartition, TopicSpec
from streams.transport.partition import (
    COMPACT_FROM_BYTES,
    RECORD_OVERHEAD_BYTES,
    PartitionLog,
)

AT = TopicPartition("t", 0)


def _record(offset: int, *, ms: int = 0, key: bytes | None = b"k", size: int = 0) -> Record:
    return Record("t", 0, offset, ms, key, b"x" * size, ())


def _log(**spec: object) -> PartitionLog:
    return PartitionLog(AT, TopicSpec("t", 1, **spec))  # type: ignore[arg-type]


@given(st.integers(0, 40), st.integers(-2, 45), st.integers(1, 50), st.sets(st.integers(0, 38)))
def test_reading_gives_what_is_there_from_an_offset_on(
    count: int, offset: int, limit: int, missing: set[int]
) -> None:
    log = _log()
    records = [_record(n) for n in range(count) if n not in missing or n == count - 1]
    log.restore(list(records), begin=0, end=count)
    if not 0 <= offset <= count:
        with pytest.raises(OffsetOutOfRange, match=f"between 0 and {count}"):
            log.read(offset, limit)
    else:
        assert log.read(offset, limit) == [r for r in records if r.offset >= offset][:limit]


@given(st.lists(st.integers(0, 300), min_size=1, max_size=80), st.integers(300, 3000))
def test_retention_by_size_bounds_memory_and_keeps_the_newest(sizes: list[int], most: int) -> None:
    log = _log(retention_bytes=most)
    gone: list[int] = []
    for n, size in enumerate(sizes):
        log.append(_record(n, size=size))
        gone += [record.offset for record in log.shed()]
    left = log.read(log.begin, 1000)
    assert gone == list(range(log.begin))
    assert [record.offset for record in left] == list(range(log.begin, len(sizes)))
    used = [len(r.key or b"") + len(r.value or b"") + RECORD_OVERHEAD_BYTES for r in left]
    assert sum(used) <= most or len(left) == 1
    assert log.end == len(sizes)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=80))
def test_retention_by_time_goes_by_the_newest_record_not_by_the_wall(steps: list[int]) -> None:
    log = _log(retention_ms=1600)
    now = 0
    for n, step in enumerate(steps):
        now += step
        log.append(_record(n, ms=now))
        log.shed()
    left = log.read(log.begin, 1000)
    assert left[-1].offset == len(steps) - 1
    # Nothing younger than the retention is gone, nothing older than it and its slack is left.
    times: list[int] = []
    for step in steps:
        times.append(step + (times[-1] if times else 0))
    assert {r.offset for r in left} >= {n for n, at in enumerate(times) if now - at <= 1600}
    assert all(now - r.timestamp_ms <= 1700 for r in left)


def test_without_bounds_everything_stays() -> None:
    log = _log()
    for n in range(2000):
        log.append(_record(n, ms=n * 10**9, size=1000))
        assert log.shed() == []
    assert len(log.read(0, 5000)) == 2000


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=60))
def test_compaction_keeps_the_last_of_each_key_and_the_last_of_all(
    writes: list[tuple[int, bool]],
) -> None:
    log = _log(compacted=True)
    state: dict[bytes, bytes] = {}
    gone: list[Record] = []
    for n, (key, delete) in enumerate(writes):
        name = b"%d" % key
        value = None if delete else b"%d" % n + b"x" * (COMPACT_FROM_BYTES // 20)
        log.append(Record("t", 0, n, 0, name, value, ()))
        gone += log.shed()
        if value is None:
            state.pop(name, None)
        else:
            state[name] = value
    left = log.read(0, 1000)
    folded: dict[bytes, bytes] = {}
    for record in left:
        assert record.key is not None
        if record.value is None:
            folded.pop(record.key, None)
        else:
            folded[record.key] = record.value
    assert folded == state
    assert left[-1].offset == log.end - 1 == len(writes) - 1
    assert sorted(r.offset for r in [*left, *gone]) == list(range(len(writes)))
    assert len(left) < 45  # 6 keys of a twentieth of the threshold: at most two thresholds' worth


def test_compaction_lets_go_of_deleted_keys_but_not_of_the_last_record() -> None:
    log = _log(compacted=True)
    big = b"x" * (COMPACT_FROM_BYTES // 3)
    writes = [(b"a", big), (b"b", big), (b"a", None), (b"c", big), (b"c", None)]
    gone = []
    for n, (key, value) in enumerate(writes):
        log.append(Record("t", 0, n, 0, key, value, ()))
        gone += log.shed()
    assert [r.offset for r in log.read(0, 10)] == [1, 3, 4]
    assert [r.offset for r in gone] == [0, 2]
