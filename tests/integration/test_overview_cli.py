"""The overview as people see it: `prism rank`, and the files of `prism replay` and `prism up`."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from agents.overview.overview import Overview
from cli.feeds import GeneratedFeed
from schemas.digest import digest
from schemas.frame import Message
from schemas.settings import load_settings
from tests.golden.sources import golden_paths
from tests.support.prism import first_lines, prism, summary_of, write_recording

ON = ("--set=overview.enabled=true", "--set=overview.interval_s=5", "--set=overview.window=24")

PLAY = ("--source", "generated", "--headless")


@pytest.fixture
def two_venues(market_data: Path, tmp_path: Path) -> list[Path]:
    found = []
    for market in ("spot", "usdm"):
        path = golden_paths(market_data, f"BTC_{market}_20240808")[0]
        name = tmp_path / f"{market}.gz"
        found.append(write_recording(name, first_lines(path, seconds=60)))
    return found


@pytest.mark.needs_market_data
def test_rank_shows_symbols_and_assets_and_agrees_with_replay(
    two_venues: list[Path], tmp_path: Path
) -> None:
    shown = prism("rank", *two_venues, *ON)
    assert shown.returncode == 0, shown.stderr
    for text in (
        "binance:BTC/USDT ",
        "binanceusdm:BTC/USDT:USDT",
        "chosen",
        "spr bps",
        "correlation",
    ):
        assert text in shown.stdout
    given = prism("rank", *two_venues, *ON, "--json")
    replayed = prism("replay", *two_venues, *ON, "--out", tmp_path / "out", "--quiet")
    assert replayed.returncode == 0, replayed.stderr
    lines = (tmp_path / "out" / "overview.jsonl").read_text().splitlines()
    assert len(lines) > 8
    assert json.loads(given.stdout) == json.loads(lines[-1])
    ticks = [json.loads(line)["tick_ns"] for line in lines]
    for moment in ("2024-08-08T23:54:45", "2024-08-09T01:54:45+02:00"):
        earlier = prism("rank", *two_venues, *ON, "--json", "--at", moment)
        assert json.loads(earlier.stdout)["tick_ns"] == 1_723_161_285_000_000_000
    assert 1_723_161_285_000_000_000 in ticks[:-1]


@pytest.mark.needs_market_data
def test_rank_says_where_recordings_end_too_early_and_what_of_them_is_damaged(
    two_venues: list[Path],
) -> None:
    cut = two_venues[0]
    cut.write_bytes(cut.read_bytes()[:-100])
    done = prism("rank", cut, *ON, "--at", "+1h")
    assert done.stdout.startswith("Market overview  2024-08-08 23:5")
    assert "1 input could not be used (truncated 1)" in done.stderr
    assert "end before that time; this is their last overview" in done.stderr
    assert prism("rank", cut, *ON, "--at", "+20s").stderr == ""


@pytest.mark.needs_market_data
def test_rank_of_too_short_a_recording_says_so(two_venues: list[Path]) -> None:
    done = prism("rank", *two_venues, "--set=overview.interval_s=3600")
    assert done.returncode == 2
    assert "no interval of 3600 s is complete" in done.stderr


def test_up_runs_the_overview_and_gives_the_overviews_of_a_replay(tmp_path: Path) -> None:
    done = prism("up", *PLAY, "--duration", "3s", "--out", tmp_path, *ON, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(s) for s in (tmp_path / "overview.jsonl").read_text().splitlines()]
    assert [row["rank"] for row in lines[-1]["symbols"]] == [1, 2, 3]
    settings = load_settings(overrides=[text.removeprefix("--set=") for text in ON])
    overview, summary = Overview(settings), summary_of(tmp_path)
    state = overview.initial()
    frames = islice(GeneratedFeed(settings, seed=7).messages(lambda _: None), summary["frames"])
    wanted: list[Message] = [given for frame in frames for given in overview.step(state, frame)]
    assert len(lines) == len(wanted) >= 10
    assert summary["digests"]["market.overview"] == digest(wanted)


def test_a_run_without_the_overview_writes_none(tmp_path: Path) -> None:
    done = prism("up", *PLAY, "--duration", "1s", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "overview.jsonl").read_text() == ""
