"""The embedded broker: what it keeps in memory and on disk."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from schemas.errors import BrokerError, BrokerUnreachable, TopicMismatch
from streams.transport.broker import MIB, Address, EmbeddedBroker, broker_at, forget
from streams.transport.faust_producer import pass_on
from streams.transport.log import TopicPartition, TopicSpec

AT = TopicPartition("t", 0)


def _on_disk(folder: Path) -> EmbeddedBroker:
    return EmbeddedBroker(Address("", folder))


def _values(broker: EmbeddedBroker, at: TopicPartition = AT) -> list[bytes | None]:
    log = broker.log_of(at)
    return [record.value for record in log.read(log.begin, 10**6)]


async def _send(broker: EmbeddedBroker, numbers: range) -> None:
    for n in numbers:
        await broker.produce("t", b"k", b"%d" % n, partition=0)


def _run(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    asyncio.run(run())


def test_an_address_names_folder_and_options() -> None:
    assert Address.of("embedded://") == Address("", None)
    assert Address.of("embedded:") == Address("", None)  # as Faust writes it
    assert Address.of("embedded:///a/b/?fsync=1&retention_mib=2&seed=7") == Address(
        "", Path("/a/b"), 2 * MIB, fsync=True, seed=7
    )
    assert Address.of("embedded:/a/b") == Address("", Path("/a/b"))


def test_who_names_the_same_address_shares_the_broker() -> None:
    try:
        assert broker_at("embedded://shared") is broker_at("embedded://shared/")
        assert broker_at("embedded://shared") is not broker_at("embedded://other")
    finally:
        forget("embedded://shared")
        forget("embedded://other")


def test_a_record_in_memory_is_readable_when_produce_returns() -> None:
    async def main() -> None:
        broker = EmbeddedBroker(Address("", None))
        broker.create_topics([TopicSpec("t", 2)])
        done = broker.produce("t", b"k", b"v", partition=1)
        assert done.result() == (1, 0)
        assert _values(broker, TopicPartition("t", 1)) == [b"v"]
        with pytest.raises(TopicMismatch, match="u does not exist"):
            broker.produce("u", b"k", b"v")
        with pytest.raises(TopicMismatch, match=r"t\[2\] does not exist"):
            broker.produce("t", b"k", b"v", partition=2)
        with pytest.raises(BrokerError, match="neither key nor value"):
            broker.produce("t", None, None)

    _run(main)


def test_a_record_on_disk_is_neither_readable_nor_acknowledged_before_it_is_written(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        broker = _on_disk(tmp_path)
        broker.create_topics([TopicSpec("t", 1)])
        done = [broker.produce("t", b"k", b"%d" % n) for n in range(3)]
        assert not any(d.done() for d in done)
        assert _values(broker) == []
        broker.flush()
        assert [d.result() for d in done] == [(0, 0), (0, 1), (0, 2)]
        assert _values(broker) == [b"0", b"1", b"2"]
        broker.close()

    _run(main)


def test_topics_records_and_commits_survive_on_disk(tmp_path: Path) -> None:
    headers = (("h", b"\x00"), ("h", b""))

    async def main() -> None:
        broker = _on_disk(tmp_path)
        broker.create_topics([TopicSpec("t", 2, retention_ms=1000), TopicSpec("gone", 1)])
        await broker.produce("t", None, b"v", partition=1, headers=headers, timestamp_ms=5)
        await broker.produce("t", b"k", None, partition=1, timestamp_ms=6)
        await broker.produce("gone", b"k", b"v")
        broker.commit("g", {AT: 0, TopicPartition("t", 1): 2, TopicPartition("gone", 0): 1})
        broker.delete_topics(["gone", "never was"])
        broker.close()

        again = _on_disk(tmp_path)
        assert again.partition_counts() == {"t": 2}
        first, second = again.log_of(TopicPartition("t", 1)).read(0, 10)
        assert (first.key, first.value, first.headers, first.timestamp_ms) == (
            None, b"v", headers, 5,
        )  # fmt: skip
        assert (second.key, second.value, second.offset) == (b"k", None, 1)
        assert again.committed("g", AT) == 0
        assert again.committed("g", TopicPartition("t", 1)) == 2
        assert again.committed("g", TopicPartition("gone", 0)) is None
        assert (await again.produce("t", b"k", b"w", partition=1)) == (1, 2)
        again.close()

    _run(main)


def test_retention_holds_on_disk_and_offsets_go_on_counting(tmp_path: Path) -> None:
    async def main() -> None:
        broker = EmbeddedBroker(Address("", tmp_path))
        broker.create_topics([TopicSpec("t", 1, retention_bytes=3000)])
        await _send(broker, range(40))
        begin, kept = broker.log_of(AT).begin, _values(broker)
        assert 0 < begin < 40
        broker.close()
        again = _on_disk(tmp_path)
        assert again.log_of(AT).begin == begin
        assert _values(again) == kept
        assert (await again.produce("t", b"k", b"next"))[1] == 40
        again.close()

    _run(main)


def test_compaction_holds_on_disk(tmp_path: Path) -> None:
    async def main() -> None:
        broker = _on_disk(tmp_path)
        broker.create_topics([TopicSpec("t", 1, compacted=True)])
        for n in range(60):
            await broker.produce("t", b"%d" % (n % 3), b"%d" % n + b"x" * (MIB // 20))
        kept = _values(broker)
        assert len(kept) < 45
        broker.close()
        again = _on_disk(tmp_path)
        assert _values(again) == kept
        assert again.log_of(AT).end == 60
        again.close()

    _run(main)


def test_a_second_process_is_refused_the_folder_and_told_why(tmp_path: Path) -> None:
    broker = _on_disk(tmp_path)
    with pytest.raises(BrokerUnreachable, match="in use by another process"):
        _on_disk(tmp_path)
    broker.close()
    _on_disk(tmp_path).close()


@pytest.mark.parametrize("cut", [1, 8, 100, 5000, 9000, 20000])
def test_a_torn_tail_costs_only_what_was_torn(tmp_path: Path, cut: int) -> None:
    async def main() -> None:
        broker = _on_disk(tmp_path / "live")
        broker.create_topics([TopicSpec("t", 1)])
        await _send(broker, range(50))
        # What a dying machine may leave: the journal without its end.
        shutil.copytree(tmp_path / "live", tmp_path / "torn")
        broker.close()

    _run(main)
    journal = tmp_path / "torn" / "log.sqlite-wal"
    with journal.open("r+b") as file:
        file.truncate(journal.stat().st_size - cut)
    again = _on_disk(tmp_path / "torn")
    left = _values(again)
    assert left == [b"%d" % n for n in range(len(left))]
    assert 44 <= len(left) < 50
    again.close()


def test_a_full_disk_is_told_to_whoever_waits_and_nothing_is_half_kept(tmp_path: Path) -> None:
    async def main() -> None:
        broker = _on_disk(tmp_path)
        broker.create_topics([TopicSpec("t", 1)])
        await _send(broker, range(3))
        db = broker._store._db  # type: ignore[union-attr]
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
        refused = [broker.produce("t", b"k", b"x" * MIB) for _ in range(2)]
        for done in refused:
            with pytest.raises(BrokerError, match="full; make room"):
                await asyncio.wait_for(done, 5)
        assert _values(broker) == [b"0", b"1", b"2"]
        db.execute("PRAGMA max_page_count = 100000")
        assert (await broker.produce("t", b"k", b"3")) == (0, 3)
        broker.close()
        again = _on_disk(tmp_path)
        assert _values(again) == [b"0", b"1", b"2", b"3"]
        again.close()

    _run(main)


@pytest.mark.parametrize("full", [True, False])
def test_a_full_disk_is_told_to_who_commits_or_creates_a_topic(tmp_path: Path, full: bool) -> None:
    async def main() -> None:
        broker, at = _on_disk(tmp_path), TopicPartition("t", 0)
        broker.create_topics([TopicSpec("t", 1)])
        db = broker._store._db  # type: ignore[union-attr]
        db.execute(f"PRAGMA max_page_count = {1 if full else 100_000}")
        acts: list[Callable[[], None]] = [
            lambda: broker.commit("g" * MIB, {at: 1}),
            lambda: broker.create_topics([TopicSpec("n" * MIB, 1)]),
        ]
        for act in acts:
            with (
                pytest.raises(BrokerError, match="full; make room")
                if full
                else contextlib.nullcontext()
            ):
                act()
        assert len(broker.partition_counts()) == (1 if full else 2)
        assert broker.committed("g" * MIB, at) == (None if full else 1)
        broker.close()

    _run(main)


def test_a_file_that_is_no_log_is_told_and_the_folder_let_go(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(BrokerError, match="cannot be used as the embedded broker's log"):
        _on_disk(tmp_path)
    path.unlink()
    _on_disk(tmp_path).close()


def test_another_retention_holds_from_the_next_start_on(tmp_path: Path) -> None:
    async def kept(retention_mib: int) -> int:
        broker = EmbeddedBroker(Address("", tmp_path, retention_bytes=retention_mib * MIB))
        broker.create_topics([TopicSpec("t", 1, retention_ms=10**9)])
        for _ in range(40):
            broker.produce("t", b"k", bytes(MIB // 10))
        broker.flush()
        log = broker.log_of(TopicPartition("t", 0))
        broker.close()
        return log.end - log.begin

    assert asyncio.run(kept(64)) == 40
    assert asyncio.run(kept(1)) <= 10


def test_a_record_that_could_not_be_written_is_told_to_faust_too() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        written, sent = loop.create_future(), loop.create_future()
        written.set_exception(BrokerError("disk full"))
        pass_on("t", written, sent)
        with pytest.raises(BrokerError, match="disk full"):
            await asyncio.wait_for(sent, 5)

    _run(main)
