"""Writes every record of some partitions to standard output, with the moment of its arrival.

``python -m tests.bench.runtime_reader SERVERS TOPIC:PARTITION...`` begins at the ends of the
partitions. A record is a line ``topic monotonic_ns size`` and its bytes.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, TopicPartition


def main(servers: str, *partitions: str) -> None:
    """Read until the process is ended."""
    consumer: Any = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "bench-reader",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 1,
        }
    )
    named = (at.rpartition(":") for at in partitions)
    consumer.assign([TopicPartition(topic, int(n), OFFSET_END) for topic, _, n in named])
    out = sys.stdout.buffer
    while True:
        record = consumer.poll(1.0)
        if record is not None and record.error() is None:
            body = record.value()
            out.write(f"{record.topic()} {time.monotonic_ns()} {len(body)}\n".encode() + body)
            out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
