"""What an embedded broker keeps on disk: one SQLite file in WAL mode.

A transaction is written through to the operating system before it is acknowledged, so it survives
the death of the process; with ``fsync`` it survives that of the machine.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from schemas.errors import BrokerError, BrokerUnreachable
from streams.transport.log import Headers, Record, TopicPartition, TopicSpec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, spec BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS partition (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL,
    first INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, number)
);
CREATE TABLE IF NOT EXISTS record (
    at INTEGER PRIMARY KEY, timestamp_ms INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB
);
CREATE TABLE IF NOT EXISTS committed (
    consumer_group TEXT, topic TEXT, number INTEGER, next INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, topic, number)
) WITHOUT ROWID;
"""
_OFFSET_BITS = 40
"""A record's row id is its partition's id above so many bits of offset: one dense B-tree."""
_OFFSETS = (1 << _OFFSET_BITS) - 1

_decode_spec = msgspec.msgpack.Decoder(TopicSpec).decode
_decode_headers = msgspec.msgpack.Decoder(Headers).decode
_encode = msgspec.msgpack.encode


class Store:
    """The file of one broker. Only one process may hold it."""

    def __init__(self, folder: Path, *, fsync: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise BrokerUnreachable(
                f"the embedded broker in {folder} is in use by another process; "
                "stop that one, or use Kafka to share a broker"
            ) from error
        self._folder = folder
        self._db = sqlite3.connect(folder / "log.sqlite", isolation_level=None)
        try:
            self._open(fsync=fsync)
        except sqlite3.Error as error:
            self.close()
            raise BrokerError(
                f"{folder / 'log.sqlite'} cannot be used as the embedded broker's log: {error}; "
                "mend or move it, or name another folder"
            ) from error

    def _open(self, *, fsync: bool) -> None:
        self._db.execute("PRAGMA page_size=8192")  # frames of 2.5 kB: two thirds the file of 4096
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={'FULL' if fsync else 'NORMAL'}")
        self._db.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MB: fewer, larger sequential writes
        self._db.executescript(_SCHEMA)
        rows = self._db.execute("SELECT topic, number, id FROM partition")
        self._ids = {TopicPartition(topic, number): id_ for topic, number, id_ in rows}

    def topics(self) -> list[TopicSpec]:
        """Every topic that was created and not deleted."""
        return [_decode_spec(spec) for (spec,) in self._db.execute("SELECT spec FROM topic")]

    def first_offset(self, at: TopicPartition) -> int:
        """Where retention lets a partition begin."""
        query = "SELECT first FROM partition WHERE id = ?"
        return int(self._db.execute(query, (self._ids[at],)).fetchone()[0])

    def records(self, at: TopicPartition) -> Iterator[Record]:
        """A partition's records in the order of their offsets."""
        base = self._ids[at] << _OFFSET_BITS
        query = "SELECT * FROM record WHERE at BETWEEN ? AND ? ORDER BY at"
        for row, timestamp_ms, key, value, headers in self._db.execute(
            query, (base, base | _OFFSETS)
        ):
            pairs = () if headers is None else _decode_headers(headers)
            yield Record(*at, row & _OFFSETS, timestamp_ms, key, value, pairs)

    def committed(self) -> Iterator[tuple[str, TopicPartition, int]]:
        """Every committed offset with its group."""
        for group, topic, number, offset in self._db.execute("SELECT * FROM committed"):
            yield group, TopicPartition(topic, number), offset

    def create_topic(self, spec: TopicSpec) -> None:
        """Keep a topic's description."""
        with self._transaction():
            self._db.execute("INSERT INTO topic VALUES (?, ?)", (spec.name, _encode(spec)))
            for number in range(spec.partitions):
                insert = "INSERT INTO partition (topic, number) VALUES (?, ?)"
                id_ = self._db.execute(insert, (spec.name, number)).lastrowid
                assert id_ is not None
                self._ids[TopicPartition(spec.name, number)] = id_

    def delete_topic(self, spec: TopicSpec) -> None:
        """Forget a topic with all its records and commits."""
        with self._transaction():
            for number in range(spec.partitions):
                base = self._ids.pop(TopicPartition(spec.name, number)) << _OFFSET_BITS
                self._db.execute(
                    "DELETE FROM record WHERE at BETWEEN ? AND ?", (base, base | _OFFSETS)
                )
            self._db.execute("DELETE FROM partition WHERE topic = ?", (spec.name,))
            self._db.execute("DELETE FROM committed WHERE topic = ?", (spec.name,))
            self._db.execute("DELETE FROM topic WHERE name = ?", (spec.name,))

    def append(self, records: Iterable[Record]) -> None:
        """Keep records, all or none."""
        ids = self._ids
        with self._transaction():
            self._db.executemany(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        ids[TopicPartition(r.topic, r.partition)] << _OFFSET_BITS | r.offset,
                        r.timestamp_ms,
                        r.key,
                        r.value,
                        _encode(r.headers) if r.headers else None,
                    )
                    for r in records
                ],
            )

    def remove(self, at: TopicPartition, records: Iterable[Record], *, first: int) -> None:
        """Let go what retention or compaction removed; ``first`` is the new first offset."""
        id_ = self._ids[at]
        with self._transaction():
            self._db.executemany(
                "DELETE FROM record WHERE at = ?",
                [(id_ << _OFFSET_BITS | record.offset,) for record in records],
            )
            self._db.execute("UPDATE partition SET first = ? WHERE id = ?", (first, id_))

    def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Keep a group's committed offsets."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)",
                [(group, at.topic, at.partition, next_) for at, next_ in offsets.items()],
            )

    def close(self) -> None:
        """Let go of the file; SQLite folds its journal into it."""
        self._db.close()
        self._lock.close()

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db, self._folder)


class _Transaction:
    """All or nothing; raises :class:`BrokerError` where the file does not take it."""

    def __init__(self, db: sqlite3.Connection, folder: Path) -> None:
        self._db = db
        self._folder = folder

    def __enter__(self) -> None:
        self._db.execute("BEGIN")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        except sqlite3.Error as refused:
            error = refused
        finally:
            if self._db.in_transaction:  # SQLite has rolled back by itself where the disk is full
                self._db.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise BrokerError(
                f"the embedded broker could not write to {self._folder}: {error}; "
                "make room or mend the disk, then start again"
            ) from error
