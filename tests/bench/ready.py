"""All six dimensions, every one ready on every timeframe, and the join: what the project asks for.

The market is the BTC USD-M recording in a loop. A recording of six minutes makes no bars of 4h and
has no derivatives, so it is given what a feed would give: a month of klines as history (those of
2025-05, shifted in time and price to end where the recording begins), series, and derivatives by
chance in its frames. Every figure is processor time of one thread and of one run, with its memory
in huge pages as the roles keep it.

Run it alone with ``python -m tests.bench.ready`` after ``make compiled``; it says whether it ran as
machine code.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import pandas as pd
from rich.console import Console

from agents.confluence.join import Join, JoinState
from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine, SymbolState, mid_price
from agents.pipeline import Pipeline
from agents.runtime import huge_pages
from schemas.codec import encode
from schemas.frame import NS_PER_S, Backfill, Derivatives, Frame, Known
from schemas.score import DIMENSIONS, DimensionScore
from schemas.series import Series, SeriesName
from schemas.settings import Settings, settings_from
from streams.recordings import sources_from
from tests.bench.fresh import decoded
from tests.bench.report import Row, table_of
from tests.bench.runtime_market import looped
from tests.golden.sources import golden_paths
from tests.support.bars import MINUTE_NS, backfill, kline_table, with_takers
from tests.support.batch import resampled
from tests.support.needs import market_data_dir

ROUNDS = 3
"""How often the recording is played: some bars of 1m, 5m and 15m close on the way."""
REPEATS = 3

TICK_US = 600.0
FRAME_US = 60.0
TIMES = 500.0
STATE_BYTES = 256_000

M = TypeVar("M", Backfill, Series)
History = list[Backfill | Series]


def main() -> list[Row]:
    """The figures at ticks of 1 s, and the speed at ticks of 100 ms; empty without market data."""
    market_data = market_data_dir()
    if not (market_data / "recordings").is_dir():
        return []
    settings = settings_from({"dimensions": {"enabled": DIMENSIONS}})
    frames = market(market_data, settings)
    history = history_before(market_data, frames)
    return [
        *costs(settings, history, frames),
        *speed(settings, history, frames, ticks="1 s", target=TIMES),
        *speed(settings, history, every_frame_a_tick(frames), ticks="100 ms", target=None),
    ]


def market(market_data: Path, settings: Settings) -> list[Frame]:
    """The recording's frames in a loop, with the derivatives that a venue would tell."""
    (recording,) = sources_from(golden_paths(market_data, "BTC_usdm_20240808"))
    once = list(recording.frames(settings.frames))
    rng = random.Random(1)
    found = []
    interest, log_ratio, premium, funding = 80_000.0, 0.0, 0.0, 1e-4
    told = Derivatives()
    for i, frame in enumerate(looped(once, ROUNDS * len(once))):
        if i % 30 == 0:  # venues tell them every few seconds
            interest += rng.gauss(0.0, 20.0)
            log_ratio = 0.99 * log_ratio + rng.gauss(0.0, 0.01)
            premium = 0.95 * premium + rng.gauss(0.0, 2.0)
            funding = 0.99 * funding + rng.gauss(0.0, 1e-5)
            index = round((mid_price(frame) or 60_000.0) * 10)
            told = Derivatives(
                mark_price=_known(index + premium, 1, frame),
                index_price=_known(index, 1, frame),
                funding_rate=_known(funding * 1e8, 8, frame),
                next_funding_ns=frame.close_ns + 3_600 * NS_PER_S,
                open_interest=_known(interest * 1e3, 3, frame),
                long_short_ratio=_known(1e4 * math.exp(log_ratio), 4, frame),
            )
        found.append(msgspec.structs.replace(frame, derivatives=told))
    return found


def every_frame_a_tick(frames: Sequence[Frame]) -> list[Frame]:
    """The same market scored on every frame."""
    return [msgspec.structs.replace(frame, is_tick=True) for frame in frames]


def history_before(market_data: Path, frames: Sequence[Frame]) -> History:
    """A month of bars that ends where the frames begin, at their price, and a week of series."""
    table = kline_table(market_data, "BTC_USDT_USDT-1m")
    first = frames[0]
    price = next(mid for frame in frames if (mid := mid_price(frame)) is not None)
    ratio = price / float(table["close"].iloc[-1])
    prices = {name: (table[name] * ratio).round(1) for name in ("open", "high", "low", "close")}
    table = with_takers(table.assign(**prices), 5)
    found: History = []
    for minutes in (240, 15, 5, 1):
        bars = resampled(table, minutes).tail(2_000)
        period_ns = minutes * MINUTE_NS
        end_ns = first.open_ns - first.open_ns % period_ns
        opened = tuple(end_ns - (len(bars) - i) * period_ns for i in range(len(bars)))
        bars = pd.DataFrame(bars)
        given = backfill(bars, opened, period_ns=period_ns, known_ns=first.open_ns)
        found.append(_addressed(given, first))
    return found + [_addressed(series, first) for series in _series(first.open_ns)]


