"""`prism replay` as people run it: outputs, digests, bad input, interruption."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from schemas.score import DIMENSIONS
from tests.support.prism import (
    LIVELY,
    first_lines,
    lines_of,
    prism,
    started,
    summary_of,
    wait_until_written,
    write_recording,
)

pytestmark = pytest.mark.needs_market_data

SECONDS = 75.0
WRITTEN = {
    "confluence_scores.parquet",
    "dead_letters.jsonl",
    "fills.jsonl",
    "monitor.jsonl",
    "portfolio.jsonl",
    "quality.jsonl",
    "market.json",
    "orders.jsonl",
    "overview.jsonl",
    "signals.jsonl",
    "summary.json",
    "trade_alerts.jsonl",
}


@pytest.fixture(scope="module")
def usdm(market_data: Path) -> Path:
    """Folder of the USD-M recordings."""
    return market_data / "recordings" / "btc-eth-20240808" / "usdm"


@pytest.fixture(scope="module")
def btc_lines(usdm: Path) -> list[bytes]:
    """The first lines of BTC."""
    return first_lines(usdm / "btcusdt_20240808.gz", seconds=SECONDS)


@pytest.fixture(scope="module")
def btc(btc_lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recording of BTC."""
    return write_recording(tmp_path_factory.mktemp("cut") / "btc.gz", btc_lines)


