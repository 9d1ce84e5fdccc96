"""Markets that hardly are one, and input that is none: every dimension stays finite and honest."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agents.dimensions import registry
from schemas.frame import NS_PER_S, Backfill, Book, Frame, Quality, Trades
from schemas.series import Series, SeriesName
from tests.support.bars import END_NS, chance_table, full_history
from tests.support.played import machine, play

every_dimension = pytest.mark.parametrize("name", sorted(registry.dimensions()))
KEY = ("generated", "TEST/USDT:USDT")
BAD = (math.nan, math.inf, -math.inf, 0.0, -1.0)


@st.composite
def hardly_markets(draw: st.DrawFn) -> list[Frame]:
    """Ticks of a flat market, with a lone trade now and then, jumps by half, torn or no books."""
    step_s = draw(st.sampled_from((1, 60, 3_600)))
    price, frames = 100_000, []
    for i in range(draw(st.integers(20, 80))):
        event = draw(st.sampled_from(("nothing", "nothing", "trade", "jump", "fall")))
        if event == "jump":
            price += price // 2
        elif event == "fall":
            price = max(price - price // 2, 10)
        at_ns = END_NS + i * step_s * NS_PER_S
        tape = Trades()
        if event != "nothing":
            qty = draw(st.sampled_from((0, 1, 10**9)))
            side = draw(st.sampled_from((1, -1)))
            tape = Trades((at_ns,), (at_ns,), (price,), (qty,), (side,), (i,), (0,))
        kind = draw(st.sampled_from(("sound", "sound", "bids", "asks", "empty", "none")))
        bids = (price - 1, price - 2) if kind in ("sound", "bids") else ()
        asks = (price + 1, price + 2) if kind in ("sound", "asks") else ()
        sizes = draw(st.sampled_from(((1, 1), (10**12, 1))))
        book = Book(i, None, bids, sizes[: len(bids)], asks, sizes[: len(asks)])
        frames.append(
            Frame(
                *KEY, 1, i + 1, at_ns, at_ns + NS_PER_S, True, 2, 3, tape,
                book=None if kind == "none" else book, quality=Quality(book_synced=kind == "sound"),
            )
        )  # fmt: skip
    return frames


def assert_sound(name: str, messages: list[Frame | Backfill | Series]) -> None:
    """Finite scores in range, contributions that sum up, coverage that says what is ready."""
    for score in play(machine(name), messages)[0]:
        ready = [part for part in score.components if part.score is not None]
        assert (score.score is None) == (not ready)
        assert (score.coverage > 0.0) == bool(ready)
        assert math.isfinite(score.fitness)
        for part in score.components:
            assert part.score is None or 0.0 <= part.score <= 100.0, part
            assert all(math.isfinite(value) for _, value in part.raw), part


@every_dimension
@settings(
    max_examples=25,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(frames=hardly_markets(), past=st.booleans())
def test_a_market_that_hardly_is_one(name: str, frames: list[Frame], past: bool) -> None:
    history = full_history(chance_table(60, 2)) if past else []
    told = [msgspec.structs.replace(h, venue=KEY[0], symbol=KEY[1]) for h in history]
    assert_sound(name, [*told, *frames])


@every_dimension
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    column=st.sampled_from(("open", "high", "low", "close", "volume", "taker_buy_volume")),
    rows=st.lists(st.integers(0, 59), min_size=1, max_size=5),
    bad=st.sampled_from(BAD),
    series=st.sampled_from(SeriesName),
)
def test_history_with_numbers_that_are_none(
    name: str, column: str, rows: list[int], bad: float, series: SeriesName
) -> None:
    told: list[Frame | Backfill | Series] = []
    for given_bars in full_history(chance_table(60, 2).assign(bought=1.0)):
        values = list(getattr(given_bars, column))
        for row in rows:
            values[row] = bad
        changed = msgspec.structs.replace(
            given_bars, venue=KEY[0], symbol=KEY[1], **{column: tuple(values)}
        )
        told.append(changed)
    at_ns = tuple(END_NS - i * 3_600 * NS_PER_S for i in (3, 2, 1))
    told.append(Series(*KEY, series, "test", END_NS, at_ns, (1.0, bad, 1.0)))
    frames = [
        Frame(
            *KEY, 1, i + 1, END_NS + i * NS_PER_S, END_NS + (i + 1) * NS_PER_S, True, 1, 0,
            Trades((END_NS + i * NS_PER_S,), (0,), (10_000 + i,), (1,), (1,), (i,), (0,)),
        )
        for i in range(5)
    ]  # fmt: skip
    assert_sound(name, [*told, *frames])
