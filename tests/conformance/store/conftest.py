"""Each test of this folder runs on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.store.ledger import SqlLedger, open_ledger

Open = Callable[[], SqlLedger]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_database)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'ledger.db'}"
    database: str = request.getfixturevalue("postgres").new_database()
    return database


@pytest.fixture
def connect(url: str) -> Iterator[Open]:
    """Opens connections of their own to one database, and closes them."""
    opened: list[SqlLedger] = []

    def connect() -> SqlLedger:
        opened.append(open_ledger(url))
        return opened[-1]

    yield connect
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(connect: Open) -> SqlLedger:
    """One connection."""
    return connect()
