"""Raw recording to encoded frames: how many times real time, and does memory stay flat.

Run it alone with ``python -m tests.bench.frames``.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from pathlib import Path

from rich.console import Console

from schemas.codec import encode
from schemas.frame import NS_PER_S
from schemas.settings import FramesSettings
from streams.recordings import sources_from
from tests.bench.report import Row, table_of
from tests.golden.sources import golden_paths
from tests.support.needs import market_data_dir

TARGET = 200.0
"""Times real time, on one core, decompression and encoding included, as the project asks for."""
REPEATS = 5
QUARTER_DAY_NS = 6 * 3600 * NS_PER_S
MAX_GROWTH_MIB = 4.0
"""What counts as flat: allocator noise, not state; a day's frames are 120 MB."""
KIB_PER_MIB = 1024


def main() -> list[Row]:
    """Speed over BTC USD-M, memory over the NEXO day; empty without market data."""
    market_data = market_data_dir()
    if not (market_data / "recordings").is_dir():
        return []
    rows = speed(golden_paths(market_data, "BTC_usdm_20240808"))
    # A process of its own, so that the peaks are those of this job.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        quarter, end = pool.apply(peak_memory_mib, (golden_paths(market_data, "NEXO_spot_23_24"),))
    return [
        *rows,
        Row("peak memory, whole NEXO day", end, "MiB"),
        Row("growth of the peak, 25% to 100%", end - quarter, "MiB", MAX_GROWTH_MIB, at_most=True),
    ]


def speed(paths: list[Path]) -> list[Row]:
    """Best of some passes, by CPU time: the cores are shared."""
    best_s = float("inf")
    for _ in range(REPEATS):
        started_s = time.process_time()
        (recording,) = sources_from(paths)
        frames = size = 0
        for frame in recording.frames(FramesSettings()):
            size += len(encode(frame))
            frames += 1
        best_s = min(best_s, time.process_time() - started_s)
    stats = recording.stats
    return [
        Row("raw BTC USD-M to frames", stats.seconds / best_s, "x real time", TARGET),
        Row("lines read", stats.lines / best_s, "lines/s"),
        Row("frames made", frames / best_s, "frames/s"),
        Row("bytes of a frame, mean", size / frames, "B"),
    ]


def peak_memory_mib(paths: list[Path]) -> tuple[float, float]:
    """Peak resident memory of this process after a quarter of a day, and at its end."""
    (recording,) = sources_from(paths)
    first_ns = None
    quarter_kib = None
    for frame in recording.frames(FramesSettings()):
        encode(frame)
        first_ns = frame.close_ns if first_ns is None else first_ns
        if quarter_kib is None and frame.close_ns - first_ns >= QUARTER_DAY_NS:
            quarter_kib = _peak_kib()
    assert quarter_kib is not None, "the recording is shorter than a quarter of a day"
    return quarter_kib / KIB_PER_MIB, _peak_kib() / KIB_PER_MIB


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    Console().print(table_of(("frames", row) for row in main()))
