"""What execution algorithms cost on recorded markets, against one market order of the same size.

Run it alone: ``python -m tests.bench.algorithms [FRAMES]`` prints the tables of docs/algorithms.md
in Markdown. Nothing is timed: the same recordings give the same figures on any machine. It takes
some minutes, so ``python -m tests.bench`` leaves it out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from agents.execution.parents.aim import by_weights
from agents.execution.parents.curve import VolumeCurve
from agents.execution.parents.quality import nearest_rank, summaries
from agents.execution.parents.registry import algorithms
from schemas.execution_quality import ExecutionQuality
from schemas.frame import NS_PER_S, Frame, Instrument, Side
from schemas.money import CONTEXT, decimal_of, floor_to_step
from schemas.settings import Settings
from streams.recordings import sources_from
from tests.golden.sources import golden_paths
from tests.support.needs import market_data_dir
from tests.support.trial import Trial, Worked, rules_of, run_trial, settings_of, usual_volume

SHARES = (Decimal("0.01"), Decimal("0.05"), Decimal("0.25"))
"""Sizes: of what the market usually trades within the horizon."""

BUCKET_NS = 900 * NS_PER_S


class Market(NamedTuple):
    """A recording, and how orders are tried on it."""

    title: str
    golden: str
    horizon_s: int
    slice_s: int
    every: int
    """Frames between two orders' decisions; each is tried to buy and to sell."""
    least: Decimal


MARKETS = (
    Market("BTC/USDT perpetual, 2024-08-08", "BTC_usdm_20240808", 60, 5, 100, Decimal(100)),
    Market("ETH/USDT perpetual, 2024-08-08", "ETH_usdm_20240808", 60, 5, 100, Decimal(20)),
    Market("BTC/USDT spot, 2024-08-08", "BTC_spot_20240808", 60, 5, 200, Decimal(5)),
    Market("NEXO/USDT spot, 2024-07-23/24", "NEXO_spot_23_24", 600, 30, 3_000, Decimal(5)),
)


def trials(
    frames: Sequence[Frame], market: Market, qty: Decimal, *, venue: str | None = None
) -> Iterator[Trial]:
    """Orders all over a recording, where there is a book and time enough; at one of its venues."""
    end_ns = frames[-1].close_ns - (market.horizon_s + 5) * NS_PER_S
    own = [n for n, frame in enumerate(frames) if venue in {None, frame.venue}]
    for start in own[100 :: market.every]:
        frame = frames[start]
        if frame.close_ns < end_ns and frame.book is not None and frame.book.bid_price:
            for side in Side:
                yield Trial(start, side, qty)


def cell(records: list[Worked], baseline: list[Worked]) -> str:
    """One cell: median and p95 of the shortfall, what was saved, and how much was filled."""
    (one,) = summaries(record.whole for record in records)
    saved = [
        CONTEXT.subtract(b.whole.shortfall_bps or Decimal(0), r.whole.shortfall_bps or Decimal(0))
        for r, b in zip(records, baseline, strict=True)
    ]
    middle = nearest_rank(saved, Decimal("0.5"))
    return f"{one.median_bps:.1f} / {one.p95_bps:.1f} / {middle:+.1f} / {one.fill_rate:.0%}"


def table(frames: Sequence[Frame], market: Market) -> Iterator[str]:
    """The lines of one market."""
    horizon = {"horizon_s": market.horizon_s, "slice_s": market.slice_s}
    volume = usual_volume(frames, settings_of("market", **horizon).algorithms)
    rules = rules_of(frames, least=market.least)
    sizes = [
        list(trials(frames, market, floor_to_step(CONTEXT.multiply(volume, share), rules.qty_step)))
        for share in SHARES
    ]
    plain = settings_of("market", **horizon)
    baselines = [worked(frames, chosen, plain, rules) for chosen in sizes]
    heads = heads_of(baselines)
    yield (
        f"\n**{market.title}**: horizon {market.horizon_s} s, slices of {market.slice_s} s, "
        f"{len(sizes[0])} orders a cell\n\n| | {' | '.join(heads)} | maker | children |\n"
        f"|---{'|---' * len(heads)}|---|---|"
    )
    names = [name for name in sorted(algorithms()) if name != "market"]
    for name in ["market", *names]:
        found = [worked(frames, chosen, settings_of(name, **horizon), rules) for chosen in sizes]
        cells = [cell(mine, base) for mine, base in zip(found, baselines, strict=True)]
        (middle,) = summaries(record.whole for record in found[1])
        children = sum(record.whole.children for record in found[1]) / len(found[1])  # ints
        yield f"| `{name}` | {' | '.join(cells)} | {middle.maker_share:.0%} | {children:.1f} |"