@pytest.fixture(scope="module")
def eth(usdm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recording of ETH over the same time."""
    lines = first_lines(usdm / "ethusdt_20240808.gz", seconds=SECONDS)
    return write_recording(tmp_path_factory.mktemp("cut") / "eth.gz", lines)


@pytest.fixture(scope="module")
def plain(btc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs of the short recording of BTC, undisturbed."""
    out = tmp_path_factory.mktemp("plain")
    done = prism("replay", btc, "--out", out, *LIVELY, env={"PYTHONHASHSEED": "0"})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return out


def replayed(
    out: Path, *arguments: str | Path, env: dict[str, str] | None = None
) -> dict[str, Any]:
    """Summary of a replay that has to succeed."""
    done = prism("replay", *arguments, "--out", out, *LIVELY, env=env)
    assert done.returncode == 0, done.stderr
    return summary_of(out)


def test_the_summary_agrees_with_the_files(plain: Path, btc_lines: list[bytes]) -> None:
    assert {path.name for path in plain.iterdir()} == WRITTEN
    summary = summary_of(plain)
    assert summary["complete"] is True
    assert summary["scores"] == dict.fromkeys(DIMENSIONS, summary["ticks"])
    assert SECONDS - 1 <= summary["ticks"] <= SECONDS + 1
    assert summary["data_seconds"] == pytest.approx(SECONDS, abs=1.0)
    assert summary["speed"] == pytest.approx(summary["data_seconds"] / summary["wall_seconds"])
    assert summary["sources"][0]["lines"] == len(btc_lines)

    signals = lines_of(plain / "signals.jsonl")
    assert len(signals) == summary["signals"]
    sides = Counter(signal["kind"] for signal in signals)
    assert {side: sides[side] for side in summary["signals_by_side"]} == summary["signals_by_side"]
    assert sides["long"]
    assert sides["short"]
    orders = lines_of(plain / "orders.jsonl")
    assert len(orders) == summary["orders"] > 0
    assert Counter(order["status"] for order in orders) == summary["orders_by_status"]
    assert len(lines_of(plain / "fills.jsonl")) == summary["fills"] > 0
    assert lines_of(plain / "dead_letters.jsonl") == []
    assert summary["dead_letters"] == 0


def test_orders_lead_back_to_signals_and_fills_to_orders(plain: Path) -> None:
    signals = {signal["id"] for signal in lines_of(plain / "signals.jsonl")}
    orders = lines_of(plain / "orders.jsonl")
    assert {order["signal_id"] for order in orders} <= signals
    ids = {order["client_order_id"] for order in orders}
    for fill in lines_of(plain / "fills.jsonl"):
        assert fill["client_order_id"] in ids
        assert isinstance(fill["price"], str)
        assert isinstance(fill["qty"], str)


def test_contributions_sum_to_the_score_less_50(plain: Path) -> None:
    rows = pq.read_table(plain / "confluence_scores.parquet").to_pylist()
    assert len(rows) == summary_of(plain)["ticks"]
    scored = [row for row in rows if row["score"] is not None]
    assert len(scored) > SECONDS / 2
    for row in scored:
        parts = [row[f"contribution_{name}"] for name in DIMENSIONS]
        assert math.fsum(part for part in parts if part is not None) == pytest.approx(
            row["score"] - 50, abs=1e-9
        )
    for name in set(DIMENSIONS) - {"orderbook", "orderflow"}:
        assert {row[f"score_{name}"] for row in rows} == {None}
        assert {row[f"contribution_{name}"] for row in rows} == {None}
    assert [row["tick_ns"] for row in rows] == sorted(row["tick_ns"] for row in rows)


def test_another_run_with_another_hash_seed_gives_the_same(
    plain: Path, btc: Path, tmp_path: Path
) -> None:
    again = replayed(tmp_path, btc, env={"PYTHONHASHSEED": "4711"})
    assert again["digests"] == summary_of(plain)["digests"]
    for name in WRITTEN - {"summary.json", "confluence_scores.parquet"}:
        assert (tmp_path / name).read_bytes() == (plain / name).read_bytes(), name


def test_without_the_wide_instructions_of_numpy_the_digests_are_the_same(
    plain: Path, btc: Path, tmp_path: Path
) -> None:
    core = np._core._multiarray_umath  # type: ignore[attr-defined]
    wide = [name for name in core.__cpu_dispatch__ if core.__cpu_features__[name]]
    env = {"NPY_DISABLE_CPU_FEATURES": " ".join(wide)}
    look = (
        "from numpy._core import _multiarray_umath as c;"
        "print([n for n in c.__cpu_dispatch__ if c.__cpu_features__[n]])"
    )
    left = subprocess.run(
        [sys.executable, "-c", look], env={**os.environ, **env}, capture_output=True, check=True
    )
    assert left.stdout.strip() == b"[]"
    assert replayed(tmp_path, btc, env=env)["digests"] == summary_of(plain)["digests"]


def test_a_tenth_of_the_score_interval_gives_ten_times_the_ticks_and_stable_digests(
    plain: Path, btc: Path, tmp_path: Path
) -> None:
    often = "--set=frames.score_interval_ms=100"
    first = replayed(tmp_path / "a", btc, often, env={"PYTHONHASHSEED": "1"})
    second = replayed(tmp_path / "b", btc, often, env={"PYTHONHASHSEED": "2"})
    assert first["digests"] == second["digests"]
    usual = summary_of(plain)
    assert first["ticks"] == pytest.approx(10 * usual["ticks"], abs=20)
    assert first["digests"]["dimension.scores"] != usual["digests"]["dimension.scores"]
    rows = pq.read_table(tmp_path / "a" / "confluence_scores.parquet").num_rows
    assert rows == first["ticks"]


def test_two_symbols_on_one_account_do_not_depend_on_which_is_named_first(
    btc: Path, eth: Path, tmp_path: Path
) -> None:
    first = replayed(tmp_path / "a", btc, eth)
    second = replayed(tmp_path / "b", eth, btc)
    assert first["digests"] == second["digests"]
    for name in WRITTEN - {"summary.json", "confluence_scores.parquet"}:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    symbols = {fill["symbol"] for fill in lines_of(tmp_path / "a" / "fills.jsonl")}
    assert symbols == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
    assert [source["symbol"] for source in first["sources"]] == sorted(symbols)


def test_a_recording_in_two_files_is_one_recording(
    plain: Path, btc_lines: list[bytes], tmp_path: Path
) -> None:
    half = len(btc_lines) // 2
    first = write_recording(tmp_path / "1.gz", btc_lines[:half])
    second = write_recording(tmp_path / "2.gz", btc_lines[half:])
    joined = replayed(tmp_path / "out", first, second)
    assert joined["digests"] == summary_of(plain)["digests"]
    assert joined["sources"][0]["files"] == ["1.gz", "2.gz"]


def test_the_venue_can_be_named(btc: Path, tmp_path: Path) -> None:
    replayed(tmp_path, btc, "--venue", "elsewhere")
    rows = pq.read_table(tmp_path / "confluence_scores.parquet", columns=["venue"])
    assert set(rows["venue"].to_pylist()) == {"elsewhere"}


def test_a_truncated_file_is_counted_named_and_warned_about(btc: Path, tmp_path: Path) -> None:
    whole = btc.read_bytes()
    cut = tmp_path / "cut.gz"
    cut.write_bytes(whole[: len(whole) * 3 // 4])
    out = tmp_path / "out"
    done = prism("replay", cut, "--out", out)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"prism: warning: 1 input could not be used (truncated 1); see {out / 'dead_letters.jsonl'}"
    ]
    summary = summary_of(out)
    assert summary["complete"] is True
    assert summary["frames"] > 100
    assert summary["dead_letters_by_reason"] == {"truncated": 1}
    (letter,) = lines_of(out / "dead_letters.jsonl")
    assert letter["source"] == "cut.gz"
    assert letter["reason"] == "truncated"


def test_garbage_in_between_is_counted_and_changes_no_number(
    plain: Path, btc_lines: list[bytes], tmp_path: Path
) -> None:
    middle = len(btc_lines) // 2
    stamp = btc_lines[middle][:19]
    garbage = [
        b"no time here\n",
        stamp + b" {broken\n",
        stamp + b' {"stream":"btcusdt@nobodyReadsThis","data":{"e":"x"}}\n',
        b"\x00\xff\xfe\n",
    ]
    lines = [*btc_lines[:middle], *garbage, *btc_lines[middle:]]
    bad = write_recording(tmp_path / "bad.gz", lines)
    summary = replayed(tmp_path / "out", bad)
    assert summary["dead_letters_by_reason"] == {"malformed": 3, "unknown_stream": 1}
    assert len(lines_of(tmp_path / "out" / "dead_letters.jsonl")) == 4
    assert (tmp_path / "out" / "market.json").read_text() == (plain / "market.json").read_text()


def test_json_goes_to_stdout_and_nothing_else_does(btc: Path, tmp_path: Path) -> None:
    done = prism("replay", btc, "--out", tmp_path, "--json")
    assert done.stdout == (tmp_path / "summary.json").read_text()
    assert done.stderr == ""
    quiet = prism("replay", btc, "--out", tmp_path, "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_ctrl_c_ends_with_a_partial_summary_and_whole_files(usdm: Path, tmp_path: Path) -> None:
    sources = [usdm / "btcusdt_20240808.gz", usdm / "ethusdt_20240808.gz"]
    with started("replay", *sources, "--out", tmp_path, *LIVELY) as running:
        wait_until_written(tmp_path / ".orders.jsonl.unfinished", running)
        assert not {path.name for path in tmp_path.iterdir()} & WRITTEN
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGINT
    assert "stopped before the end" in stderr
    assert "Traceback" not in stderr
    summary = summary_of(tmp_path)
    assert summary["complete"] is False
    assert {path.name for path in tmp_path.iterdir()} == WRITTEN
    for name, count in (("signals", "signals"), ("orders", "orders"), ("fills", "fills")):
        assert len(lines_of(tmp_path / f"{name}.jsonl")) == summary[count]
    rows = pq.read_table(tmp_path / "confluence_scores.parquet").num_rows
    assert 0 < rows == summary["ticks"]


def test_a_killed_run_leaves_no_file_that_poses_as_whole(usdm: Path, tmp_path: Path) -> None:
    with started("replay", usdm / "btcusdt_20240808.gz", "--out", tmp_path, *LIVELY) as running:
        wait_until_written(tmp_path / ".orders.jsonl.unfinished", running)
        running.kill()
    assert not {path.name for path in tmp_path.iterdir()} & WRITTEN


def test_test_thresholds_give_twenty_signals_on_btc_of_both_sides(
    usdm: Path, tmp_path: Path
) -> None:
    summary = replayed(tmp_path, usdm / "btcusdt_20240808.gz")
    assert summary["signals"] >= 20
    assert summary["signals_by_side"]["long"] >= 5
    assert summary["signals_by_side"]["short"] >= 5
    assert summary["dead_letters"] == 0


@pytest.mark.timeout(900)  # a whole day; a busy machine takes long
def test_the_nexo_day_gives_a_hundred_signals_of_both_sides_in_flat_memory(
    market_data: Path, tmp_path: Path
) -> None:
    folder = market_data / "recordings" / "nexousdt-spot-20240724"
    files = [folder / "nexousdt_20240723.dat.gz", folder / "nexousdt_20240724.dat.gz"]
    with started("replay", *files, "--out", tmp_path, *LIVELY) as running:
        memory = resident_sizes(running)
    assert running.returncode == 0
    summary = summary_of(tmp_path)
    assert summary["ticks"] > 86_400
    assert summary["signals"] >= 100
    assert summary["signals_by_side"]["long"] >= 20
    assert summary["signals_by_side"]["short"] >= 20
    assert summary["dead_letters"] == 0
    table = pq.ParquetFile(tmp_path / "confluence_scores.parquet")
    assert table.metadata.num_rows == summary["ticks"]
    assert table.num_row_groups >= 8
    # Imports and the first row group come early; from then on a day must not add up.
    settled = len(memory) * 2 // 5
    assert max(memory[settled:]) < 1.1 * memory[settled]


def resident_sizes(running: subprocess.Popen[str]) -> list[int]:
    """Resident bytes of a process, every tenth of a second until it ends."""
    process = psutil.Process(running.pid)
    sizes = []
    while running.poll() is None:
        try:
            sizes.append(process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(timeout=0.1)
    return sizes
