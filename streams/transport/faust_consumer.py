"""Faust's consumer on the embedded broker: group membership, reading, offsets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any, cast

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError
from faust.transport.consumer import Consumer as BaseConsumer
from faust.types import TP, ConsumerMessage
from mode import Service

from schemas.errors import SettingsError
from streams.transport.broker import EmbeddedBroker, broker_at
from streams.transport.faust_producer import create_topic
from streams.transport.group import Group, Member
from streams.transport.log import Record, TopicPartition
from streams.transport.reader import Reader

FETCH_RECORDS = 500
"""Records of one fetch where Faust's settings name no number."""
_member_ids = count(1)


class Consumer(BaseConsumer):
    """A member of the app's group, in the app's own event loop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.in_transaction or self.app.client_only:
            raise SettingsError(
                f"app {self.app.conf.id}: the embedded broker has no transactions and no "
                "client-only apps; use processing_guarantee at_least_once and a worker, or Kafka"
            )
        self._broker: EmbeddedBroker = broker_at(str(self.transport.url[0]))
        self._group: Group = self._broker.group(self.app.conf.id)
        self._reader: Reader = self._broker.reader(self._group)
        self._member: Member | None = None
        self._topics: frozenset[str] = frozenset()
        self._subscribed = asyncio.Event()
        self._input_open = False
        # As Faust's Kafka driver does: its own assignor only where tables need co-partitioning.
        has_tables = bool(self.app.tables.changelog_topics) or self.app.conf.table_standby_replicas
        self._assignor: Any = self.app.assignor if has_tables else RoundRobinPartitionAssignor

    # Membership

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Read these topics from the next rebalance on, which this brings about."""
        self._topics = frozenset(topics)
        self._subscribed.set()
        if self._member is not None:
            self._member.topics = self._topics
            self._member.must_rejoin.set()

    @Service.task
    async def _keep_membership(self) -> None:
        await self._subscribed.wait()
        member = self._member = Member(f"{self.app.conf.id}-{next(_member_ids):06}", self._topics)
        while not self.should_stop:
            self._input_open = False
            self.app.on_rebalance_start()
            await self.on_partitions_revoked(self.assignment())
            if self.app.should_stop:
                break
            share = await self._group.join(
                member,
                self._assignor.metadata(self._topics),
                self._assign,
                patience_s=self.app.conf.broker_rebalance_timeout,
            )
            assigned = {TP(topic, n) for topic, numbers in share.assignment for n in numbers}
            self._reader.assign({_at(tp): self._reset(_at(tp)) for tp in assigned})
            self._assignor.on_assignment(share)
            self.app.consumer_generation_id = member.generation
            await self.on_partitions_assigned(assigned, member.generation)
            await member.must_rejoin.wait()

    async def on_stop(self) -> None:
        """Finish and commit what was begun, then leave the group."""
        await super().on_stop()
        self.close()

    def close(self) -> None:
        """Leave the group and read nothing any more."""
        if self._member is not None:
            self._group.leave(self._member)
        self._reader.close()

    def _assign(self, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        shares: Mapping[str, Any] = self._assignor.assign(self._broker, metadata)
        return shares

    def _reset(self, at: TopicPartition) -> int:
        """Where a partition starts that nobody seeks, because nothing is committed."""
        log = self._broker.log_of(at)
        return log.end if self.app.conf.consumer_auto_offset_reset == "latest" else log.begin

    # Reading

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:
        # Upstream's sleeps for a second where no partition is active: it would oversleep a resume.
        if not self.flow_active:
            await self.wait(cast("Any", self.can_resume_flow))
        active = self._get_active_partitions()
        return await self._getmany(active, timeout), active

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        del active_partitions  # they change while the fetch waits: it asks for them anew
        limit = self.app.conf.broker_max_poll_records or FETCH_RECORDS
        records = await self._reader.fetch(self._readable, max_records=limit, wait_s=timeout)
        return {TP(*at): batch for at, batch in records.items()}

    def _readable(self) -> set[TopicPartition]:
        active = self._get_active_partitions() if self.flow_active else set()
        if not self._input_open:
            active = {tp for tp in active if self._is_changelog_tp(tp)}
        return cast("set[TopicPartition]", active)

    def _to_message(self, tp: TP, record: Record) -> ConsumerMessage:
        key, value = record.key, record.value
        return ConsumerMessage(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp_ms / 1000.0,
            0,
            list(record.headers),
            key,
            value,
            None,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def resume_flow(self) -> None:
        """Allow processing again.

        Upstream resumes the input before it seeks it; what is read in between comes twice. So the
        input opens here, at upstream's last step after a rebalance, and not before.
        """
        super().resume_flow()
        self._input_open = self._input_open or not self.app.in_recovery
        self._reader.wake()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Read partitions again."""
        super().resume_partitions(tps)
        self._reader.wake()

    def on_buffer_drop(self, tp: TP) -> None:
        """An agent's queue has room again."""
        super().on_buffer_drop(tp)
        self._reader.wake()

    # Offsets

    async def position(self, tp: TP) -> int | None:
        """The offset read next."""
        return self._reader.position(_at(tp))

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Read on from these offsets. Raises ``IllegalStateError`` where one is not assigned."""
        for tp, offset in partitions.items():
            await self._seek(tp, offset)
            if offset > 0:
                self._read_offset[tp] = offset
            else:
                self._read_offset.pop(tp, None)

    async def _seek(self, partition: TP, offset: int) -> None:
        try:
            self._reader.seek(_at(partition), offset)
        except KeyError as error:
            raise IllegalStateError(f"No current assignment for partition {partition}") from error

    async def seek_to_committed(self) -> Mapping[TP, Any]:
        """Read on from the committed offsets; where there is none the position stays."""
        group = self._group.name
        committed = {tp: self._broker.committed(group, _at(tp)) for tp in self.assignment()}
        for tp, offset in committed.items():
            if offset is not None:
                self._reader.seek(_at(tp), offset)
        return committed

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        if self._member is None or not self._group.owns(self._member):
            return False
        mine = self.assignment()
        self._broker.commit(
            self._group.name, {_at(tp): offset for tp, offset in offsets.items() if tp in mine}
        )
        return True

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The first offset of each partition that can be read."""
        return {tp: self._broker.log_of(_at(tp)).begin for tp in partitions}

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """The next offset to be written to each partition."""
        return {tp: self.highwater(tp) for tp in partitions}

    def highwater(self, tp: TP) -> int:
        """The next offset to be written to a partition."""
        return self._broker.log_of(_at(tp)).end

    # Topics

    def assignment(self) -> set[TP]:
        """The partitions that are this member's."""
        return {TP(*at) for at in self._reader.assignment()}

    def topic_partitions(self, topic: str) -> int | None:
        """How many partitions a topic has; ``None``: there is no such topic."""
        return self._broker.partition_counts().get(topic)

    def key_partition(
        self, topic: str, key: bytes | None, partition: int | None = None
    ) -> int | None:
        """The partition of a key."""
        return self._broker.partition_for(topic, key) if partition is None else partition

    async def create_topic(self, topic: str, partitions: int, replication: int, **how: Any) -> None:
        """Create a topic if it is missing."""
        create_topic(self._broker, topic, partitions, replication, **how)

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)


def _at(tp: TP) -> TopicPartition:
    """Faust's name of a partition as ours: both are the same tuple."""
    return cast("TopicPartition", tp)
