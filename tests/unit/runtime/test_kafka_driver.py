"""What a member of a group knows of its topics, whether it leads the group or not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka.cluster import ClusterMetadata
from aiokafka.protocol.metadata import MetadataResponse_v1

from agents.runtime.kafka_driver import SameLoopConsumer


def member_that(sees: dict[str, int]) -> SameLoopConsumer:
    """A follower: its client's view of the cluster has topics, its coordinator's snapshot none."""
    cluster = ClusterMetadata()
    topics = [
        (0, name, False, [(0, number, 1, [1], [1]) for number in range(count)])
        for name, count in sees.items()
    ]
    cluster.update_metadata(MetadataResponse_v1([(1, "127.0.0.1", 9092, None)], 1, topics))
    made = SameLoopConsumer.__new__(SameLoopConsumer)
    consumer: Any = SimpleNamespace(
        _client=SimpleNamespace(cluster=cluster),
        _coordinator=SimpleNamespace(_metadata_snapshot={}),
    )
    made._consumer = consumer
    return made


def test_a_member_that_does_not_lead_its_group_knows_the_topics() -> None:
    """A role ends whose topics seem to be gone for ten seconds."""
    made = member_that({"market.frames": 4})
    assert made.topic_partitions("market.frames") == 4
    assert made.topic_partitions("gone") is None


def test_before_it_has_a_client_it_knows_none() -> None:
    made = SameLoopConsumer.__new__(SameLoopConsumer)
    made._consumer = None
    assert made.topic_partitions("market.frames") is None
