"""A real Apache Kafka on loopback for tests: one node, KRaft, no container.

``KafkaServer`` runs one broker out of a directory and can stop, kill and restart it; the jars come
from ``kafka_home()``.
"""

import asyncio
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from tests.support.kafka_home import KafkaUnavailable, java, kafka_home

CLUSTER_ID = "bWFya2V0LXByaXNtLXRlcw"  # any 16 bytes in base64; fixed, since no two brokers meet
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0

# A test broker starts often and runs briefly: a small heap, and no time spent on optimising.
JVM_OPTIONS = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
)

LOG4J = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    # A killed consumer must be missed within a test's patience.
    "group.min.session.timeout.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    # A killed broker must be allowed to register again soon.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "log.cleaner.dedupe.buffer.size": "4194304",
}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, below the kernel's ephemeral range.

    Ephemeral ports (32768 up) would be lent to outgoing connections while a broker that is to
    come back on the same port is down.
    """
    for _ in range(200):
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise KafkaUnavailable("no free port on 127.0.0.1 between 15000 and 32000; close some servers")


class KafkaServer:
    """One broker, its data in ``folder``, on loopback ports that stay the same over restarts.

    >>> with KafkaServer(tmp_path) as kafka:        # doctest: +SKIP
    ...     kafka.create_topics({"in": 4})
    ...     kafka.bootstrap
    '127.0.0.1:23456'
    """

    def __init__(
        self,
        folder: Path,
        *,
        properties: Mapping[str, str] | None = None,
        jvm_options: Sequence[str] = JVM_OPTIONS,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self._controller_port = free_port()
        self._extra = dict(properties or {})
        self._jvm_options = tuple(jvm_options)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients connect: ``127.0.0.1:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def log_path(self) -> Path:
        """What the broker printed: warnings and errors of all its starts."""
        return self.folder / "broker.log"

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the broker and return once it answers as a member of its cluster.

        Formats the folder at the first start. Raises ``KafkaUnavailable`` with the end of the log.
        """
        if self._process is not None:
            raise KafkaUnavailable(f"broker {self.bootstrap} runs already; stop it first")
        home = kafka_home()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = self.log_path.open("ab")
        config = self._write_config()
        if not (self.folder / "data" / "meta.properties").exists():
            tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config)]
            if self._java(home, tool).wait() != 0:
                raise KafkaUnavailable(f"formatting {self.folder} failed:\n{self._log_tail()}")
        self._process = self._java(home, ["kafka.Kafka", str(config)])
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop cleanly; does nothing to a broker that does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a power cut that spares the disk."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop cleanly if it runs, and start again on the same data and port."""
        self.stop()
        self.start()

    def create_topics(
        self, partitions: Mapping[str, int], *, config: Mapping[str, str] | None = None
    ) -> None:
        """Create each named topic with so many partitions, one replica, and ``config``."""
        asyncio.run(self._create_topics(partitions, dict(config or {})))

    def topics(self) -> dict[str, int]:
        """The number of partitions of each topic, the broker's own left out."""
        return asyncio.run(self._topics())

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A test's broker has nothing worth a clean shutdown.
        self.kill()

    def _write_config(self) -> Path:
        here = {
            "listeners": f"PLAINTEXT://{self.bootstrap},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "log.dirs": str(self.folder / "data"),
        }
        lines = (f"{key}={value}\n" for key, value in (PROPERTIES | here | self._extra).items())
        path = self.folder / "server.properties"
        path.write_text("".join(lines))
        (self.folder / "log4j2.properties").write_text(LOG4J)
        return path

    def _java(self, home: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
        log4j = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        command = [java(), *self._jvm_options, log4j, "-cp", f"{home}/*", *arguments]
        # A session of its own: Ctrl-C in the terminal is for the test, not for its broker.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            start_new_session=True,
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not asyncio.run(self._is_ready()):
            if self._process is not None and self._process.poll() is not None:
                self._end(signal.SIGKILL)
                raise KafkaUnavailable(f"broker {self.bootstrap} died:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise KafkaUnavailable(
                    f"broker {self.bootstrap} not ready in {READY_WITHIN_S:.0f} s:\n"
                    f"{self._log_tail()}"
                )
            time.sleep(0.05)

    async def _is_ready(self) -> bool:
        """Whether the port is open and the cluster it describes has a live broker in it."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=2000)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError, IndexError):
            return False
        finally:
            await admin.close()

    async def _create_topics(self, partitions: Mapping[str, int], config: dict[str, str]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            topics = [
                NewTopic(name=name, num_partitions=n, replication_factor=1, topic_configs=config)
                for name, n in partitions.items()
            ]
            answer = await admin.create_topics(topics)
        finally:
            await admin.close()
        refused = [error for error in answer.topic_errors if error[1] != 0]
        if refused:
            raise KafkaUnavailable(f"broker {self.bootstrap} refused topics: {refused}")

    async def _topics(self) -> dict[str, int]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            described = await admin.describe_topics()
        finally:
            await admin.close()
        return {
            topic["topic"]: len(topic["partitions"])
            for topic in described
            if not topic["topic"].startswith("__")
        }

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(how)
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _log_tail(self) -> str:
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])
