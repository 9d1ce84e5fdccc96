"""One connection to a database: the little in which PostgreSQL and SQLite differ.

SQL is written with ``?`` for parameters and the types of the migrations; everything else is the
same text for both.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import psycopg

from schemas.errors import StoreUnreachable, UsageError

CONNECT_WITHIN_S = 5
LOCKED_AT_MOST_MS = 10_000
IDLE_IN_TRANSACTION_MS = 5_000
"""A writer that stands still amid a transaction would block its successor: the server ends it."""


class Cursor(Protocol):
    """What of a database cursor is used."""

    @property
    def rowcount(self) -> int:
        """Rows that the last statement changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, or ``None``."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows."""
        ...


class Transaction(Protocol):
    """Statements that take effect together or not at all."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        ...


class Database(Protocol):
    """A connection that several threads may share, one transaction at a time."""

    now_ms: str
    """SQL for the database's own clock, in milliseconds since 1970."""
    serialise_migrations: str
    """SQL that makes two migrations wait for one another."""

    def type_names(self, sql: str) -> str:
        """A migration in the types of this database."""
        ...

    def transaction(self) -> Any:
        """Context manager that gives a :class:`Transaction`; it commits at the end of the block.

        Raises :class:`StoreUnreachable` when the database is away; nothing is then known to be
        stored.
        """
        ...

    def close(self) -> None:
        """End the connection."""
        ...


_BROKEN_OFF = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


class PostgresDatabase:
    """A connection to PostgreSQL at a ``postgresql://`` URL."""

    now_ms = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
    serialise_migrations = "SELECT pg_advisory_xact_lock(7223001)"  # any number; ours alone

    def __init__(self, url: str) -> None:
        self._shown = shown(url)
        self._turn = threading.Lock()
        options = (
            f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
            f" -c lock_timeout={LOCKED_AT_MOST_MS}"
        )
        try:
            self._connection = psycopg.connect(
                url, autocommit=True, connect_timeout=CONNECT_WITHIN_S, options=options,
                application_name="market-prism",
            )  # fmt: skip
        except psycopg.OperationalError as error:
            raise StoreUnreachable(f"{self._shown}: {_one_line(error)}; start it first") from error
        except psycopg.ProgrammingError:
            # Its text quotes the URL, with the password if one is in it.
            raise UsageError(
                f"store.url {self._shown}: PostgreSQL does not understand it; write "
                "postgresql://user@host:port/name"
            ) from None

    def type_names(self, sql: str) -> str:
        """See :class:`Database`."""
        return sql

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See :class:`Database`."""
        try:
            with self._turn, self._connection.transaction(), self._connection.cursor() as cursor:
                yield _Postgres(cursor)
        except _BROKEN_OFF as error:
            raise StoreUnreachable(f"{self._shown}: {_one_line(error)}; start again") from error

    def close(self) -> None:
        """See :class:`Database`."""
        self._connection.close()


class _Postgres:
    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        return self._cursor.execute(sql.replace("?", "%s").encode(), parameters)


class SqliteDatabase:
    """A connection to the SQLite file of a ``sqlite://path`` URL; its folder is made if needed."""

    # Milliseconds of the Julian day number of 1970; `unixepoch('subsec')` needs SQLite 3.42.
    now_ms = "CAST((julianday('now') - 2440587.5) * 86400000 AS BIGINT)"
    serialise_migrations = "SELECT 1"  # a transaction here has the file to itself anyway

    def __init__(self, url: str) -> None:
        self._path = Path(url.removeprefix("sqlite://"))
        self._turn = threading.Lock()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False,
                timeout=LOCKED_AT_MOST_MS / 1_000,
            )  # fmt: skip
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")  # a commit survives a power cut
        except (sqlite3.Error, OSError) as error:
            raise StoreUnreachable(f"{self._path}: {error}; name another file") from error

    def type_names(self, sql: str) -> str:
        """See :class:`Database`. SQLite would keep NUMERIC as a float."""
        return re.sub(r"\bNUMERIC\b", "TEXT", re.sub(r"\bBYTEA\b", "BLOB", sql))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See :class:`Database`."""
        try:
            with self._turn:
                # At once, not at the first write: two that have read cannot then both write.
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.rollback()
                    raise
                self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise StoreUnreachable(f"{self._path}: {error}; start again") from error

    def close(self) -> None:
        """See :class:`Database`."""
        self._connection.close()


def open_database(url: str) -> Database:
    """A connection by ``postgresql://user@host:port/name`` or ``sqlite://path``.

    Raises :class:`UsageError` for another scheme, :class:`StoreUnreachable`.
    """
    scheme = url.partition(":")[0]
    if scheme in {"postgresql", "postgres"}:
        return PostgresDatabase(url)
    if scheme == "sqlite" and url.removeprefix("sqlite://") not in {"", url}:
        return SqliteDatabase(url)
    raise UsageError(
        f"store.url {shown(url)}: write postgresql://user@host:port/name or sqlite://path"
    )


def shown(url: str) -> str:
    """A database URL without what it holds of secrets.

    >>> shown("postgresql://me:secret@host:5432/prism?password=x")
    'postgresql://host:5432/prism'
    >>> shown("ledger.db")
    'ledger.db'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if not parts.scheme:
        return parts.path.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
