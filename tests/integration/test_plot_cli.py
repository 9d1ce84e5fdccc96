"""`prism plot` as people run it."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest

from agents.pipeline import Pipeline
from cli.plot import Curves, plot
from schemas.errors import UsageError
from schemas.frame import NS_PER_S
from schemas.score import ConfluenceScore
from tests.golden.sources import golden_paths
from tests.support.prism import first_lines, prism, write_recording
from tests.support.six import all_six, recorded

PNG = b"\x89PNG\r\n\x1a\n"
SIX = "--set=dimensions.enabled=[orderbook,orderflow,price_structure,sentiment,technical,volume]"


@pytest.fixture
def btc(market_data: Path, tmp_path: Path) -> Path:
    (source,) = golden_paths(market_data, "BTC_usdm_20240808")
    return write_recording(tmp_path / "btc.gz", first_lines(source, seconds=20))


@pytest.mark.needs_market_data
def test_a_recording_becomes_a_picture(btc: Path, tmp_path: Path) -> None:
    out = tmp_path / "btc.png"
    done = prism("plot", btc, SIX, "--from", "+5s", "--to", "+15s", "--out", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert out.read_bytes().startswith(PNG)


@pytest.mark.needs_market_data
def test_a_time_without_a_tick_and_an_unknown_kind_are_refused(btc: Path, tmp_path: Path) -> None:
    done = prism("plot", btc, "--from", "2030-01-01", "--out", tmp_path / "x.png")
    assert done.returncode == 2
    assert "no tick in that time" in done.stderr
    done = prism("plot", btc, "--out", tmp_path / "x.bmp")
    assert done.returncode == 2
    assert "x.bmp: write it as .pdf, .png or .svg" in done.stderr
    assert not list(tmp_path.glob("x.*"))
    done = prism("plot", btc, "--out", tmp_path / "gone" / "x.png")
    assert done.returncode == 2
    assert "there is no folder" in done.stderr


@pytest.mark.needs_market_data
def test_a_damaged_recording_is_told_with_its_picture_and_its_score(
    btc: Path, tmp_path: Path
) -> None:
    btc.write_bytes(btc.read_bytes()[:-100])
    drawn = prism("plot", btc, "--out", tmp_path / "x.svg")
    shown = prism("score", "BTC/USDT:USDT", "--source", btc)
    for done in (drawn, shown):
        assert done.returncode == 0
        assert "1 input could not be used (truncated 1)" in done.stderr


@pytest.mark.needs_market_data
def test_the_lines_are_the_scores_and_what_is_not_ready_is_a_gap(market_data: Path) -> None:
    curves, pipeline = Curves(), Pipeline(all_six())
    verdicts = []
    for frame in recorded(market_data, "BTC_usdm_20240808"):
        curves.begin_ns = curves.begin_ns or frame.open_ns + 30 * NS_PER_S
        if frame.close_ns > curves.begin_ns + 20 * NS_PER_S:
            break
        for topic, message in pipeline.process(frame):
            curves.add(topic, message)
            if isinstance(message, ConfluenceScore) and message.tick_ns >= curves.begin_ns:
                verdicts.append(message)
    assert len(curves.times) == len(verdicts) == 20
    assert curves.lines["confluence"][-1] == verdicts[-1].score
    assert curves.lines["price"][-1] == verdicts[-1].price
    assert all(math.isnan(value) for value in curves.lines["technical"])


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install matplotlib"):
        plot(sources=[tmp_path / "a.gz"], out=tmp_path / "a.png")
