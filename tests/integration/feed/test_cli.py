"""``prism record`` and ``prism feed --venue`` as people run them, on ``prism simulate``."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.prism import TIMEOUT_S, prism, started, summary_of, wait_until_written


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[list[str]]:
    """A simulated exchange; the settings that reach it."""
    ca_file = tmp_path / "ca.pem"
    with started(
        "simulate", "--venue", "binanceusdm", "--symbols", "BTC", "--port", "0",
        "--ca-file", ca_file, "--json",
    ) as server:  # fmt: skip
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        yield [
            f"--set=feed.connect_to=127.0.0.1:{told['port']}",
            f"--set=feed.ca_file={ca_file}",
            "--set=feed.history_bars=10",
        ]


def test_what_is_recorded_replays(exchange: list[str], tmp_path: Path) -> None:
    out = tmp_path / "recordings"
    symbol = "BTC/USDT:USDT"
    with started(
        "record", "--venue", "binanceusdm", "--symbols", symbol, "--out", out, *exchange
    ) as recording:
        folder = out / "binanceusdm" / "BTC-USDT_USDT"
        _until(recording, "binanceusdm: ok")
        (path,) = folder.glob("*.jsonl.zst")
        wait_until_written(path, recording)
        recording.send_signal(signal.SIGINT)
        assert recording.wait(TIMEOUT_S) == 0, recording.communicate()
    done = prism("replay", path, "--out", tmp_path / "out", "--quiet")
    assert done.returncode == 0, done.stderr
    summary = summary_of(tmp_path / "out")
    assert summary["complete"]
    (source,) = summary["sources"]
    assert (source["venue"], source["symbol"]) == ("binanceusdm", symbol)
    assert source["dead_letters"] == {}


def _until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{text!r} was never said")


def test_an_unknown_symbol_ends_it_with_the_nearest_one(
    exchange: list[str], tmp_path: Path
) -> None:
    done = prism(
        "record", "--venue", "binanceusdm", "--symbols", "BTC/USD", "--out", tmp_path, *exchange
    )
    assert done.returncode == 2
    assert "unknown symbol BTC/USD; the nearest known one is BTC/USDT:USDT" in done.stderr


def test_an_unknown_venue_ends_it_with_the_nearest_one(tmp_path: Path) -> None:
    done = prism("record", "--venue", "binanse", "--symbols", "top:5", "--out", tmp_path)
    assert done.returncode == 2
    assert "unknown venue binanse; the nearest known one is binance" in done.stderr


def test_without_a_network_it_says_so_and_goes_on_trying(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    ca_file = tmp_path / "ca.pem"
    import certifi

    ca_file.write_bytes(Path(certifi.where()).read_bytes())
    with started(
        "record", "--venue", "binanceusdm", "--symbols", "top:5", "--out", tmp_path,
        f"--set=feed.connect_to=127.0.0.1:{port}", f"--set=feed.ca_file={ca_file}",
    ) as recording:  # fmt: skip
        _until(recording, "markets: ExchangeNotAvailable")
        recording.send_signal(signal.SIGINT)
        assert recording.wait(TIMEOUT_S) == 0


def test_a_live_feed_takes_no_files(tmp_path: Path) -> None:
    done = prism(
        "feed", "--broker", "kafka://127.0.0.1:9", "--venue", "bybit", "--source", tmp_path
    )
    assert done.returncode == 2
    assert "a live feed takes --venue and --symbols, and no files" in done.stderr
