"""`prism journal` from the folder of a run and from the ledger: the same trades, in three forms."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec

from schemas.execution_quality import ExecutionQuality
from schemas.frame import Side
from schemas.order import Fill, Funding, Order
from schemas.plain import from_plain
from schemas.topics import FILLS, ORDERS
from schemas.topics import QUALITY as QUALITY_TOPIC
from streams.sinks.files import RunFiles, read_lines
from streams.store.ledger import open_ledger
from tests.conformance.store.test_ledger import QUALITY
from tests.support.prism import prism
from tests.unit.execution.test_journal import at, order, paid

FILLED: list[Fill | Funding] = [
    at(1, Side.BUY, "100.00000001", "1", fee="0.1", order="a"),
    paid(3, "-0.000000000001"),
    at(4, Side.SELL, "120", "1", fee="0.2", order="b"),
    at(5, Side.SELL, "119", "1", fee="0.2", order="c"),
]
ORDERED: list[Order] = [order("a", 'score 70, "strong"'), order("b", "score 40")]


def folder_of(path: Path) -> Path:
    files = RunFiles(path)
    for placed in ORDERED:
        files.add(ORDERS, placed)
    for filled in FILLED:
        files.add(FILLS, filled)
    files.close({"summary.json": {}})
    return path


def test_from_a_folder_and_from_a_ledger(tmp_path: Path) -> None:
    folder, url = folder_of(tmp_path / "out"), f"sqlite://{tmp_path / 'ledger.db'}"
    assert read_lines(folder / "orders.jsonl", Order) == ORDERED
    assert read_lines(folder / "fills.jsonl", Fill, Funding) == FILLED
    ledger = open_ledger(url)
    ledger.write(ledger.acquire("paper", "me", ttl_ms=60_000), [*ORDERED, *FILLED])
    ledger.close()

    given = prism("journal", folder, "--json")
    assert given.returncode == 0, given.stderr
    first, second = json.loads(given.stdout)
    assert Decimal(first["net_pnl"]) == Decimal(20) - Decimal("0.00000001") - Decimal(
        "0.300000000001"
    )
    assert (first["reason"], second["closed_ns"]) == ('score 70, "strong"', None)
    assert prism("journal", "--store", url, "--json").stdout == given.stdout

    rows = list(csv.DictReader(io.StringIO(prism("journal", folder, "--csv").stdout)))
    assert [row["side"] for row in rows] == ["long", "short"]
    assert rows[0]["net"] == first["net_pnl"]
    shown = prism("journal", folder).stdout
    assert "1 closed, 1 of them won, 1 open; net 19.50" in shown


def test_quality_of_orders_in_three_forms(tmp_path: Path) -> None:
    other = msgspec.structs.replace(QUALITY, parent_id="q", algorithm="market", reason='a, "b"')
    files = RunFiles(tmp_path / "out")
    for record in (QUALITY, other):
        files.add(QUALITY_TOPIC, record)
    files.close({"summary.json": {}})
    ledger = open_ledger(url := f"sqlite://{tmp_path / 'ledger.db'}")
    ledger.write(ledger.acquire("paper", "me", ttl_ms=60_000), [QUALITY, other])
    ledger.close()

    given = prism("journal", tmp_path / "out", "--quality", "--json")
    assert given.returncode == 0, given.stderr
    document = json.loads(given.stdout)
    assert [from_plain(ExecutionQuality, o) for o in document["orders"]] == [QUALITY, other]
    by = [(one["algorithm"], one["leg"], one["orders"]) for one in document["summaries"]]
    assert by == [("market", "open", 1), ("twap", "open", 1)]
    assert prism("journal", "--store", url, "--quality", "--json").stdout == given.stdout

    rows = list(
        csv.DictReader(io.StringIO(prism("journal", tmp_path / "out", "--quality", "--csv").stdout))
    )
    assert [row["reason"] for row in rows] == [QUALITY.reason, 'a, "b"']
    assert Decimal(rows[0]["improvement"]) == QUALITY.improvement
    shown = prism("journal", tmp_path / "out", "--quality").stdout
    assert "102.85 bps" in shown
    assert "expired" in shown


def test_what_is_not_there_or_no_journal_is_named(tmp_path: Path) -> None:
    missing = prism("journal", tmp_path / "nowhere")
    assert (missing.returncode, "nowhere/orders.jsonl: not there" in missing.stderr) == (2, True)
    neither = prism("journal")
    assert "name the folder of a run, or a ledger" in neither.stderr
    folder = folder_of(tmp_path / "out")
    (folder / "fills.jsonl").write_text('{"what": 1}\n')
    broken = prism("journal", folder)
    assert broken.returncode == 2
    assert "fills.jsonl:1: not a Fill or Funding" in broken.stderr


def test_an_account_that_is_named_chooses_in_a_folder_too(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "out")
    assert prism("journal", folder, "--account=paper").stdout == prism("journal", folder).stdout
    assert prism("journal", folder, "--account=nobody").stdout == "no trades\n"
    files = RunFiles(tmp_path / "quality")
    files.add(QUALITY_TOPIC, QUALITY)
    files.close({})
    none = prism("journal", tmp_path / "quality", "--quality", "--account=nobody")
    assert none.stdout == "no orders\n"
    both = prism("journal", folder, "--store=sqlite://ledger.db")
    assert (both.returncode, "choose one" in both.stderr) == (2, True)


def test_looking_at_a_ledger_neither_makes_nor_changes_it(tmp_path: Path) -> None:
    nowhere, empty = tmp_path / "nowhere.db", tmp_path / "empty.db"
    empty.touch()
    for name, told in ((nowhere, "no ledger is there"), (empty, "lacks migrations 0001")):
        for command in (("journal", "--store"), ("journal", "--quality", "--store")):
            done = prism(*command, f"sqlite://{name}")
            assert (done.returncode, told in done.stderr, done.stdout) == (2, True, "")
    assert prism("drift", f"sqlite://{nowhere}", f"sqlite://{nowhere}").returncode == 2
    assert not nowhere.exists()
    with closing(sqlite3.connect(empty)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == []
