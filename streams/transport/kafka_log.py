"""The log interface over Apache Kafka, and over what speaks its protocol (Redpanda)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.codec import has_snappy
from aiokafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from schemas.errors import BrokerError, BrokerUnreachable
from streams.transport.kafka_address import ANSWER_WITHIN_S, first_answering, servers_of
from streams.transport.kafka_reader import KafkaSubscription, PartitionReader, told
from streams.transport.log import (
    PRODUCER_COMPRESSION,
    Headers,
    Log,
    Record,
    Subscription,
    TopicPartition,
    TopicSpec,
    mismatch,
    nothing_to_send,
    partition_of,
    unknown_topic,
)

REQUEST_TIMEOUT_MS = 20_000
DELIVER_WITHIN_MS = 120_000
"""How long a record may wait for a broker that is away (Kafka's own delivery.timeout.ms)."""
ASK_AGAIN_S = 0.1
LOOK_AGAIN_S = 0.02
CLOSE_WITHIN_S = 20.0
SESSION_TIMEOUT_MS = 6_000
HEARTBEAT_MS = 300
MAX_REQUEST_BYTES = 4 << 20
FETCH_WAIT_MS = 100
"""How long the broker holds an empty fetch; a seek has to wait for the one on its way."""


class KafkaLog:
    """A connection to a Kafka cluster."""

    def __init__(self, servers: list[str]) -> None:
        self._servers = servers
        self._admin = AIOKafkaAdminClient(
            bootstrap_servers=servers, request_timeout_ms=REQUEST_TIMEOUT_MS
        )
        self._producer = AIOKafkaProducer(
            bootstrap_servers=servers,
            request_timeout_ms=DELIVER_WITHIN_MS,
            enable_idempotence=True,
            linger_ms=0,
            max_request_size=MAX_REQUEST_BYTES,
            # Without the codec's package (cramjam) frames travel as they are.
            compression_type="snappy" if has_snappy() else None,
        )
        _ask_less_often(self._producer.client)
        self._counts: dict[str, int] = {}
        self._readers: dict[TopicPartition, PartitionReader] = {}
        self._turns: defaultdict[TopicPartition, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._groups: dict[str, Any] = {}
        self._joining = asyncio.Lock()
        self._subscriptions: list[KafkaSubscription] = []

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect to ``kafka://host:port[,host:port]``; :class:`BrokerUnreachable` within ~5 s."""
        servers = servers_of(url)
        await first_answering(url, servers)
        log = cls(servers)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await log._admin.start()
                await log._producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await log.close()
            raise BrokerUnreachable(
                f"{url}: something answers, but not as a Kafka broker ({error or 'no reply'}); "
                "check the port, and that its advertised address can be reached from here"
            ) from error
        return log

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """See :class:`Log`."""
        there = await self.partition_counts()
        for spec in topics:
            has = there.get(spec.name, spec.partitions)
            if has != spec.partitions:
                raise mismatch(spec.name, has=has, wanted=spec.partitions)
        missing = [spec for spec in topics if spec.name not in there]
        if not missing:
            return
        with told():
            answer = await self._admin.create_topics([_new_topic(spec) for spec in missing])
            for name, code, *reason in answer.topic_errors:
                if code not in {0, TopicAlreadyExistsError.errno}:
                    raise BrokerError(f"topic {name} was not created: {for_code(code)(*reason)}")
        await self._until_known([spec.name for spec in missing])

    async def delete_topics(self, names: Sequence[str]) -> None:
        """See :class:`Log`."""
        there = await self.partition_counts()
        found = [name for name in names if name in there]
        for name in found:
            for at in [at for at in self._readers if at.topic == name]:
                await self._readers.pop(at).close()
        if found:
            with told():
                answer = await self._admin.delete_topics(found)
                for name, code, *_ in answer.topic_error_codes:
                    if code not in {0, UnknownTopicOrPartitionError.errno}:
                        raise BrokerError(f"topic {name} was not deleted: {for_code(code)()}")
            await self._until_gone(found)

    async def partition_counts(self) -> dict[str, int]:
        """See :class:`Log`."""
        with told():
            topics = await self._admin.describe_topics()
        self._counts = {topic["topic"]: len(topic["partitions"]) for topic in topics}
        return dict(self._counts)

    async def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers = (),
        timestamp_ms: int | None = None,
    ) -> asyncio.Future[tuple[int, int]]:
        """See :class:`Log`."""
        if key is None and value is None:
            raise nothing_to_send(topic)
        count = await self._count(topic)
        if partition is None:
            partition = 0 if key is None else partition_of(key, count)
        if not 0 <= partition < count:
            raise unknown_topic(topic, partition)
        with told():
            sent = await self._producer.send(
                topic,
                value,
                key=key,
                partition=partition,
                timestamp_ms=timestamp_ms,
                headers=list(headers) or None,
            )
        done: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        sent.add_done_callback(lambda answer: _pass_on(answer, done))
        return done

    async def flush(self) -> None:
        """See :class:`Log`."""
        with told():
            await self._producer.flush()

    async def read(
        self,
        topic: str,
        partition: int,
        from_offset: int,
        *,
        max_records: int = 500,
        wait_ms: int = 0,
    ) -> list[Record]:
        """See :class:`Log`."""
        at = TopicPartition(topic, partition)
        if not 0 <= partition < await self._count(topic):
            raise unknown_topic(topic, partition)
        # A consumer has one place: a second read would take what the first has asked for.
        async with self._turns[at]:
            with told():
                reader = self._readers.get(at)
                if reader is None:
                    consumer = self._consumer(auto_offset_reset="none")
                    reader = self._readers[at] = await PartitionReader.open(consumer, at)
                return await reader.read(from_offset, max_records=max_records, wait_ms=wait_ms)

    async def begin_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """See :class:`Log`."""
        return await self._offsets("beginning_offsets", partitions)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """See :class:`Log`."""
        return await self._offsets("end_offsets", partitions)

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """See :class:`Log`."""
        consumer = await self._member(group)
        with told():
            consumer.assign([KafkaPartition(*at) for at in offsets])
            await consumer.commit({KafkaPartition(*at): next_ for at, next_ in offsets.items()})

    async def committed(
        self, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | None]:
        """See :class:`Log`."""
        consumer = await self._member(group)
        with told():
            return {at: await consumer.committed(KafkaPartition(*at)) for at in partitions}

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """See :class:`Log`."""
        consumer = self._consumer(
            *topics,
            group_id=group,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
        )
        with told():
            await consumer.start()
        subscription = KafkaSubscription(consumer)
        self._subscriptions.append(subscription)
        return subscription

    async def close(self) -> None:
        """See :class:`Log`."""
        for subscription in self._subscriptions:
            await subscription.close()
        for reader in self._readers.values():
            await reader.close()
        for member in self._groups.values():
            await member.stop()
        await self._admin.close()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._producer.stop()
        except TimeoutError as error:
            raise BrokerUnreachable(
                f"{','.join(self._servers)}: the last records were not acknowledged within "
                f"{CLOSE_WITHIN_S:.0f} s; they may be lost: send them again"
            ) from error

    def _consumer(self, *topics: str, **more: Any) -> Any:
        consumer = AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self._servers,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            enable_auto_commit=False,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            **more,
        )
        _ask_less_often(consumer._client)  # noqa: SLF001 - it has no other way to it
        return consumer

    async def _member(self, group: str) -> Any:
        """A consumer that commits for a group without being a member of it."""
        async with self._joining:  # or two callers would start one each, and one be forgotten
            if group not in self._groups:
                consumer = self._consumer(group_id=group)
                with told():
                    await consumer.start()
                self._groups[group] = consumer
            return self._groups[group]

    async def _count(self, topic: str) -> int:
        count = self._counts.get(topic) or (await self.partition_counts()).get(topic)
        if not count:
            raise unknown_topic(topic)
        return count

    async def _offsets(
        self, method: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        for at in partitions:
            if not 0 <= at.partition < await self._count(at.topic):
                raise unknown_topic(*at)
        consumer = await self._member("")
        with told():
            found = await getattr(consumer, method)([KafkaPartition(*at) for at in partitions])
        return {TopicPartition(*at): offset for at, offset in found.items()}

    async def _until_known(self, names: Sequence[str]) -> None:
        """A created topic takes a moment to have leaders."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                topics = await self._admin.describe_topics()
                led = {
                    topic["topic"]
                    for topic in topics
                    if topic["partitions"] and all(p["leader"] >= 0 for p in topic["partitions"])
                }
                if led.issuperset(names):
                    return
                await asyncio.sleep(LOOK_AGAIN_S)

    async def _until_gone(self, names: Sequence[str]) -> None:
        """A deleted topic may be told of for a moment: whoever creates it would not do so."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while not (await self.partition_counts()).keys().isdisjoint(names):
                await asyncio.sleep(LOOK_AGAIN_S)


def _new_topic(spec: TopicSpec) -> Any:
    # -1 replicas: what the cluster's default.replication.factor says. The client then insists on
    # replica assignments, of which none are needed.
    return NewTopic(spec.name, spec.partitions, -1, {}, _config(spec))


def _config(spec: TopicSpec) -> dict[str, str]:
    config = {
        "cleanup.policy": "compact" if spec.compacted else "delete",
        "retention.ms": str(-1 if spec.retention_ms is None else spec.retention_ms),
    }
    if spec.retention_bytes is not None:
        config["retention.bytes"] = str(spec.retention_bytes)
    # The broker must not compress with what this process, or a peer set up like it, cannot read.
    if spec.compression != PRODUCER_COMPRESSION and has_snappy():
        config["compression.type"] = spec.compression
    return config


def _pass_on(answer: asyncio.Future[Any], done: asyncio.Future[tuple[int, int]]) -> None:
    if done.done():
        return
    error = None if answer.cancelled() else answer.exception()
    if answer.cancelled():
        done.cancel()
    elif error is not None:
        failed = BrokerError(f"record was not acknowledged: {error!r}")
        failed.__cause__ = error
        done.set_exception(failed)
    else:
        done.set_result((answer.result().partition, answer.result().offset))


_conforms: type[Log] = KafkaLog


def _ask_less_often(client: Any) -> None:
    """Let a client wait before it asks for the cluster's state again, if it was told nothing new.

    aiokafka 0.14 asks without a pause while a partition has no leader, be the broker away or the
    topic deleted: thousands of times a second, each with two lines in the log.
    """
    ask = client.force_metadata_update

    async def answer(asked: asyncio.Future[Any]) -> bool:
        known = bool(await asked)
        if not known or not client.cluster.topics().issuperset(client._topics):  # noqa: SLF001
            await asyncio.sleep(ASK_AGAIN_S)
        return known

    client.force_metadata_update = lambda: asyncio.ensure_future(answer(ask()))
