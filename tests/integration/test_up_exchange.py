"""`prism up` by default: simulated exchange, ccxt.pro, live feed, broker, agents, account."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import certifi
import pytest

from cli.live import live
from cli.markets import SimulatedMarket
from cli.run import Run
from cli.stop import Stop
from schemas.clock import now_ns
from schemas.errors import UsageError
from schemas.frame import Frame, Message
from schemas.score import DIMENSIONS, DimensionScore
from schemas.settings import Settings, settings_from
from schemas.topics import Topic
from streams.events import Event
from tests.support.drifting import DriftingMarket
from tests.support.live import check_frames
from tests.support.prism import prism, started, summary_of
from tests.support.terminal import Terminal

VENUE = "binanceusdm"
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
CTRL_C = b"\x03"
PATIENCE_S = 60.0
UNCLEAN = ("Traceback", "Warning", "Unclosed", "never retrieved", "was destroyed", "error")


class NoShow:
    """Shows nothing."""

    def __enter__(self) -> NoShow:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def draw(self, now_ns: int) -> None:
        """Nothing to draw."""


@dataclass
class Seen:
    """Keeps what a run gives; asks it to stop once every symbol traded and was scored enough."""

    stop: Stop
    ticks: int
    frames: dict[str, list[Frame]] = field(default_factory=dict)
    scores: dict[tuple[str, str], list[DimensionScore]] = field(default_factory=dict)

    def add(self, _topic: Topic, message: Message) -> None:
        """Take one record."""
        if isinstance(message, Frame):
            self.frames.setdefault(message.key, []).append(message)
        elif isinstance(message, DimensionScore):
            self.scores.setdefault((message.key, message.dimension), []).append(message)
            wanted = len(SYMBOLS) * len(DIMENSIONS)
            if (
                len(self.scores) == wanted
                and all(len(given) >= self.ticks for given in self.scores.values())
                and all(any(frame.trades.id for frame in given) for given in self.frames.values())
            ):
                self.stop.by = signal.SIGTERM


def in_one_process(market: SimulatedMarket) -> Settings:
    """Settings of a run of all roles in this process."""
    return settings_from(
        {"runtime": {"symbols": tuple(market.keys())}, "broker": {"partitions": 1}}
    )


def run_live(market: SimulatedMarket, stop: Stop, seen: Seen) -> bool:
    """Run until it is over; whether nobody stopped it before."""
    settings = in_one_process(market)
    with Run(settings, watchers=[seen], ordered=False) as run:
        return asyncio.run(
            live(settings, market, run, show=NoShow(), stop=stop, duration_s=PATIENCE_S)
        )


def test_frames_hold_what_happened_at_the_exchange_and_every_dimension_scores() -> None:
    market = SimulatedMarket(None, Settings(), seed=7, truth=True)
    stop = Stop()
    seen = Seen(stop, ticks=4)
    assert not run_live(market, stop, seen), f"not within {PATIENCE_S} s"
    assert set(seen.frames) == {f"{VENUE}:{symbol}" for symbol in SYMBOLS}
    for symbol in SYMBOLS:
        frames = seen.frames[f"{VENUE}:{symbol}"]
        check_frames(frames, market.exchange.truth(VENUE, symbol))
        assert not any(frame.quality.rejects for frame in frames)
        for dimension in DIMENSIONS:
            scores = seen.scores[f"{VENUE}:{symbol}", dimension]
            assert {score.venue for score in scores} == {VENUE}
        # The feed asked for bars ahead of the first frame, so what lives on bars need not wait.
        assert seen.scores[f"{VENUE}:{symbol}", "technical"][0].score is not None


class EndingMarket(DriftingMarket):
    """Fails after some events."""

    def events(self) -> Iterator[tuple[int, Event]]:
        """Venue time and event, until it fails."""
        for count, event in enumerate(super().events()):
            if count == 100:
                raise UsageError("the source broke")
            yield event


def test_an_exchange_that_fails_ends_the_run_with_its_reason() -> None:
    market = SimulatedMarket(None, Settings(), seed=7)
    market.exchange.add("bybit", EndingMarket("BTC/USDT:USDT", start_ns=now_ns()))
    stop = Stop()
    since = time.monotonic()
    with pytest.raises(UsageError, match="the source broke"):
        run_live(market, stop, Seen(stop, ticks=1_000))
    assert time.monotonic() - since < PATIENCE_S / 2  # then, not when its time was up
    assert not market.exchange.ca_file.exists()


def test_headless_gives_the_files_of_a_replay(tmp_path: Path) -> None:
    done = prism("up", "--headless", "--duration", "20s", "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert not any(word in done.stderr for word in UNCLEAN), done.stderr
    assert "binanceusdm: ok" in done.stderr
    summary = json.loads(done.stdout)
    assert summary == summary_of(tmp_path)
    assert summary["complete"] is True
    assert summary["history_bars"] > 10_000
    assert [source["symbol"] for source in summary["sources"]] == list(SYMBOLS)
    assert set(summary["scores"]) == set(DIMENSIONS)
    assert summary["dead_letters"] == summary["alerts"] == 0
    assert set(json.loads((tmp_path / "market.json").read_text())) == {
        f"{VENUE}:{symbol}" for symbol in SYMBOLS
    }


def test_symbols_choose_and_an_unknown_one_is_told_with_the_nearest() -> None:
    done = prism("up", "--headless", "--symbols", "BTC/USD:USDT")
    assert done.returncode == 2
    assert "unknown symbol BTC/USD:USDT; the nearest known one is BTC/USDT:USDT" in done.stderr
    assert not any(word in done.stderr for word in UNCLEAN[:-1]), done.stderr


def test_ctrl_c_in_the_terminal_stops_exchange_feed_and_roles() -> None:
    with Terminal("up", rows=30, columns=150) as terminal:
        terminal.read_until(
            lambda text: (
                all(symbol in text for symbol in SYMBOLS) and f"simulated {VENUE}, seed 7" in text
            )
        )
        terminal.press(CTRL_C)
        assert terminal.read_to_end() == 0
        assert not any(word in terminal.text for word in UNCLEAN), terminal.text[-3000:]
        assert "s of market in" in terminal.text


def test_ctrl_c_before_the_first_frame_is_as_clean() -> None:
    with started("up", "--headless") as running:
        assert running.stderr is not None
        assert "binanceusdm: starting" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=30)
    assert running.returncode == 0, stderr
    assert not any(word in stderr for word in UNCLEAN), stderr


def test_a_venue_that_cannot_be_ranked_is_told_in_one_line() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        done = prism(
            "up", "--venue", VENUE, "--symbols", "top:2", "--headless",
            f"--set=feed.connect_to=127.0.0.1:{closed.getsockname()[1]}",
            f"--set=feed.ca_file={certifi.where()}",
        )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("prism: error: ExchangeNotAvailable")


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[list[str]]:
    """A simulated exchange in the place of the venues; the settings that reach it."""
    ca_file = tmp_path / "ca.pem"
    with started(
        "simulate", "--venue", "bybit", "--symbols", "BTC,ETH", "--port", "0",
        "--ca-file", ca_file, "--json",
    ) as server:  # fmt: skip
        assert server.stdout is not None
        port = json.loads(server.stdout.readline())["port"]
        yield [
            f"--set=feed.connect_to=127.0.0.1:{port}",
            f"--set=feed.ca_file={ca_file}",
            "--set=feed.history_bars=10",
        ]


def test_a_venue_is_listened_to_by_turnover_or_by_name(exchange: list[str], tmp_path: Path) -> None:
    with started(
        "up", "--venue", "bybit", "--symbols", "top:2", "--headless", "--out", tmp_path / "out",
        *exchange,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        before: list[str] = []
        while "bybit: ok" not in (line := running.stderr.readline()):
            assert line, before
            before.append(line)
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=30)
    assert running.returncode == 0, stderr
    assert not any(word in "".join(before) + stderr for word in UNCLEAN), stderr
    summary = summary_of(tmp_path / "out")
    assert [source["venue"] for source in summary["sources"]] == ["bybit", "bybit"]
    assert summary["frames"] > 0
    done = prism("up", "--venue", "bybit", "--symbols", "XRP/USDT:USDT", "--headless", *exchange)
    assert done.returncode == 2
    assert "unknown symbol XRP/USDT:USDT; the nearest known one is" in done.stderr
