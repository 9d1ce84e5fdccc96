"""Kafka on one core, the roles on another: what the runtime bench measures on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from schemas.settings import Settings
from schemas.topics import Topic
from streams.transport.log import Log, open_log, topic_specs
from streams.transport.log import TopicPartition as At
from tests.support.kafka import KafkaServer
from tests.support.needs import REPOSITORY

ROLES_CORE = 0
BROKER_CORE = 1
PATIENCE_S = 120.0
# As a broker in use runs, not as one for a short test: its hot paths are compiled in full.
_BROKER_JVM = ("-Xms1g", "-Xmx1g", "-XX:+UseSerialGC", "-Djava.awt.headless=true")
_RUN_ROLE = "from cli.main import main; main()"
_PINNED = f"import os; os.sched_setaffinity(0, {{{ROLES_CORE}}}); "
_AFTER_OTHERS = "import os; os.nice(10); "
"""On a core of both, verdicts come before what the account does with them, as in compose."""


class Rig:
    """A broker and roles as processes of their own; this process keeps to the broker's core."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Where cores cannot be given out (one core, or no Linux), everything shares all of them.
        self._before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        self.pinned = {ROLES_CORE, BROKER_CORE} <= self._before
        self._kafka = KafkaServer(folder / "kafka", jvm_options=_BROKER_JVM)
        self._roles: dict[str, psutil.Popen] = {}

    def __enter__(self) -> Self:
        if self.pinned:
            os.sched_setaffinity(0, {BROKER_CORE})
        self._kafka.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_roles()
        self._kafka.__exit__(kind, error, trace)
        if self.pinned:
            os.sched_setaffinity(0, self._before)

    @property
    def url(self) -> str:
        """The broker's address."""
        return f"kafka://{self._kafka.bootstrap}"

    async def prepare(self, settings: Settings) -> Log:
        """A connection to the broker, with all topics made."""
        log = await open_log(self.url)
        await log.ensure_topics(topic_specs(settings.broker))
        return log

    def start(self, role: str, overrides: Sequence[str]) -> None:
        """Start ``prism worker`` or ``prism execution`` on its core."""
        code = _PINNED + _RUN_ROLE if self.pinned else _RUN_ROLE
        if role == "execution":
            code = _AFTER_OTHERS + code
        options = [part for setting in overrides for part in ("--set", setting)]
        with (self._folder / f"{role}.log").open("ab") as file:
            self._roles[role] = psutil.Popen(
                [sys.executable, "-c", code, role, *options],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                process_group=0,  # in one session: Linux weighs sessions alike, however nice
            )

    def hold(self, *, still: bool) -> None:
        """Stop the roles where they are, or let them go on."""
        for process in self._roles.values():
            process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)

    def kill(self, role: str) -> None:
        """SIGKILL, also to what has ended by itself."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._roles[role].kill()
        self._roles[role].wait()

    def stop_roles(self) -> None:
        """End every role, at once."""
        for role in list(self._roles):
            self.kill(role)
            del self._roles[role]

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds that each role has used, all threads."""
        used = {}
        for role, process in self._roles.items():
            times = process.cpu_times()
            used[role] = times.user + times.system
        return used

    def check(self) -> None:
        """Raise if a role has ended by itself, with the end of what it printed."""
        for role, process in self._roles.items():
            if process.poll() is not None:
                said = (self._folder / f"{role}.log").read_text(errors="replace")
                raise RuntimeError(f"{role} ended with {process.returncode}:\n{said[-2000:]}")

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition; :class:`TimeoutError` when it stays away."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not await condition():
            self.check()
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"still waiting after {PATIENCE_S:.0f} s; see {self._folder}")
            await asyncio.sleep(0.05)


def reached(log: Log, settings: Settings, counts: Mapping[Topic, int]) -> Awaitable[bool]:
    """Whether each topic holds at least so many records."""

    async def look() -> bool:
        for topic, count in counts.items():
            name = settings.broker.topic_prefix + topic.name
            spread = range(topic.partition_count(settings.broker.partitions))
            ends = await log.end_offsets([At(name, number) for number in spread])
            if sum(ends.values()) < count:
                return False
        return True

    return look()


class Arrivals:
    """Tells when records arrive: a process of its own reads, which nothing else keeps busy."""

    def __init__(self, url: str, settings: Settings, topics: Sequence[Topic]) -> None:
        prefix, count = settings.broker.topic_prefix, settings.broker.partitions
        self._topics = {prefix + topic.name: topic for topic in topics}
        self._partitions = [
            f"{name}:{number}"
            for name, topic in self._topics.items()
            for number in range(topic.partition_count(count))
        ]
        self._servers = url.removeprefix("kafka://")
        self._process: asyncio.subprocess.Process | None = None
        self._telling: asyncio.Task[None] | None = None

    async def start(self, tell: Callable[[Topic, bytes, float], None]) -> None:
        """Call ``tell(topic, body, monotonic seconds)`` for every record from now on."""
        reader = (sys.executable, "-m", "tests.bench.runtime_reader", self._servers)
        self._process = await asyncio.create_subprocess_exec(
            *reader, *self._partitions, stdout=subprocess.PIPE, cwd=REPOSITORY
        )
        self._telling = asyncio.create_task(self._tell(self._process, tell))

    async def stop(self) -> None:
        """Stop reading."""
        if self._process is not None and self._telling is not None:
            self._process.terminate()
            await self._process.wait()
            await self._telling

    async def _tell(
        self, process: asyncio.subprocess.Process, tell: Callable[[Topic, bytes, float], None]
    ) -> None:
        lines = process.stdout
        assert lines is not None
        while head := await lines.readline():
            name, at_ns, size = head.split()
            body = await lines.readexactly(int(size))
            tell(self._topics[name.decode()], body, int(at_ns) / 1e9)