def heads_of(baselines: Sequence[Sequence[Worked]]) -> list[str]:
    """Columns of a table: each size as a share of what trades, and in money."""
    return [
        f"{share:.0%}: {notional_of(base[0].whole):,.0f} USDT"
        for share, base in zip(SHARES, baselines, strict=True)
    ]


def worked(
    frames: Sequence[Frame], chosen: Sequence[Trial], settings: Settings, *rules: Instrument
) -> list[Worked]:
    """What each order cost."""
    found = [run_trial(frames, trial, settings, *rules) for trial in chosen]
    assert None not in found, "a trial did not end within the recording"
    return [record for record in found if record is not None]


def notional_of(record: ExecutionQuality) -> Decimal:
    """Size of an order at the mid of its decision."""
    return CONTEXT.multiply(record.qty, record.arrival_mid or Decimal(0))


def curve_table(folder: Path) -> Iterator[str]:
    """How near the schedule of VWAP comes to what was traded, over a month of five-minute bars.

    For every hour of the days from the eighth on: the largest distance between the share of the
    horizon's volume that is scheduled by a quarter of an hour and the share that was traded by
    then.
    """
    yield "\n| perpetual, 2025-05 | horizon | windows | even: median | p95 | curve: median | p95 |"
    yield "|---|---|---|---|---|---|---|"
    for coin in ("BTC", "ETH", "SOL"):
        bars = pd.read_feather(folder / f"klines-2025-05/{coin}_USDT_USDT-5m-futures.feather")
        opens = [int(at.timestamp()) // 900 for at in bars["date"]]
        traded: dict[int, Decimal] = {}
        for number, volume in zip(opens, bars["volume"], strict=True):
            traded[number] = traded.get(number, Decimal(0)) + decimal_of(float(volume))
        for hours in (4, 24):
            even, curve = distances(traded, hours * 4)
            ranks = [
                f"{nearest_rank(found, Decimal(share)):.3f}"
                for found in (even, curve)
                for share in ("0.5", "0.95")
            ]
            yield f"| {coin}/USDT | {hours} h | {len(even)} | {' | '.join(ranks)} |"


def distances(traded: dict[int, Decimal], buckets: int) -> tuple[list[Decimal], list[Decimal]]:
    """Of an even schedule and of that by the curve, for every window."""
    curve, even, learnt = VolumeCurve(), list[Decimal](), list[Decimal]()
    first = min(traded)
    for number in sorted(traded):
        window = range(number, number + buckets)
        if number % 4 == 0 and number >= first + 7 * 96 and window[-1] in traded:
            actual = [traded[n] for n in window]
            weights = curve.weights([n * BUCKET_NS for n in window], BUCKET_NS)
            assert weights is not None
            even.append(distance([Decimal(1)] * buckets, actual))
            learnt.append(distance(weights, actual))
        curve.observe(number * BUCKET_NS + 1, traded[number], BUCKET_NS)
    return even, learnt


def distance(weights: Sequence[Decimal], actual: Sequence[Decimal]) -> Decimal:
    """Largest distance of the two cumulative shares."""
    unit, step = Decimal(1), Decimal("0.000001")
    planned, traded = by_weights(unit, weights, step), by_weights(unit, actual, step)
    return max(abs(a - b) for a, b in zip(planned, traded, strict=True))


def main_(most: int | None) -> None:
    """Print every table."""
    folder = market_data_dir()
    for line in curve_table(folder):
        print(line)
    for market in MARKETS:
        (first, *_) = sources_from(golden_paths(folder, market.golden))
        frames = list(islice(first.frames(Settings().frames), most))
        for line in table(frames, market):
            print(line, flush=True)


if __name__ == "__main__":
    main_(int(sys.argv[1]) if len(sys.argv) > 1 else None)
