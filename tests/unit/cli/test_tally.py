"""The tally: counts and digests of a run, and how they are told."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from cli.report import report
from cli.tally import DIGESTED, Tally
from schemas.digest import digest
from schemas.frame import NS_PER_S, Backfill
from schemas.health import DeadLetter
from schemas.series import Series, SeriesName
from schemas.signal import SignalKind
from schemas.topics import DEAD_LETTERS, DIMENSION_SCORES, FRAMES, SIGNALS, TOPICS
from tests.support.messages import SYMBOL, VENUE, frame_at, score_of, signal_of


def test_everything_is_counted_by_what_it_is() -> None:
    tally = Tally()
    for second in (1, 2, 3):
        frame = frame_at(second * NS_PER_S, is_tick=second > 1, seq=second)
        tally.add(FRAMES, frame)
    tally.add(DIMENSION_SCORES, score_of("orderflow", 50.0))
    tally.add(DIMENSION_SCORES, score_of("orderflow", None, tick_s=2))
    tally.add(DIMENSION_SCORES, score_of("orderbook", 50.0, tick_s=2))
    tally.add(SIGNALS, signal_of(SignalKind.SHORT))
    tally.add(DEAD_LETTERS, DeadLetter("f", "malformed", "", b""))
    summary = tally.summary()
    assert summary["frames"] == 3
    assert summary["ticks"] == 2
    assert summary["scores"] == {"orderbook": 1, "orderflow": 2}
    assert summary["signals"] == 1
    assert summary["signals_by_side"] == {"long": 0, "short": 1, "exit": 0}
    assert summary["dead_letters"] == 1
    assert summary["dead_letters_by_reason"] == {"malformed": 1}
    assert summary["data_seconds"] == pytest.approx(2.1)


def test_history_and_series_are_told_apart_from_frames(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    one = (1.0, 2.0)
    times = (0, 60 * NS_PER_S)
    minute, known = 60 * NS_PER_S, 120 * NS_PER_S
    bars = Backfill(VENUE, SYMBOL, "f", known, minute, times, one, one, one, one, one)
    tally.add(FRAMES, bars)
    tally.add(FRAMES, Series(VENUE, SYMBOL, SeriesName.NEWS, "f", 120 * NS_PER_S, times, one))
    tally.add(FRAMES, frame_at(180 * NS_PER_S))
    summary = {**tally.summary(), "wall_seconds": 0.5, "speed": 0.2}
    assert (summary["frames"], summary["ticks"], summary["history_bars"]) == (1, 1, 2)
    assert summary["series_values"] == {"news": 2}
    assert summary["data_seconds"] == pytest.approx(0.1)
    report(summary, out=None, as_json=False, quiet=False)
    assert "history  2 bars, news 2\n" in capsys.readouterr().out


def test_an_empty_run_has_zeros_and_the_digest_of_nothing() -> None:
    summary = Tally().summary()
    assert summary["frames"] == summary["signals"] == 0
    assert summary["data_seconds"] == 0.0
    assert set(summary["digests"].values()) == {sha256(b"").hexdigest()}


def test_digests_are_those_of_the_messages() -> None:
    tally = Tally()
    scores = [score_of("orderflow", 50.0), score_of("orderbook", 51.0)]
    for score in scores:
        tally.add(DIMENSION_SCORES, score)
    assert tally.summary()["digests"][DIMENSION_SCORES.name] == digest([*scores])


def test_every_digested_topic_is_in_the_table_of_topics_and_can_be_sorted() -> None:
    for topic in DIGESTED:
        assert topic in TOPICS
        fields = {name for type_ in topic.types for name in dir(type_)}
        assert {"venue", "symbol"} <= fields


def test_what_could_not_be_used_is_told_with_reasons_and_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tally = Tally()
    for reason in ("truncated", "malformed", "malformed"):
        tally.add(DEAD_LETTERS, DeadLetter("f", reason, "", b""))
    summary = {**tally.summary(), "wall_seconds": 1.0, "speed": 1.0}
    report(summary, out=Path("runs"), as_json=False, quiet=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "prism: warning: 3 inputs could not be used (malformed 2, truncated 1); "
        f"see {Path('runs') / 'dead_letters.jsonl'}\n"
    )
    report(summary, out=None, as_json=False, quiet=True)
    assert "--out" in capsys.readouterr().err


def test_a_clean_run_is_told_on_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    tally.add(FRAMES, frame_at(NS_PER_S))
    summary = {**tally.summary(), "wall_seconds": 0.5, "speed": 0.2}
    report(summary, out=None, as_json=False, quiet=False)
    told = capsys.readouterr()
    assert told.err == ""
    assert "frames   1 (1 ticks)" in told.out
