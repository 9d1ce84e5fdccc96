"""Intervals end on time, by a clock that the test holds."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas.frame import NS_PER_MS, NS_PER_S
from streams.feed.closes import closes

INTERVAL_NS = 100 * NS_PER_MS


class Timer:
    """Sleeps that end earlier or later than asked for; each look at the time takes some of it."""

    def __init__(self, off_us: list[int]) -> None:
        self.ns = 1_700_000_000 * NS_PER_S + 1
        self._off_us = off_us

    def clock(self) -> int:
        self.ns += 1_000
        return self.ns

    async def sleep(self, seconds: float) -> None:
        off_us = self._off_us.pop() if self._off_us else 0
        self.ns += max(round(seconds * NS_PER_S) + off_us * 1_000, 1_000)


def told(off_us: list[int], busy_ms: list[int]) -> list[tuple[int, int]]:
    """Each close and when it was told; ``busy_ms`` is how long was worked behind each."""

    async def listen() -> list[tuple[int, int]]:
        timer = Timer(off_us)
        found = []
        ends = closes(INTERVAL_NS, clock=timer.clock, sleep=timer.sleep)
        for busy in busy_ms:
            close_ns = await anext(ends)
            found.append((close_ns, timer.ns))
            timer.ns += busy * NS_PER_MS
        await ends.aclose()
        return found

    return asyncio.run(listen())


def test_a_timer_that_wakes_early_costs_no_interval() -> None:
    found = told([-80] * 9, [0] * 10)
    assert all(0 <= at_ns - close_ns < NS_PER_MS for close_ns, at_ns in found)
    assert all(b - a == INTERVAL_NS for (a, _), (b, _) in pairwise(found))


@given(
    st.lists(st.integers(-1_000, 250_000), max_size=12),
    st.lists(st.integers(0, 350), min_size=2, max_size=8),
)
def test_no_close_is_told_early_or_twice_and_late_ones_at_once(
    off_us: list[int], busy_ms: list[int]
) -> None:
    found = told(off_us, busy_ms)
    for close_ns, at_ns in found:
        assert close_ns % INTERVAL_NS == 0
        assert close_ns <= at_ns
    for (before_ns, at_ns), (close_ns, _), busy in zip(found, found[1:], busy_ms, strict=False):
        done_ns = at_ns + busy * NS_PER_MS
        assert close_ns > before_ns
        # The first that had not been told, or the latest that had ended by then.
        latest_ns = (done_ns + NS_PER_MS) // INTERVAL_NS * INTERVAL_NS
        assert close_ns <= max(before_ns + INTERVAL_NS, latest_ns)
