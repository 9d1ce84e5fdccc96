"""Roles as processes on a broker, ended as roughly as a test likes."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from agents.runtime.failpoints import VARIABLE
from schemas.health import DeadLetter
from schemas.settings import BrokerSettings, Settings
from streams.transport.log import Log, TopicPartition, open_log, topic_specs
from tests.chaos.outputs import OUTPUTS, Outputs, Tail, dead_letters, digests
from tests.support.needs import REPOSITORY
from tests.support.prism import PRISM, environment

PATIENCE_S = 180.0
FEED = "feed"
_LOOK_EVERY_S = 0.05


class RoleEnded(AssertionError):
    """A process that nobody killed has ended."""


@dataclass
class Cluster:
    """One scenario: a topic prefix of its own on a shared broker, and the processes it started.

    A process is known by its name, which begins with its role's. The watchdog is told to be
    patient: what it declares by wall time is an input, and would rightly change the digests.
    """

    broker: str
    prefix: str
    folder: Path
    symbols: Sequence[str]
    partitions: int = 4
    overrides: Sequence[str] = ()
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    logs: dict[str, Path] = field(default_factory=dict)

    def __enter__(self) -> Self:
        asyncio.run(self._create_topics())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in list(self.processes):
            self.kill(name)

    def start(self, *names: str, failpoint: str = "") -> None:
        """Start roles, such as ``worker`` or ``worker2``; ``failpoint`` is where they will die."""
        for name in names:
            self._start(name, name.rstrip("0123456789"), failpoint=failpoint)

    def play(self, recordings: Iterable[Path], *, speed: str) -> None:
        """Start the feed."""
        sources = [f"--source={path}" for path in recordings]
        self._start(FEED, FEED, *sources, "--speed", speed)

    def kill(self, name: str) -> None:
        """SIGKILL one process, even a stopped one, and wait until it is gone."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def suspend(self, name: str) -> None:
        """Have a process stand still, until :meth:`resume`."""
        self.processes[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a process go on."""
        self.processes[name].send_signal(signal.SIGCONT)

    def ended(self, names: Iterable[str]) -> str:
        """Wait for the first of these processes to end by itself; forget it and name it."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for name in names:
                if self.processes[name].poll() is not None:
                    return name
            assert time.monotonic() < deadline, f"none of {list(names)} ended; see {self.folder}"
            time.sleep(_LOOK_EVERY_S)

    def log_of(self, name: str) -> list[str]:
        """The lines that a process has printed."""
        return self.logs[name].read_text(errors="replace").splitlines()

    def look(self) -> None:
        """Raise :class:`RoleEnded` if a process has ended; a feed may, with code 0."""
        for name, process in self.processes.items():
            code = process.poll()
            if code is not None and (name != FEED or code != 0):
                text = "\n".join(self.log_of(name)[-25:])
                raise RoleEnded(f"{name} has ended with {code}:\n{text}")

    def scores(self) -> int:
        """Confluence scores that are logged by now, repeats counted."""
        return asyncio.run(self._counted(lambda _: True))["confluence.scores"]

    def wait_until(self, condition: Callable[[dict[str, int]], bool]) -> None:
        """Wait until the numbers of records by topic (without the prefix) satisfy a condition."""
        asyncio.run(self._counted(condition))

    def finish(
        self, expected: Outputs, *, patience_s: float = PATIENCE_S
    ) -> dict[str, tuple[int, str]]:
        """Digests of what is written once every expected record is, and all roles have stopped.

        Roles must stop cleanly and leave no dead letters.
        """
        found = asyncio.run(self._finish(expected, patience_s))
        letters = asyncio.run(self._dead_letters())
        assert not letters, letters
        return found

    def _start(self, name: str, role: str, *arguments: str, failpoint: str = "") -> None:
        symbols = ",".join(f'"{symbol}"' for symbol in self.symbols)
        settings = [
            f"broker.url={self.broker}",
            f"broker.partitions={self.partitions}",
            f"broker.topic_prefix={self.prefix}",
            f"runtime.symbols=[{symbols}]",
            "runtime.session_timeout_s=2",
            "runtime.snapshot_interval_s=5",
            "runtime.absent_after_s=600",
            *self.overrides,
        ]
        number = len(list(self.folder.glob(f"{self.prefix}{name}-*.log")))
        self.logs[name] = self.folder / f"{self.prefix}{name}-{number}.log"
        with self.logs[name].open("wb") as file:
            self.processes[name] = subprocess.Popen(
                [PRISM, role, *arguments, *(f"--set={setting}" for setting in settings)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env=environment({VARIABLE: failpoint} if failpoint else {}),
                start_new_session=True,
            )

    def _stop_roles(self) -> None:
        """SIGTERM all but the feed, which has come to its end; each has to end cleanly."""
        for name, process in self.processes.items():
            if name == FEED:
                process.wait(PATIENCE_S)
            else:
                _until_it_listens(process)
                process.terminate()
        codes = {name: process.wait(PATIENCE_S) for name, process in self.processes.items()}
        assert not any(codes.values()), f"{codes}; see {self.folder}"
        # What fails in a callback of the event loop ends nothing: it is only told.
        failed = [n for n in codes if "Exception in callback" in "\n".join(self.log_of(n))]
        assert not failed, f"{failed} failed in callbacks; see {self.folder}"

    async def _create_topics(self) -> None:
        settings = BrokerSettings(partitions=self.partitions, topic_prefix=self.prefix)
        log = await open_log(self.broker)
        await log.ensure_topics(topic_specs(settings))
        await log.close()

    async def _finish(self, expected: Outputs, patience_s: float) -> dict[str, tuple[int, str]]:
        log = await open_log(self.broker)
        try:
            tail = Tail(log, partitions=self.partitions, prefix=self.prefix)
            await tail.read_until(expected, within_s=patience_s, look=self.look)
            await asyncio.to_thread(self._stop_roles)  # clients of this loop go on meanwhile
            await tail.read_on()
        finally:
            await log.close()
        return digests(tail.messages)

    async def _counted(self, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        log = await open_log(self.broker)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self.look()
                    counts = await self._counts(log)
                    if condition(counts):
                        return counts
                    await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            await log.close()

    async def _counts(self, log: Log) -> dict[str, int]:
        of_topic = {
            topic.name: [
                TopicPartition(self.prefix + topic.name, number)
                for number in range(topic.partition_count(self.partitions))
            ]
            for topic in OUTPUTS
        }
        ends = await log.end_offsets([at for places in of_topic.values() for at in places])
        return {name: sum(ends[at] for at in places) for name, places in of_topic.items()}

    async def _dead_letters(self) -> list[DeadLetter]:
        log = await open_log(self.broker)
        try:
            return await dead_letters(log, prefix=self.prefix)
        finally:
            await log.close()


def short_cluster(settings: Settings, folder: Path) -> Cluster:
    """Roles as processes that decide by ``short_settings``, on its broker and prefix."""
    told = settings.model_dump(mode="json", include={"frames", "dimensions", "signals"})
    overrides = [
        f"{section}.{key}={json.dumps(value)}"
        for section, values in told.items()
        for key, value in values.items()
    ]
    broker = settings.broker
    return Cluster(
        broker.url, broker.topic_prefix, folder, settings.runtime.symbols,
        partitions=broker.partitions, overrides=overrides,
    )  # fmt: skip


def _until_it_listens(process: subprocess.Popen[bytes]) -> None:
    """Wait until it catches SIGTERM: a role that has just been started again cannot stop cleanly.

    That is what ``SigCgt`` tells in proc(5): bit ``n - 1`` for signal ``n``.
    """
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        assert time.monotonic() < deadline, f"{process.args!r} does not catch SIGTERM"
        time.sleep(_LOOK_EVERY_S)
