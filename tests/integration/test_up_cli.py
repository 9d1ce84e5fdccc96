"""`prism up` as people run it: headless, in a terminal, and stopped by hand."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agents.pipeline import Pipeline
from cli.feeds import GeneratedFeed
from cli.tally import Tally
from schemas.settings import Settings
from schemas.topics import FRAMES
from tests.support.prism import (
    LIVELY,
    first_lines,
    prism,
    started,
    summary_of,
    wait_until_written,
    write_recording,
)
from tests.support.terminal import Terminal

SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
GENERATED = ("--source", "generated")
FACES = ("tech", "vol", "flow", "book", "strc", "sent")
CTRL_C = b"\x03"


def test_headless_gives_the_summary_and_files_of_a_replay(tmp_path: Path) -> None:
    before = time.monotonic()
    done = prism("up", *GENERATED, "--headless", "--duration", "4s", "--out", tmp_path, "--json")
    assert time.monotonic() - before > 4
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert summary == summary_of(tmp_path)
    assert summary["complete"] is True
    assert 4 <= summary["wall_seconds"] < 60
    assert [source["symbol"] for source in summary["sources"]] == list(SYMBOLS)
    assert summary["data_seconds"] >= 60
    table = pq.read_table(tmp_path / "confluence_scores.parquet")
    assert set(table["symbol"].to_pylist()) == set(SYMBOLS)
    assert table.num_rows == summary["ticks"]
    market = json.loads((tmp_path / "market.json").read_text())
    assert set(market) == {f"simulated:{symbol}" for symbol in SYMBOLS}


def test_what_is_logged_is_not_mixed_with_the_summary() -> None:
    other = ("--set", "paper.currency=USDC")
    done = prism("up", *GENERATED, "--headless", "--duration", "1s", "--json", *other)
    assert json.loads(done.stdout)["complete"] is True
    assert "event='account.not_traded'" in done.stderr


def test_a_role_that_fails_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    store = f"--set=store.url=sqlite://{tmp_path / 'ledger.db'}"
    command = ("up", *GENERATED, "--headless", "--speed=max", store, *LIVELY)
    assert prism(*command, "--duration=2s").returncode == 0
    # Other orders under the same ids, of which the ledger knows better.
    done = prism(*command, "--seed=8", "--duration=60s")
    assert done.returncode == 1
    assert "stored before with other content" in done.stderr.splitlines()[-1]
    assert "exception='Traceback" in done.stderr


def test_the_generated_market_gives_signals_of_both_sides_within_minutes() -> None:
    settings = Settings()
    frames = GeneratedFeed(settings, seed=7).messages(lambda _: None)
    tally = Tally()
    pipeline = Pipeline(settings)
    while tally.data_seconds < 180:
        frame = next(frames)
        tally.add(FRAMES, frame)
        for topic, message in pipeline.process(frame):
            tally.add(topic, message)
    summary = tally.summary()
    assert summary["signals_by_side"]["long"]
    assert summary["signals_by_side"]["short"]
    assert summary["fills"]
    assert summary["dead_letters"] == summary["alerts"] == 0


def test_without_a_terminal_it_is_headless_with_a_status_line() -> None:
    done = prism("up", *GENERATED, "--duration", "6s", "--speed", "max")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "frames (" in done.stderr.splitlines()[0]
    assert "equity" in done.stderr.splitlines()[0]
    assert done.stdout.startswith("frames ")


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(by: signal.Signals, tmp_path: Path) -> None:
    with started("up", *GENERATED, "--headless", "--out", tmp_path, *LIVELY) as running:
        wait_until_written(tmp_path / ".orders.jsonl.unfinished", running)
        before = time.monotonic()
        running.send_signal(by)
        _, stderr = running.communicate(timeout=30)
    assert time.monotonic() - before < 20
    assert running.returncode == 0, stderr
    assert "Traceback" not in stderr
    summary = summary_of(tmp_path)
    assert summary["complete"] is False
    assert summary["orders"] > 0


def test_the_terminal_shows_symbols_faces_and_signals_and_ctrl_c_ends_it() -> None:
    with Terminal("up", *GENERATED, *LIVELY, rows=30, columns=150) as terminal:
        terminal.read_until(lambda text: all(symbol in text for symbol in SYMBOLS))
        terminal.read_until(
            lambda text: any(f"{kind} " in text for kind in ("long", "short", "exit"))
        )
        heading = next(line for line in terminal.text.splitlines() if "symbol " in line)
        assert all(face in heading for face in FACES)
        assert all(word in heading for word in ("price", "score", "position", "P&L", "feed"))
        row = next(line for line in terminal.text.splitlines() if line.startswith(SYMBOLS[0]))
        assert ".." in row  # bars are not there yet
        assert "generated market, seed 7" in terminal.text
        assert "frames/s" in terminal.text
        terminal.press(CTRL_C)
        assert terminal.read_to_end() == 0
        assert "Traceback" not in terminal.text
        assert "s of market in" in terminal.text


def test_a_small_terminal_gets_fewer_columns_and_symbols() -> None:
    with Terminal("up", *GENERATED, "--duration", "3s", rows=7, columns=50) as terminal:
        terminal.read_until(lambda text: "more symbol" in text)
        assert terminal.read_to_end() == 0
        drawn = terminal.text
        shown = drawn[: drawn.index("scores   ")].splitlines()
        assert all(len(line) <= 50 for line in shown if line.startswith(("symbol", *SYMBOLS)))
        assert not any(face in line for line in shown if "symbol " in line for face in FACES)


@pytest.mark.needs_market_data
def test_a_recording_plays_at_the_speed_asked_for(market_data: Path, tmp_path: Path) -> None:
    source = market_data / "recordings" / "btc-eth-20240808" / "usdm" / "btcusdt_20240808.gz"
    short = write_recording(tmp_path / "btc.gz", first_lines(source, seconds=40))
    out = tmp_path / "paced"
    done = prism("up", "--source", short, "--speed", "20x", "--headless", "--out", out)
    assert done.returncode == 0, done.stderr
    paced = summary_of(out)
    assert paced["complete"] is True
    assert 1.9 <= paced["wall_seconds"] < 40
    replayed = prism("replay", short, "--out", tmp_path / "replayed")
    assert replayed.returncode == 0
    assert summary_of(tmp_path / "replayed")["digests"] == paced["digests"]
