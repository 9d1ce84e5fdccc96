"""Few messages are taken one by one; of many, what comes within the window is taken together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.patience import Patience
from schemas.frame import NS_PER_MS, NS_PER_S


def after(sizes: list[int], *, every_ms: int, window_s: float = 0.005) -> int:
    patience = Patience(window_s)
    wanted = 1
    for number, size in enumerate(sizes):
        wanted = patience.note(size, number * every_ms * NS_PER_MS)
    return wanted


def test_one_symbol_is_not_kept_waiting() -> None:
    message = 1_900
    assert after([message] * 200, every_ms=100) < message


def test_a_hundred_symbols_are_waited_for_together() -> None:
    burst = 100 * 1_900
    wanted = after([burst] * 200, every_ms=100)
    rate = burst * 10
    assert 0.9 * rate * 0.005 < wanted < 1.1 * rate * 0.005


def test_what_came_is_forgotten_in_silence() -> None:
    patience = Patience(0.005)
    patience.note(10_000_000, 0)
    assert patience.note(0, 60 * NS_PER_S) == 1


@given(st.lists(st.integers(0, 1 << 22), max_size=50), st.integers(0, 1_000))
def test_it_always_waits_for_something(sizes: list[int], every_ms: int) -> None:
    assert after(sizes, every_ms=every_ms) >= 1
