"""The embedded broker: topics, offsets and consumer groups inside the process.

It lives in one event loop and needs no task of its own. Brokers are known by their address, so that
all apps of a process that name the same one share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import structlog

from schemas.clock import now_ns
from schemas.errors import BrokerError, UsageError
from streams.transport.chaos import Disturbance
from streams.transport.group import Group
from streams.transport.log import (
    Headers,
    Record,
    TopicPartition,
    TopicSpec,
    mismatch,
    nothing_to_send,
    partition_of,
    unknown_topic,
)
from streams.transport.partition import PartitionLog
from streams.transport.reader import Reader
from streams.transport.store import Store

NS_PER_MS = 1_000_000
MIB = 1 << 20

log = structlog.get_logger()


@dataclass(frozen=True)
class Address:
    """Which embedded broker, and how it is to behave.

    ``embedded://name`` is in memory; ``embedded:///folder`` keeps its log there, too. Options after
    a question mark: ``retention_mib`` per partition (64), ``fsync`` (0), ``seed`` (none).

    >>> Address.of("embedded:///var/lib/prism?fsync=1").folder
    PosixPath('/var/lib/prism')
    """

    name: str
    folder: Path | None
    retention_bytes: int = 64 * MIB
    fsync: bool = False
    seed: int | None = None

    @classmethod
    def of(cls, url: str) -> Address:
        """Parse an address; :class:`UsageError` names what is wrong with it."""
        parts = urlsplit(url)
        options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        unknown = sorted(options.keys() - {"retention_mib", "fsync", "seed"})
        if parts.scheme != "embedded" or unknown:
            raise UsageError(
                f"broker {url!r}: write embedded://name or embedded:///folder, with no option but "
                "retention_mib, fsync and seed"
            )
        path = parts.path.rstrip("/")
        try:
            return cls(
                parts.netloc,
                Path(path) if path else None,
                int(options.get("retention_mib", 64)) * MIB,
                options.get("fsync", "0") == "1",
                int(options["seed"]) if "seed" in options else None,
            )
        except ValueError as error:
            raise UsageError(f"broker {url!r}: {error}; options are whole numbers") from error


@dataclass
class _Topic:
    spec: TopicSpec
    partitions: list[PartitionLog]


class EmbeddedBroker:
    """Topics, offsets and groups; see :class:`streams.transport.log.Log` for what they promise.

    In memory an acknowledged record is readable at once. With a folder it is on its way until the
    records of this turn of the event loop are written in one transaction; only then is it
    acknowledged and readable, so nobody acts on a record that a kill could take back.
    """

    def __init__(self, address: Address) -> None:
        self.disturbance = Disturbance(address.seed)
        self._address = address
        self._topics: dict[str, _Topic] = {}
        self._groups: dict[str, Group] = {}
        self._committed: dict[str, dict[TopicPartition, int]] = {}
        self._unwritten: list[tuple[Record, asyncio.Future[tuple[int, int]]]] = []
        self._store: Store | None = None
        if address.folder is not None:
            self._store = Store(address.folder, fsync=address.fsync)
            self._load(self._store)

    def close(self) -> None:
        """Write what is on its way and let go of the disk."""
        self._write()
        if self._store is not None:
            self._store.close()
            self._store = None

    # Topics

    def create_topics(self, specs: Sequence[TopicSpec]) -> None:
        """Create what is missing; :class:`TopicMismatch` where a partition count differs."""
        for spec in specs:
            there = self._topics.get(spec.name)
            if there is not None and there.spec.partitions != spec.partitions:
                raise mismatch(spec.name, has=there.spec.partitions, wanted=spec.partitions)
        for spec in specs:
            if spec.name not in self._topics:
                self._create(spec)

    def delete_topics(self, names: Iterable[str]) -> None:
        """Delete topics with their records and commits; missing ones are passed over."""
        self._write()
        for name in names:
            topic = self._topics.pop(name, None)
            if topic is None:
                continue
            for offsets in self._committed.values():
                for partition in topic.partitions:
                    offsets.pop(partition.at, None)
            if self._store is not None:
                self._store.delete_topic(topic.spec)
            self._rebalance_readers(name)

    def partition_counts(self) -> dict[str, int]:
        """Every topic with its number of partitions."""
        return {name: topic.spec.partitions for name, topic in self._topics.items()}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """As Kafka's cluster metadata says it, for assignors; ``None``: no such topic."""
        there = self._topics.get(topic)
        return None if there is None else set(range(there.spec.partitions))

    def partition_for(self, topic: str, key: bytes | None) -> int:
        """The partition of a key; of none, the first. :class:`TopicMismatch`: no such topic."""
        there = self._topics.get(topic)
        if there is None:
            raise unknown_topic(topic)
        return 0 if key is None else partition_of(key, there.spec.partitions)

    # Records

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers = (),
        timestamp_ms: int | None = None,
    ) -> asyncio.Future[tuple[int, int]]:
        """Append a record; the future gives (partition, offset) once it is durable and readable."""
        if key is None and value is None:
            raise nothing_to_send(topic)
        there = self._topics.get(topic)
        if there is None:
            raise unknown_topic(topic)
        if partition is None:
            partition = self.partition_for(topic, key)
        if not 0 <= partition < there.spec.partitions:
            raise unknown_topic(topic, partition)
        at = there.partitions[partition]
        offset, at.next_offset = at.next_offset, at.next_offset + 1
        stamp = now_ns() // NS_PER_MS if timestamp_ms is None else timestamp_ms
        record = Record(topic, partition, offset, stamp, key, value, headers)
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        if self._store is None:
            at.append(record)
            at.shed()
            done.set_result((partition, offset))
        else:
            if not self._unwritten:
                loop.call_soon(self._write)
            self._unwritten.append((record, done))
        return done

    def flush(self) -> None:
        """Make everything produced durable now."""
        self._write()

    def log_of(self, at: TopicPartition) -> PartitionLog:
        """A partition's log; :class:`TopicMismatch` where there is none."""
        there = self._topics.get(at.topic)
        if there is None or not 0 <= at.partition < there.spec.partitions:
            raise unknown_topic(*at)
        return there.partitions[at.partition]

    # Groups

    def group(self, name: str) -> Group:
        """A consumer group; made when first asked for."""
        return self._groups.setdefault(name, Group(name))

    def reader(self, group: Group | None = None) -> Reader:
        """A reader, disturbed as this broker's address says."""
        rebalance = (lambda: None) if group is None else group.rebalance
        return Reader(self.log_of, self.disturbance, rebalance)

    def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit the next offsets that a group wants to read; durable on return."""
        if self._store is not None:
            self._store.commit(group, offsets)
        self._committed.setdefault(group, {}).update(offsets)

    def committed(self, group: str, at: TopicPartition) -> int | None:
        """What a group has committed; ``None``: nothing."""
        return self._committed.get(group, {}).get(at)

    def _create(self, spec: TopicSpec) -> None:
        if self._store is not None:
            self._store.create_topic(spec)
        self._add(spec)
        self._rebalance_readers(spec.name)

    def _add(self, spec: TopicSpec) -> _Topic:
        at = [TopicPartition(spec.name, number) for number in range(spec.partitions)]
        if spec.retention_bytes is None and spec.retention_ms is not None:
            # Not as the topic is kept on disk: the address of another start may say otherwise.
            spec = replace(spec, retention_bytes=self._address.retention_bytes)
        topic = _Topic(spec, [PartitionLog(partition, spec) for partition in at])
        self._topics[spec.name] = topic
        return topic

    def _rebalance_readers(self, topic: str) -> None:
        for group in self._groups.values():
            if group.reads(topic):
                group.rebalance()

    def _write(self) -> None:
        """One transaction for all that came since the last one; then acknowledge and show it."""
        if self._store is None or not self._unwritten:
            return
        batch, self._unwritten = self._unwritten, []
        try:
            self._store.append(record for record, _ in batch)
        except BrokerError as reason:
            self._refuse(batch, reason)
            return
        touched = {}
        for record, done in batch:
            log = self._topics[record.topic].partitions[record.partition]
            log.append(record)
            touched[log.at] = log
            if not done.done():
                done.set_result((record.partition, record.offset))
        for at, log in touched.items():
            gone = log.shed()
            if gone:
                self._store.remove(at, gone, first=log.begin)

    def _refuse(
        self, batch: Sequence[tuple[Record, asyncio.Future[tuple[int, int]]]], reason: BrokerError
    ) -> None:
        """Nothing of a transaction was kept: whoever waits for it must not wait for ever."""
        log.error("broker.not_written", records=len(batch), error=str(reason))
        for record, done in batch:
            at = self._topics[record.topic].partitions[record.partition]
            at.next_offset = at.end
            if not done.done():
                done.set_exception(reason)

    def _load(self, store: Store) -> None:
        for spec in store.topics():
            for log in self._add(spec).partitions:
                records = list(store.records(log.at))
                begin = store.first_offset(log.at)
                log.restore(records, begin=begin, end=records[-1].offset + 1 if records else begin)
        for group, at, offset in store.committed():
            self._committed.setdefault(group, {})[at] = offset


_BROKERS: dict[tuple[str, Path | None], EmbeddedBroker] = {}


def broker_at(url: str) -> EmbeddedBroker:
    """The process's broker of this address; started when first asked for."""
    address = Address.of(url)
    key = (address.name, address.folder)
    if key not in _BROKERS:
        _BROKERS[key] = EmbeddedBroker(address)
    return _BROKERS[key]


def forget(url: str) -> None:
    """Close the process's broker of this address; what it holds in memory is gone."""
    address = Address.of(url)
    broker = _BROKERS.pop((address.name, address.folder), None)
    if broker is not None:
        broker.close()
