"""The schema of the store: plain SQL files, applied in order, each once and in one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from schemas.errors import StoreError
from streams.store.database import Database

_SHIPPED = Path(__file__).with_name("sql")
_REPOSITORY = Path(__file__).resolve().parents[2] / "infra" / "postgres" / "migrations"
FOLDER = _SHIPPED if _SHIPPED.is_dir() else _REPOSITORY
"""``NNNN_name.sql``; a wheel carries them within the package."""

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    INTEGER NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_ms BIGINT NOT NULL
)
"""


class Migration(NamedTuple):
    """One file."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The files of a folder, in order. Raises :class:`StoreError` where a number is missing."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        number, _, name = path.stem.partition("_")
        if not number.isdigit() or int(number) != len(found) + 1:
            raise StoreError(f"{path.name}: the next migration is {len(found) + 1:04d}_name.sql")
        found.append(Migration(int(number), name, path.read_text(encoding="utf-8")))
    if not found:
        raise StoreError(f"{folder}: no migrations there; install the package again")
    return found


def migrate(database: Database, wanted: Sequence[Migration] | None = None) -> list[int]:
    """Bring the schema up to date; the versions that were applied now.

    Raises :class:`StoreError` if an applied file has changed since, or the database is newer than
    this build; then nothing is changed.
    """
    wanted = migrations() if wanted is None else wanted
    with database.transaction() as transaction:
        transaction.execute(database.serialise_migrations)
        transaction.execute(_TABLE)
        rows = transaction.execute("SELECT version, name, sha256 FROM schema_migrations").fetchall()
        applied = {version: (name, digest) for version, name, digest in rows}
        _check(applied, wanted)
        due = [migration for migration in wanted if migration.version not in applied]
        for migration in due:
            for statement in _statements(database.type_names(migration.sql)):
                transaction.execute(statement)
            transaction.execute(
                f"INSERT INTO schema_migrations VALUES (?, ?, ?, {database.now_ms})",
                (migration.version, migration.name, migration.digest),
            )
    return [migration.version for migration in due]


def pending(database: Database) -> list[int]:
    """The versions that :func:`migrate` would apply; changes nothing, and raises the same."""
    due: list[int] = []
    with suppress(_Undo), database.transaction() as transaction:
        transaction.execute(_TABLE)
        rows = transaction.execute("SELECT version, name, sha256 FROM schema_migrations").fetchall()
        applied = {version: (name, digest) for version, name, digest in rows}
        wanted = migrations()
        _check(applied, wanted)
        due += [migration.version for migration in wanted if migration.version not in applied]
        raise _Undo
    return due


class _Undo(Exception):
    """Ends a transaction that was only to look."""


def _check(applied: dict[int, tuple[str, str]], wanted: Sequence[Migration]) -> None:
    known = {migration.version: migration for migration in wanted}
    for version, (name, digest) in sorted(applied.items()):
        migration = known.get(version)
        if migration is None:
            raise StoreError(
                f"the store has migration {version:04d}_{name}, which this build does not know: "
                "use the build that applied it, or a newer one"
            )
        if migration.digest != digest:
            raise StoreError(
                f"migration {version:04d}_{name} was changed after it was applied: restore the "
                "file and write a new one"
            )


def _statements(sql: str) -> Iterator[str]:
    """Single statements; the files hold no semicolon but at their ends."""
    for statement in re.sub(r"--[^\n]*", "", sql).split(";"):
        if statement.strip():
            yield statement.strip()
