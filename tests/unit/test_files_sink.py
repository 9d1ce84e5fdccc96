"""The files of a run: whole or not there, and readable by anything."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.run import Run
from schemas.errors import UsageError
from schemas.frame import NS_PER_S, Side
from schemas.health import DeadLetter
from schemas.score import DIMENSIONS, ConfluenceScore, Contribution
from schemas.settings import Settings
from schemas.signal import SignalKind
from schemas.topics import (
    CONFLUENCE_SCORES,
    DEAD_LETTERS,
    DIMENSION_SCORES,
    FILLS,
    SIGNALS,
)
from streams.sinks import files
from streams.sinks.files import RunFiles, json_line
from tests.support.messages import fill_of, score_of, signal_of

WHOLE = {
    "confluence_scores.parquet",
    "dead_letters.jsonl",
    "fills.jsonl",
    "monitor.jsonl",
    "portfolio.jsonl",
    "quality.jsonl",
    "orders.jsonl",
    "overview.jsonl",
    "signals.jsonl",
    "summary.json",
    "trade_alerts.jsonl",
}


def confluence_of(tick_s: int, *, score: float | None = 60.0) -> ConfluenceScore:
    return ConfluenceScore(
        "v", "s", tick_s * NS_PER_S, 1, tick_s, score, 0.5, 100.0,
        (Contribution("orderbook", score, 1.0, 10.0), Contribution("orderflow", None, 0.0, 0.0)),
        (), 68.0, 35.0,
    )  # fmt: skip


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_no_file_has_its_name_before_the_run_is_closed(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    run = RunFiles(out)
    run.add(SIGNALS, signal_of(SignalKind.LONG))
    assert not names(out) & WHOLE
    run.close({"summary.json": {"complete": True}})
    assert names(out) == WHOLE
    assert json.loads((out / "summary.json").read_text()) == {"complete": True}


def test_an_abandoned_run_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    first = RunFiles(tmp_path)
    first.add(SIGNALS, signal_of(SignalKind.LONG))
    first.close({"summary.json": {"run": 1}})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    second = RunFiles(tmp_path)
    second.add(SIGNALS, signal_of(SignalKind.SHORT))
    second.abandon()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_line_has_field_names_sorted_keys_and_exact_decimals() -> None:
    line = json_line(fill_of(Side.SELL, "61814.10", "0.0000001", trade_id="t", fee="1e-9"))
    assert line.endswith(b"}\n")
    read = json.loads(line)
    assert list(read) == sorted(read)
    assert read["price"] == "61814.10"
    assert read["qty"] == "0.0000001"
    assert read["fee"] == "0.000000001"
    assert read["side"] == "sell"
    assert read["trade_id"] == "t"
    assert Decimal(read["price"]) == Decimal("61814.1")


def test_nested_parts_have_names_too() -> None:
    line = json_line(confluence_of(1))
    contribution = json.loads(line)["contributions"][0]
    assert contribution == {
        "contribution": 10.0, "dimension": "orderbook", "score": 60.0, "weight": 1.0,
        "multiplier": 1.0, "components": [],
    }  # fmt: skip


def test_a_dead_letter_shows_its_bytes_as_text() -> None:
    line = json_line(DeadLetter("file.gz", "malformed", "why", b'{"a":\xff'))
    assert json.loads(line)["body"] == '{"a":\\xff'


def test_records_go_to_the_file_of_their_topic_in_their_order(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    for kind in (SignalKind.SHORT, SignalKind.EXIT, SignalKind.LONG):
        run.add(SIGNALS, signal_of(kind))
    run.add(FILLS, fill_of(Side.BUY, "1", "2", trade_id="t"))
    run.add(DEAD_LETTERS, DeadLetter("file.gz", "malformed", "why", b""))
    run.add(DIMENSION_SCORES, score_of("orderbook", 50.0))
    run.close({})
    lines = (tmp_path / "signals.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["short", "exit", "long"]
    assert len((tmp_path / "fills.jsonl").read_text().splitlines()) == 1
    assert len((tmp_path / "dead_letters.jsonl").read_text().splitlines()) == 1
    assert (tmp_path / "orders.jsonl").read_text() == ""


def test_the_table_has_every_dimension_and_null_for_what_does_not_speak(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    run.add(CONFLUENCE_SCORES, confluence_of(1))
    run.add(CONFLUENCE_SCORES, confluence_of(2, score=None))
    run.close({})
    table = pq.read_table(tmp_path / "confluence_scores.parquet")
    assert table.column_names == [
        "venue", "symbol", "tick_ns", "score", "reliability",
        *(f"score_{name}" for name in DIMENSIONS),
        *(f"contribution_{name}" for name in DIMENSIONS),
    ]  # fmt: skip
    first, second = table.to_pylist()
    assert first["tick_ns"] == NS_PER_S
    assert first["score_orderbook"] == 60.0
    assert first["contribution_orderbook"] == 10.0
    assert first["score_orderflow"] is None
    assert first["contribution_orderflow"] is None
    assert first["score_sentiment"] is None
    assert second["score"] is None
    assert second["reliability"] == 0.5


def test_rows_leave_memory_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROW_GROUP", 10)
    run = RunFiles(tmp_path)
    for tick in range(25):
        run.add(CONFLUENCE_SCORES, confluence_of(tick))
        assert len(run._rows) < 10
    run.close({})
    written = pq.ParquetFile(tmp_path / "confluence_scores.parquet")
    assert written.num_row_groups == 3
    assert written.read()["tick_ns"].to_pylist() == [tick * NS_PER_S for tick in range(25)]


def test_an_empty_run_still_gives_a_readable_table(tmp_path: Path) -> None:
    RunFiles(tmp_path).close({})
    assert pq.read_table(tmp_path / "confluence_scores.parquet").num_rows == 0


def test_a_folder_that_cannot_be_used_is_named_with_the_action(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match=r"taken: cannot be written .*name another folder"):
        RunFiles(tmp_path / "taken")


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process can grow beyond 16 KiB: a write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize(("lines", "document"), [(200, ""), (1, "x" * 20_000)])
def test_a_disk_that_is_full_is_named_and_keeps_nothing_of_the_run(
    tmp_path: Path, lines: int, document: str
) -> None:
    def whole_run() -> None:
        with Run(Settings(), out=tmp_path) as run:
            for _ in range(lines):
                run.observe(SIGNALS, signal_of(SignalKind.LONG))
            run.close(complete=True, sources=[{"file": document}])

    with pytest.raises(UsageError) as caught:
        whole_run()
    assert str(caught.value) == (
        f"{tmp_path}: cannot be written (File too large); make room, or name another folder"
    )
    assert names(tmp_path) == set()


def test_a_second_run_into_the_same_folder_is_refused_until_the_first_is_done(
    tmp_path: Path,
) -> None:
    first = RunFiles(tmp_path)
    with pytest.raises(UsageError, match=r"another run writes there; .* name another folder"):
        RunFiles(tmp_path)
    first.add(SIGNALS, signal_of(SignalKind.LONG))
    first.close({})
    assert len((tmp_path / "signals.jsonl").read_text().splitlines()) == 1
    RunFiles(tmp_path).abandon()
    RunFiles(tmp_path).close({})
