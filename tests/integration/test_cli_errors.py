"""What the caller can mend is one clear line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.needs import REPOSITORY
from tests.support.prism import prism


def refusal(*arguments: str | Path) -> str:
    """The one line that `prism` has to refuse with."""
    done = prism(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("prism: error: ")
    return line.removeprefix("prism: error: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    line = refusal("replay", tmp_path / "gone.gz", "--out", tmp_path / "out")
    assert "gone.gz: No such file" in line
    assert not (tmp_path / "out").exists()


def test_an_unknown_setting_is_refused_with_the_nearest_named(tmp_path: Path) -> None:
    line = refusal("replay", "x.gz", "--out", tmp_path, "--set", "frames.intervall_ms=50")
    assert line == (
        "unknown setting frames.intervall_ms; the nearest known one is frames.interval_ms"
    )


def test_an_unknown_dimension_or_option_is_refused_with_the_nearest_named(tmp_path: Path) -> None:
    line = refusal("replay", "x", "--out", tmp_path, "--set", "dimensions.enabled=[orderbok]")
    assert line == "unknown dimension orderbok; the nearest known one is orderbook"
    line = refusal("up", "--set", "dimensions.options.orderflow.bukets=3")
    assert line.endswith("the nearest known one is dimensions.options.orderflow.buckets")


def test_an_empty_source_and_one_that_holds_no_market_data_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.gz"
    empty.write_bytes(b"")
    assert "empty.gz" in refusal("replay", empty, "--out", tmp_path / "out")
    text = tmp_path / "letter.txt"
    text.write_text("Dear reader,\nthere are no trades in this file.\n")
    assert "letter.txt" in refusal("replay", text, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    assert "name another folder" in refusal(
        "up", "--headless", "--duration", "1s", "--out", tmp_path / "taken"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("up", "--speed", "fast"), "1x, 20x or max"),
        (("up", "--duration", "20"), "20s, 5m or 1h"),
        (("up", "--source", "gone.gz"), "gone.gz"),
        (("up", "--source", "generated", "--source", "x.gz"), "generated plays alone"),
        (
            ("up", "--source", "x.gz", "--venue", "bybit"),
            "takes --venue and --symbols, and no files",
        ),
        (("up", "--history", "x.csv"), "go with --source"),
        (("up", "--speed", "20x"), "--speed goes with --source"),
        (("up", "--venue", "bybit"), "--venue needs --symbols"),
        (("up", "--venue", "bibyt", "--symbols", "top:5"), "the nearest known one is bybit"),
        (("up", "--symbols", "top:2"), "give --venue, or names"),
        (("up", "--broker", "kafka://127.0.0.1:1"), "pass for a real venue's"),
        (
            ("feed", "--broker", "kafka://127.0.0.1:1", "--record", "x"),
            "--record goes with --venue",
        ),
        (("worker", "--broker", "kafka://127.0.0.1:1", "--dimensions", "none"), "add --join"),
        (
            ("worker", "--broker", "kafka://127.0.0.1:1", "--dimensions", "volume, orderbok"),
            "dimension orderbok is not in dimensions.enabled",
        ),
        (("replay", "x.gz"), "--out"),
        (("replay", "x.gz", "x.gz", "--out", "o"), "x.gz: named more than once"),
        (("replay", "x.gz", "--venue", "a:b", "--out", "o"), "without a colon"),
        (("replay", "--nonsense"), "--nonsense"),
        (("play",), "play"),
        (("config", "check", "gone.yaml"), "gone.yaml: cannot be read"),
        (("up", "--config", "gone.yaml"), "gone.yaml: cannot be read"),
    ],
)
def test_other_mistakes_are_told_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    assert told in refusal(*arguments)


def test_config_default_prints_the_file_that_the_repository_holds() -> None:
    done = prism("config", "default")
    assert done.returncode == 0
    assert done.stdout == (REPOSITORY / "config" / "default.yaml").read_text()


def test_config_check_says_ok_or_names_the_fault(tmp_path: Path) -> None:
    assert "OK" in prism("config", "check", REPOSITORY / "config" / "default.yaml").stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text("signals: {long_treshold: 70}\n")
    assert "signals.long_threshold" in refusal("config", "check", bad)
    bad.write_text("dimensions: {options: {orderbook: {warmup_s: -1}}}\n")
    assert "dimensions.options.orderbook.warmup_s" in refusal("config", "check", bad)


def test_version_and_help_answer() -> None:
    assert prism("--version").stdout.startswith("prism 0.")
    help_text = prism("--help").stdout
    assert all(command in help_text for command in ("up", "replay", "config"))
    assert "confluence_scores.parquet" in prism("replay", "--help").stdout
