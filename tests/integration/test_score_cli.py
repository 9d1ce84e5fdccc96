"""`prism score` as people run it: on a recording, off a broker's log, and refused."""

from __future__ import annotations

import asyncio
import json
import math
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from agents.pipeline import Pipeline
from schemas.codec import encode
from schemas.plain import plain
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import BrokerSettings, Settings
from schemas.topics import CONFLUENCE_SCORES, DIMENSION_SCORES
from streams.transport.broker import forget
from streams.transport.log import open_log, topic_specs
from tests.support.markets import random_market
from tests.support.prism import first_lines, prism, started, write_recording
from tests.support.terminal import Terminal

SYMBOL = "BTC/USDT:USDT"
SECONDS = 75.0
CTRL_C = b"\x03"

Verdicts = list[tuple[ConfluenceScore, list[DimensionScore]]]


@pytest.fixture(scope="module")
def btc(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recording of BTC on USD-M."""
    source = market_data / "recordings" / "btc-eth-20240808" / "usdm" / "btcusdt_20240808.gz"
    lines = first_lines(source, seconds=SECONDS)
    return write_recording(tmp_path_factory.mktemp("cut") / "btc.gz", lines)


@pytest.fixture(scope="module")
def rows(btc: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The scores that a replay of it writes."""
    out = tmp_path_factory.mktemp("replay")
    assert prism("replay", btc, "--out", out, "--quiet").returncode == 0
    found: list[dict[str, Any]] = pq.read_table(out / "confluence_scores.parquet").to_pylist()
    return found


def told_of(*arguments: str | Path) -> dict[str, Any]:
    """What `prism score --json` prints."""
    done = prism("score", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def assert_is_the_row(told: dict[str, Any], row: dict[str, Any]) -> None:
    verdict = told["confluence"]
    for name in ("venue", "symbol", "tick_ns", "score", "reliability"):
        assert verdict[name] == row[name], name
    for part in verdict["contributions"]:
        assert row[f"score_{part['dimension']}"] == part["score"]
        if part["score"] is not None:
            assert row[f"contribution_{part['dimension']}"] == part["contribution"]
    for score in told["dimensions"]:
        assert score["tick_ns"] == row["tick_ns"]
        assert row[f"score_{score['dimension']}"] == score["score"]


@pytest.mark.needs_market_data
def test_the_json_is_the_record_of_a_replay_at_that_tick(
    btc: Path, rows: list[dict[str, Any]]
) -> None:
    assert_is_the_row(told_of(SYMBOL, "--source", btc), rows[-1])
    row = rows[50]
    for at in (row["tick_ns"], row["tick_ns"] + 999_999_999):
        assert_is_the_row(told_of(SYMBOL, "--source", btc, "--at", str(at)), row)
    before = told_of(SYMBOL, "--source", btc, "--at", str(row["tick_ns"] - 1))
    assert_is_the_row(before, rows[49])


@pytest.mark.needs_market_data
def test_a_time_from_the_start_and_one_in_words_find_their_tick(
    btc: Path, rows: list[dict[str, Any]]
) -> None:
    told = told_of(f"binanceusdm:{SYMBOL}", "--source", btc, "--at", "+60s")
    start_ns = rows[0]["tick_ns"]
    assert told["confluence"]["tick_ns"] in {row["tick_ns"] for row in rows}
    assert 58e9 < told["confluence"]["tick_ns"] - start_ns <= 60e9
    late = prism("score", SYMBOL, "--source", btc, "--at", "2030-01-01", "--json")
    assert late.returncode == 0
    assert "warning: the recording ends at 2024-08-08 23:5" in late.stderr
    assert_is_the_row(json.loads(late.stdout), rows[-1])


@pytest.mark.needs_market_data
def test_the_contributions_shown_sum_to_the_score_less_50(btc: Path) -> None:
    told = told_of(SYMBOL, "--source", btc)
    tables = [told["whole"], *told["tables"]]
    for table in tables:
        push = math.fsum(row["push"] for row in table["rows"])
        if table["total"]["score"] is None:
            assert push == 0.0  # a dimension that is not ready pushes nothing
            continue
        assert push == pytest.approx(table["total"]["score"] - 50, abs=1e-9)
    reasons = [*told["interpretation"]["bullish"], *told["interpretation"]["bearish"]]
    left_out = 0.05 * sum(len(table["rows"]) for table in told["tables"])
    whole = told["whole"]["total"]["score"] - 50
    assert math.fsum(r["points"] for r in reasons) == pytest.approx(whole, abs=left_out)

    text = prism("score", SYMBOL, "--source", btc).stdout
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert f"binanceusdm:{SYMBOL}" in text
    rows = [line.split() for line in text.splitlines() if "·" in line]
    pushes = {row[0]: float(row[4]) for row in rows if row[0] in ("orderflow", "orderbook")}
    assert math.fsum(pushes.values()) == pytest.approx(whole, abs=0.011)


@pytest.mark.needs_market_data
def test_of_two_symbols_the_one_that_is_asked_for_is_shown(
    btc: Path, rows: list[dict[str, Any]], market_data: Path, tmp_path: Path
) -> None:
    source = market_data / "recordings" / "btc-eth-20240808" / "usdm" / "ethusdt_20240808.gz"
    eth = write_recording(tmp_path / "eth.gz", first_lines(source, seconds=20))
    assert_is_the_row(told_of(SYMBOL, "--source", eth, "--source", btc), rows[-1])
    told = told_of("ETH/USDT:USDT", "--source", eth, "--source", btc)
    assert {part["symbol"] for part in (told["confluence"], *told["dimensions"])} == {
        "ETH/USDT:USDT"
    }
    done = prism("score", "ETHUSDT", "--source", btc, "--source", eth)
    assert done.returncode == 2
    assert done.stderr == (
        "prism: error: unknown symbol ETHUSDT; the nearest known one is binanceusdm:ETH/USDT:USDT\n"
    )


@pytest.mark.needs_market_data
def test_a_time_before_the_first_tick_is_refused_with_the_start_named(btc: Path) -> None:
    done = prism("score", SYMBOL, "--source", btc, "--at", "2020-01-01")
    assert done.returncode == 2
    assert "starts at 2024-08-08 23:5" in done.stderr
    assert done.stdout == ""


@pytest.mark.needs_market_data
def test_ctrl_c_on_a_long_recording_ends_cleanly(market_data: Path) -> None:
    folder = market_data / "recordings" / "nexousdt-spot-20240724"
    long = folder / "nexousdt_20240724.dat.gz"
    with Terminal("score", "NEXO/USDT", "--source", long, rows=24, columns=80) as terminal:
        terminal.read_until(lambda text: "of market" in text)
        terminal.press(CTRL_C)
        assert terminal.read_to_end() == 128 + signal.SIGINT
        assert "Traceback" not in terminal.text


@pytest.fixture(scope="module")
def verdicts() -> Verdicts:
    """Every tick of a short generated market."""
    pipeline = Pipeline(Settings())
    found: Verdicts = []
    scores: list[DimensionScore] = []
    for frame in random_market(7, 900):
        for _, message in pipeline.process(frame):
            if isinstance(message, DimensionScore):
                scores.append(message)
            elif isinstance(message, ConfluenceScore):
                found.append((message, scores))
                scores = []
    return found


@pytest.fixture
def on_disk(verdicts: Verdicts, tmp_path: Path) -> str:
    """An embedded broker's folder with those scores, older ones repeated behind them."""
    url = f"embedded://{tmp_path / 'broker'}"

    async def write() -> None:
        log = await open_log(url)
        await log.ensure_topics(topic_specs(BrokerSettings()))
        for verdict, scores in [*verdicts, *verdicts[-5:-2]]:
            key = verdict.key.encode()
            for score in scores:
                await log.produce(DIMENSION_SCORES.name, key, encode(score))
            await log.produce(CONFLUENCE_SCORES.name, key, encode(verdict))
        await log.close()

    asyncio.run(write())
    forget(url)
    return url


def test_the_newest_tick_of_a_brokers_log_is_shown(on_disk: str, verdicts: Verdicts) -> None:
    verdict, scores = verdicts[-1]
    for symbol in (verdict.symbol, verdict.key):
        told = told_of(symbol, "--broker", on_disk)
        assert told["confluence"] == plain(verdict)
        assert sorted(told["dimensions"], key=lambda s: s["dimension"]) == [
            plain(s) for s in sorted(scores, key=lambda s: s.dimension)
        ]
    text = prism("score", verdict.symbol, "--broker", on_disk).stdout
    assert f"{verdict.score:.2f}" in text
    assert all(part.name in text for score in scores for part in score.components)


def test_watching_shows_each_new_tick_once_until_it_is_interrupted(
    on_disk: str, verdicts: Verdicts
) -> None:
    symbol = verdicts[-1][0].symbol
    with started("score", symbol, "--broker", on_disk, "--watch", "--json") as running:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        assert told["confluence"] == plain(verdicts[-1][0])
        running.send_signal(signal.SIGINT)
        rest, errors = running.communicate(timeout=30)
    assert (running.returncode, rest, errors) == (0, "", "")


def test_watching_in_a_terminal_draws_in_place_and_leaves_cleanly(
    on_disk: str, verdicts: Verdicts
) -> None:
    symbol = verdicts[-1][0].symbol
    with Terminal("score", symbol, "--broker", on_disk, "--watch", rows=24, columns=80) as terminal:
        terminal.read_until(lambda text: "gauge" in text)
        terminal.press(CTRL_C)
        assert terminal.read_to_end() == 0
        assert "Traceback" not in terminal.text


def test_a_log_in_use_an_absent_one_and_an_unknown_symbol_are_refused(
    on_disk: str, tmp_path: Path
) -> None:
    done = prism("score", "DOGE/USDT", "--broker", on_disk)
    assert done.returncode == 2
    assert "unknown symbol DOGE/USDT; the nearest known one is" in done.stderr
    done = prism("score", "X", "--broker", on_disk, "--set", "broker.topic_prefix=other.")
    assert done.returncode == 2
    assert "no topic other.confluence.scores" in done.stderr
    gone = prism("score", "X", "--broker", f"embedded://{tmp_path / 'gone'}")
    assert gone.returncode == 2
    assert "no embedded broker has kept its log there" in gone.stderr
    assert not (tmp_path / "gone").exists()

    async def hold() -> str:
        log = await open_log(on_disk)
        done = await asyncio.to_thread(prism, "score", "X", "--broker", on_disk)
        await log.close()
        assert done.returncode == 2
        return done.stderr

    refused = asyncio.run(hold())
    forget(on_disk)
    assert "in use by another process" in refused
    assert "--source RECORDING" in refused


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("score",), "SYMBOL"),
        (("score", "X"), "lives inside the process of `prism up`"),
        (("score", "X", "--broker", "embedded://up"), "--source RECORDING"),
        (("score", "X", "--broker", "amqp://h"), "kafka://host:port"),
        (("score", "X", "--source", "gone.gz"), "gone.gz"),
        (("score", "X", "--source", "gone.gz", "--watch"), "leave out --broker and --watch"),
        (("score", "X", "--at", "+5s"), "go with --source"),
        (("score", "X", "--source", "gone.gz", "--at", "noon"), "write it as 2024-08-09T00:01:30Z"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    done = prism(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("prism: error: ")
    assert told in line
