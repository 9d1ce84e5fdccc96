"""Faust's settings in the lab."""

from pathlib import Path
from typing import Any

from tests.chaos.faust_kill.fold import PARTITIONS

# The shortest session that a busy two-core machine keeps alive without false alarms.
SESSION_TIMEOUT_S = 2.0
HEARTBEAT_S = 0.4


def settings(bootstrap: str, folder: Path) -> dict[str, Any]:
    """What both apps share: raw bytes, in-memory store, short sessions, files in ``folder``."""
    return {
        "broker": f"kafka://{bootstrap}",
        "store": "memory://",
        "datadir": folder / "data",
        "key_serializer": "raw",
        "value_serializer": "raw",
        "topic_partitions": PARTITIONS,
        "topic_replication_factor": 1,
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "web_enabled": False,
        "broker_session_timeout": SESSION_TIMEOUT_S,
        "broker_heartbeat_interval": HEARTBEAT_S,
        "broker_rebalance_timeout": 10.0,
        "consumer_auto_offset_reset": "earliest",
    }