def costs(settings: Settings, history: History, frames: Sequence[Frame]) -> Iterator[Row]:
    """Time per frame without a tick, per tick with the join, and the size of the states.

    Of each frame the best of some passes counts: what it costs does not change, what the machine
    does beside it does. The machines step frame by frame, as they do in a worker, all six on each.
    """
    machines = [DimensionMachine(registry.create(name, {})) for name in sorted(DIMENSIONS)]
    bodies = [encode(frame) for frame in frames]
    best = [sys.maxsize] * len(frames)
    for _ in range(REPEATS):
        frames = decoded(bodies)
        join, joined = Join(settings), JoinState()
        states = [_warm(machine, history) for machine in machines]
        unready = 0
        clock = time.process_time_ns
        gc.collect()
        huge_pages.collapse()
        gc.disable()
        for at, frame in enumerate(frames):
            started = clock()
            scores = [m.step(state, frame) for m, state in zip(machines, states, strict=True)]
            for score in scores:
                if score is not None:
                    join.step(joined, score)
            best[at] = min(best[at], clock() - started)
            unready += any(isinstance(s, DimensionScore) and not s.ready for s in scores)
        gc.enable()
    tick_ns = [cost for cost, frame in zip(best, frames, strict=True) if frame.is_tick]
    plain_ns = [cost for cost, frame in zip(best, frames, strict=True) if not frame.is_tick]
    size = [len(m.encode(state)) for m, state in zip(machines, states, strict=True)]
    by_rank = statistics.quantiles(tick_ns, n=100)
    yield Row(
        "tick of six and the join, mean", statistics.fmean(tick_ns) / 1e3, "µs", TICK_US, True
    )
    yield Row("tick of six and the join, median", by_rank[49] / 1e3, "µs")
    yield Row("tick of six and the join, p95", by_rank[94] / 1e3, "µs", TICK_US, True)
    yield Row("tick of six and the join, worst", max(tick_ns) / 1e3, "µs")
    yield Row("frame without a tick, mean", statistics.fmean(plain_ns) / 1e3, "µs", FRAME_US, True)
    yield Row("ticks", len(tick_ns), "")
    yield Row("of them not all six ready", unready, "", 60, True)
    yield Row("state of six", sum(size), "B", STATE_BYTES, True)
    for machine, mine in zip(machines, size, strict=True):
        yield Row(f"state of {machine.name}", mine, "B")


def speed(
    settings: Settings,
    history: History,
    frames: Sequence[Frame],
    *,
    ticks: str,
    target: float | None,
) -> Iterator[Row]:
    """Real time over processor time of the whole pipeline: six, join and paper account."""
    market_s = (frames[-1].close_ns - frames[0].open_ns) / NS_PER_S
    bodies = [encode(frame) for frame in frames]

    def replay() -> Callable[[], None]:
        pipeline, given = Pipeline(settings), decoded(bodies)
        for message in history:
            pipeline.process(message)
        huge_pages.collapse()

        def work() -> None:
            for frame in given:
                pipeline.process(frame)

        return work

    best_s = min(_timed(replay()) for _ in range(REPEATS))
    decode_s = min(_timed(lambda: decoded(bodies)) for _ in range(REPEATS))
    yield Row(f"replay at ticks of {ticks}", market_s / best_s, "x real time", target)
    yield Row("the same with decoding", market_s / (best_s + decode_s), "x real time", target)


def _timed(work: Callable[[], object]) -> float:
    gc.collect()
    start_s = time.process_time()
    work()
    return time.process_time() - start_s


def _warm(machine: DimensionMachine, history: History) -> SymbolState:
    state = machine.initial()
    for message in history:
        if isinstance(message, Backfill):
            machine.backfill(state, message)
        else:
            machine.learn(state, message)
    return state


def _addressed(message: M, first: Frame) -> M:
    return msgspec.structs.replace(message, venue=first.venue, symbol=first.symbol)


def _known(value: float, exponent: int, frame: Frame) -> Known:
    return Known(round(value), exponent, frame.close_ns)


def _series(end_ns: int) -> Iterator[Series]:
    """What venues and others tell beside the tape, by chance."""
    rng = random.Random(2)
    hour_ns = 3_600 * NS_PER_S
    means: tuple[tuple[SeriesName, float, Callable[[], float]], ...] = (
        (SeriesName.FUNDING_RATE, 8.0, lambda: rng.gauss(1e-4, 5e-5)),
        (SeriesName.OPEN_INTEREST, 1.0, lambda: rng.gauss(80_000.0, 500.0)),
        (SeriesName.LONG_SHORT_RATIO, 1.0, lambda: math.exp(rng.gauss(0.0, 0.1))),
        (SeriesName.FEAR_GREED, 24.0, lambda: float(rng.randrange(20, 80))),
        (SeriesName.NEWS, 6.0, lambda: rng.uniform(-1.0, 1.0)),
        (SeriesName.SOCIAL, 6.0, lambda: rng.uniform(-1.0, 1.0)),
        (SeriesName.LONG_LIQUIDATIONS, 1.0, lambda: rng.expovariate(1e-6)),
        (SeriesName.SHORT_LIQUIDATIONS, 1.0, lambda: rng.expovariate(1e-6)),
    )
    for name, hours, draw in means:
        count = int(168 / hours)
        at_ns = tuple(end_ns - int((count - i) * hours * hour_ns) for i in range(count))
        yield Series("", "", name, "chance", end_ns, at_ns, tuple(draw() for _ in range(count)))


if __name__ == "__main__":
    Console().print(table_of(("ready", row) for row in main()))
