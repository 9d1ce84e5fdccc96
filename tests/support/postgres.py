"""A real PostgreSQL on loopback for tests: one server of this machine's own binaries, no container.

The server refuses to run as root; then it runs as the user ``postgres``, which Debian's package
makes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg

from tests.support.kafka import free_port

READY_WITHIN_S = 30.0
USER = "postgres"

# A test's data need not survive a power cut.
OPTIONS = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB",
    "max_connections=40", "listen_addresses=127.0.0.1", "unix_socket_directories=",
    "autovacuum=off", "log_min_messages=fatal",
)  # fmt: skip

_names = count(1)


class PostgresUnavailable(RuntimeError):
    """PostgreSQL cannot be had or does not start; the message names the fact and the action."""


def postgres_bin() -> Path:
    """The folder with ``initdb`` and ``postgres``: Debian's newest, or the one on PATH."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    found = str(debian[-1]) if debian else shutil.which("initdb")
    if found is None:
        raise PostgresUnavailable("no PostgreSQL here; install it (Debian: postgresql)")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam(USER)
        except KeyError:
            raise PostgresUnavailable(f"PostgreSQL refuses root; make a user {USER}") from None
    return Path(found).parent


class PostgresServer:
    """One server with its data in a folder of its own, ended with the block.

    >>> with PostgresServer() as server:        # doctest: +SKIP
    ...     server.new_database()
    'postgresql://postgres@127.0.0.1:23456/test1'
    """

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def new_database(self) -> str:
        """An empty database; its URL."""
        name = f"test{next(_names)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy".encode())
        return self._url(name)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="prism-postgres-"))
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def _start(self) -> None:
        binaries = postgres_bin()
        if os.geteuid() == 0:
            shutil.chown(self._folder, USER, USER)
        data = self._folder / "data"
        made = subprocess.run(
            [*_as_user(), binaries / "initdb", "--no-sync", "--auth=trust", "--encoding=UTF8",
             "--locale=C", f"--username={USER}", f"--pgdata={data}"],
            cwd=self._folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise PostgresUnavailable(f"initdb failed: {made.stderr}")
        self._log = (self._folder / "log").open("wb")
        options = [f"--{option}" for option in OPTIONS]
        self._process = subprocess.Popen(
            [*_as_user(), binaries / "postgres", "-D", data, "-p", str(self.port), *options],
            cwd=self._folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            start_new_session=True,
        )  # fmt: skip
        self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                psycopg.connect(self._url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self._folder / "log").read_text(errors="replace")
                    raise PostgresUnavailable(f"PostgreSQL did not start: {log}") from error
            time.sleep(0.02)

    def _end(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # end now, whoever is connected
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._log is not None:
            self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _as_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
