"""Feeds a worker, kills it at random points, restarts it, and keeps all that came out."""

import asyncio
import contextlib
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.chaos.faust_kill.fold import PARTITIONS, SYMBOLS, TABLE, Output, symbol_name
from tests.chaos.faust_kill.settings import SESSION_TIMEOUT_S
from tests.support.kafka import KafkaServer

REPOSITORY = Path(__file__).resolve().parents[3]
TICK_S = 0.01
PATIENCE_S = 60.0


@dataclass
class Evidence:
    """What went in and what came out of one experiment."""

    inputs: dict[int, list[tuple[str, int]]]  # by partition, in offset order: symbol, number
    outputs: list[Output] = field(default_factory=list)
    first_output_of_run: list[int] = field(default_factory=list)  # index into outputs
    changelog: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    traces: list[Path] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    restart_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One experiment."""

    kills: int
    workers: int
    rate: int  # messages per second
    seed: int


class Lab:
    """Runs a ``Plan`` on a broker and gathers the ``Evidence``."""

    def __init__(self, kafka: KafkaServer, folder: Path, plan: Plan) -> None:
        self.kafka = kafka
        self.folder = folder
        self.plan = plan
        self.app_id = f"plain{plan.workers}"
        self.evidence = Evidence({number: [] for number in range(PARTITIONS)})
        self._random = random.Random(plan.seed)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._feeding = True

    async def run(self) -> Evidence:
        """The whole experiment: feed, kill and restart, let it finish, stop, read the table."""
        async with self._reading_outputs(), self._feeding_inputs():
            self._workers = [self._start() for _ in range(self.plan.workers)]
            await self._until(self._has_output, "no first output")
            for _ in range(self.plan.kills):
                await self._kill_and_restart()
            self._feeding = False
            await self._settle()
            for worker in self._workers:
                worker.terminate()
            for worker in self._workers:
                await asyncio.to_thread(worker.wait, PATIENCE_S)
            await self._until_outputs_rest()
        await self._read_changelog()
        return self.evidence

    def abandon(self) -> None:
        """Kill what still runs."""
        for worker in self._workers:
            worker.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        count = len(self.evidence.traces)
        self.evidence.traces.append(self.folder / f"{self.app_id}-{count}.trace")
        self.evidence.logs.append(self.folder / f"{self.app_id}-{count}.log")
        self.evidence.first_output_of_run.append(len(self.evidence.outputs))
        module = "tests.chaos.faust_kill.plain"
        command = [sys.executable, "-m", module, self.kafka.bootstrap, self.app_id]
        with self.evidence.logs[-1].open("wb") as log:
            return subprocess.Popen(
                [*command, str(self.evidence.traces[-1])],
                cwd=REPOSITORY,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def _kill_and_restart(self) -> None:
        victim = self._random.randrange(self.plan.workers)
        # Mostly in mid-stream; now and then at any moment of a start or of a recovery.
        if self._random.random() < 0.7:
            before = len(self.evidence.outputs)
            await self._until(lambda: len(self.evidence.outputs) > before + 200, "stuck")
        await asyncio.sleep(self._random.uniform(0, 3.0))
        self._workers[victim].kill()
        self._workers[victim].wait()
        if self.plan.workers > 1 and self._random.random() < 0.5:
            # Long enough for the group to miss it and for the other worker to take over.
            await asyncio.sleep(SESSION_TIMEOUT_S * self._random.uniform(1.0, 2.0))
        elif self.plan.workers == 1:
            await self._until_outputs_rest()  # so that outputs can be told apart by run
        started_at, before = monotonic(), len(self.evidence.outputs)
        self._workers[victim] = self._start()
        if self.plan.workers == 1 and self._random.random() < 0.7:
            await self._until(lambda: len(self.evidence.outputs) > before, "no output")
            self.evidence.restart_s.append(monotonic() - started_at)

    async def _settle(self) -> None:
        """Until every input has an output, or, where some were skipped, nothing more comes."""
        total = sum(len(rows) for rows in self.evidence.inputs.values())
        deadline = monotonic() + 5 * PATIENCE_S
        quiet_since, seen = monotonic(), -1
        while monotonic() < deadline and monotonic() - quiet_since < 4 * SESSION_TIMEOUT_S:
            ids = {(output.symbol, output.number) for output in self.evidence.outputs}
            if len(ids) == total:
                break
            if len(self.evidence.outputs) != seen:
                quiet_since, seen = monotonic(), len(self.evidence.outputs)
            await asyncio.sleep(0.2)

    async def _until_outputs_rest(self) -> None:
        seen = -1
        while seen != len(self.evidence.outputs):
            seen = len(self.evidence.outputs)
            await asyncio.sleep(0.1)

    def _has_output(self) -> bool:
        return bool(self.evidence.outputs)

    async def _until(self, condition: Callable[[], bool], failure: str) -> None:
        deadline = monotonic() + PATIENCE_S
        while not condition():
            if monotonic() > deadline:
                raise TimeoutError(f"{failure} in {PATIENCE_S:.0f} s; see {self.folder}")
            await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def _feeding_inputs(self) -> AsyncIterator[None]:
        # Idempotent: a retry must not write twice, or offsets would not follow the numbers.
        producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, linger_ms=2, enable_idempotence=True
        )
        await producer.start()
        async with _background(self._feed(producer)):
            yield
        await producer.stop()

    async def _feed(self, producer: AIOKafkaProducer) -> None:
        numbers = [0] * SYMBOLS
        due, started = 0.0, monotonic()
        while self._feeding:
            due = (monotonic() - started) * self.plan.rate
            while sum(numbers) < due:
                index = self._random.randrange(SYMBOLS)
                partition, symbol = index % PARTITIONS, symbol_name(index)
                body = b"%d" % numbers[index]
                await producer.send(f"{self.app_id}-in", body, symbol.encode(), partition)
                # One producer and one batch in flight per partition: offsets follow this order.
                self.evidence.inputs[partition].append((symbol, numbers[index]))
                numbers[index] += 1
            await asyncio.sleep(TICK_S)

    @contextlib.asynccontextmanager
    async def _reading_outputs(self) -> AsyncIterator[None]:
        consumer = self._reader()
        await consumer.start()
        consumer.assign([TopicPartition(f"{self.app_id}-out", n) for n in range(PARTITIONS)])
        async with _background(self._read_outputs(consumer)):
            yield
        await consumer.stop()

    async def _read_outputs(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                bodies = (record.value for record in records)
                self.evidence.outputs.extend(
                    msgspec.msgpack.decode(body, type=Output) for body in bodies
                )

    async def _read_changelog(self) -> None:
        consumer = self._reader()
        await consumer.start()
        topic = f"{self.app_id}-{TABLE}-changelog"
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for tp in partitions:
            while await consumer.position(tp) < ends[tp]:
                records = await consumer.getmany(tp, timeout_ms=100)
                for record in records.get(tp, []):
                    self.evidence.changelog.append((record.partition, record.key, record.value))
        await consumer.stop()

    def _reader(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, auto_offset_reset="earliest"
        )


@contextlib.asynccontextmanager
async def _background(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
