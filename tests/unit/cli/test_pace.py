"""Pacing: durations and speeds as people write them, and when a frame is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.pace import Pacer, parse_duration_s, parse_speed
from schemas.errors import UsageError
from schemas.frame import NS_PER_S


@pytest.mark.parametrize(
    ("text", "seconds"), [("20s", 20.0), ("5m", 300.0), ("1h", 3600.0), ("1.5m", 90.0), ("0s", 0)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "20", "s", "-5s", "5 days", "1e3s", "nans"])
def test_other_durations_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="20s, 5m or 1h"):
        parse_duration_s(text)


def test_speeds_are_read() -> None:
    assert parse_speed("1x") == 1.0
    assert parse_speed("0.5x") == 0.5
    assert parse_speed("max") is None


@pytest.mark.parametrize("text", ["", "x", "0x", "20", "-1x", "fast"])
def test_other_speeds_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="1x, 20x or max"):
        parse_speed(text)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.sampled_from([0.5, 1.0, 20.0]))
def test_market_time_runs_at_speed_times_wall_time(
    market_ns: int, wall_ns: int, speed: float
) -> None:
    pacer = Pacer(speed)
    assert pacer.wait_s(5 * NS_PER_S, now_ns=77) == 0.0
    wait_s = pacer.wait_s(5 * NS_PER_S + market_ns, now_ns=77 + wall_ns)
    assert wait_s == pytest.approx((market_ns / speed - wall_ns) / NS_PER_S, abs=1e-6)


def test_the_market_time_ahead_is_not_waited_for_and_the_clock_starts_behind_it() -> None:
    pacer = Pacer(1.0, ahead_s=60)
    start_ns, market_ns = 1_000, 9_000 * NS_PER_S
    assert pacer.wait_s(market_ns, now_ns=start_ns) == 0.0
    assert pacer.wait_s(market_ns + 59 * NS_PER_S, now_ns=start_ns + 5) == 0.0
    later_ns = start_ns + 3 * NS_PER_S
    assert pacer.wait_s(market_ns + 60 * NS_PER_S, now_ns=later_ns) == 0.0
    assert pacer.wait_s(market_ns + 61 * NS_PER_S, now_ns=later_ns) == pytest.approx(1.0)


def test_without_a_speed_nothing_waits() -> None:
    pacer = Pacer(None)
    assert pacer.wait_s(0, now_ns=0) == 0.0
    assert pacer.wait_s(10**18, now_ns=0) == 0.0
