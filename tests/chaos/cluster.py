"""Roles as processes on a broker, and what they wrote."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from agents.runtime.failpoints import VARIABLE
from schemas.codec import encode
from schemas.digest import SortKey, digest, sort_key
from schemas.frame import Message
from schemas.settings import BrokerSettings
from schemas.topics import (
    CONFLUENCE_SCORES,
    DIMENSION_SCORES,
    FILLS,
    ORDERS,
    POSITIONS,
    SIGNALS,
)
from streams.transport.log import Log, TopicPartition, open_log, topic_specs

PRISM = Path(sys.executable).with_name("prism")
OUTPUTS = (DIMENSION_SCORES, CONFLUENCE_SCORES, SIGNALS, ORDERS, FILLS, POSITIONS)
PATIENCE_S = 120.0


class Conflict(AssertionError):
    """Two records with one id differ: something was decided twice, and differently."""


@dataclass
class Cluster:
    """One scenario: a topic prefix of its own on a shared broker, and the processes it started."""

    broker: str
    prefix: str
    folder: Path
    symbols: Sequence[str]
    partitions: int = 4
    overrides: Sequence[str] = ()
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    starts: int = 0

    def __enter__(self) -> Self:
        asyncio.run(self._create_topics())
        return self

    async def _create_topics(self) -> None:
        settings = BrokerSettings(partitions=self.partitions, topic_prefix=self.prefix)
        log = await open_log(self.broker)
        await log.ensure_topics(topic_specs(settings))
        await log.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()

    def start(self, role: str, *arguments: str, name: str = "", failpoint: str = "") -> None:
        """Start a role; ``name`` tells several of a kind apart."""
        self.starts += 1
        names = ",".join(f'"{symbol}"' for symbol in self.symbols)
        settings = [
            f"broker.url={self.broker}",
            f"broker.partitions={self.partitions}",
            f"broker.topic_prefix={self.prefix}",
            f"runtime.symbols=[{names}]",
            "runtime.session_timeout_s=2",
            "runtime.snapshot_interval_s=5",
            *self.overrides,
        ]
        options = [part for setting in settings for part in ("--set", setting)]
        log = self.folder / f"{self.prefix}{name or role}-{self.starts}.log"
        with log.open("wb") as file:
            self.processes[name or role] = subprocess.Popen(
                [str(PRISM), role, *arguments, *options],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, VARIABLE: failpoint},
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL one process and wait until it is gone."""
        process = self.processes[name]
        process.kill()
        process.wait()

    def died(self, name: str, *, within_s: float = PATIENCE_S) -> bool:
        """Wait for a process to end by itself."""
        try:
            self.processes[name].wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def outputs(self) -> dict[str, list[Message]]:
        """Everything on the output topics, in log order per partition."""
        return asyncio.run(self._read_all())

    def wait_for(self, expected: Mapping[str, Sequence[Message]]) -> dict[str, list[Message]]:
        """The outputs, once every expected record is there; :class:`TimeoutError` if one lacks."""
        return asyncio.run(self._wait_for(expected))

    def wait_until(self, condition: Callable[[dict[str, int]], bool]) -> None:
        """Wait until the record counts by topic (without the prefix) satisfy a condition."""
        asyncio.run(self._wait_until(condition))

    async def _wait_until(self, condition: Callable[[dict[str, int]], bool]) -> None:
        log = await open_log(self.broker)
        deadline = time.monotonic() + PATIENCE_S
        try:
            while True:
                ends = await log.end_offsets(self._outputs())
                counts = {topic.name: 0 for topic in OUTPUTS}
                for at, end in ends.items():
                    counts[at.topic.removeprefix(self.prefix)] += end
                if condition(counts):
                    return
                if time.monotonic() > deadline:
                    raise TimeoutError(f"still {counts}; see {self.folder}")
                await asyncio.sleep(0.05)
        finally:
            await log.close()

    async def _wait_for(
        self, expected: Mapping[str, Sequence[Message]]
    ) -> dict[str, list[Message]]:
        log = await open_log(self.broker)
        tail = _Tail(log, self._outputs(), self.prefix)
        wanted = {name: {sort_key(m) for m in messages} for name, messages in expected.items()}
        deadline = time.monotonic() + PATIENCE_S
        try:
            while True:
                await tail.read_on()
                missing = {n: len(keys - tail.keys[n]) for n, keys in wanted.items()}
                if not any(missing.values()):
                    return tail.messages
                if time.monotonic() > deadline:
                    raise TimeoutError(f"missing {missing}; see {self.folder}")
        finally:
            await log.close()

    async def _read_all(self) -> dict[str, list[Message]]:
        log = await open_log(self.broker)
        try:
            tail = _Tail(log, self._outputs(), self.prefix)
            while await tail.read_on():
                pass
            return tail.messages
        finally:
            await log.close()

    def _outputs(self) -> list[TopicPartition]:
        return [
            TopicPartition(self.prefix + topic.name, number)
            for topic in OUTPUTS
            for number in range(topic.partition_count(self.partitions))
        ]


class _Tail:
    """Reads topics on from where it stopped, and refuses records that contradict one another."""

    def __init__(self, log: Log, partitions: Sequence[TopicPartition], prefix: str) -> None:
        self._log = log
        self._prefix = prefix
        self._at = dict.fromkeys(partitions, 0)
        self._decoders = {topic.name: topic.decoder() for topic in OUTPUTS}
        self._bodies: dict[tuple[str, SortKey], bytes] = {}
        self.messages: dict[str, list[Message]] = {topic.name: [] for topic in OUTPUTS}
        self.keys: dict[str, set[SortKey]] = {topic.name: set() for topic in OUTPUTS}

    async def read_on(self) -> int:
        ends = await self._log.end_offsets(list(self._at))
        count = 0
        for at, end in ends.items():
            while self._at[at] < end:
                records = await self._log.read(
                    at.topic, at.partition, self._at[at], max_records=2_000, wait_ms=1_000
                )
                for record in records:
                    self._take(at.topic.removeprefix(self._prefix), record.value or b"")
                    self._at[at] = record.offset + 1
                count += len(records)
        if not count:
            await asyncio.sleep(0.05)
        return count

    def _take(self, topic: str, body: bytes) -> None:
        message: Message = self._decoders[topic].decode(body)
        key = sort_key(message)
        before = self._bodies.setdefault((topic, key), body)
        if before != body:
            raise Conflict(f"{topic} {key}: two bodies under one id")
        self.messages[topic].append(message)
        self.keys[topic].add(key)


def digests(messages: Mapping[str, Sequence[Message]]) -> dict[str, tuple[int, str]]:
    """Distinct records and digest by output topic."""
    named = {}
    for topic in OUTPUTS:
        found = list(messages.get(topic.name, ()))
        named[topic.name] = (len({encode(m) for m in found}), digest(found))
    return named
