"""The roles on Faust over Kafka: frames per second, frame close to signal, recovery after a kill.

Run it alone with ``python -m tests.bench.runtime``. Both roles share one core; Kafka, the publisher
and the reader share another. Latency is the time from handing a frame to the producer to a reader
having the tick's record. What was tried, and what each gave: ADR 0004.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from rich.console import Console

from agents.pipeline import Pipeline
from schemas.frame import NS_PER_S, Frame
from schemas.settings import Settings, settings_from
from schemas.topics import CONFLUENCE_SCORES, FILLS, ORDERS, SIGNALS, Topic
from streams.publish import FramePublisher
from streams.recordings import sources_from
from tests.bench.report import Row, table_of
from tests.bench.round_trip import round_trips
from tests.bench.runtime_market import Crowd, looped
from tests.bench.runtime_rig import ROLES_CORE, Arrivals, Rig, reached
from tests.support.kafka_home import KafkaUnavailable, kafka_home
from tests.support.needs import market_data_dir

FRAMES_PER_S = 2_000.0
P50_MS, P99_MS = 8.0, 25.0
RECOVERY_S = 5.0
"""What the project asks for; of latencies, for those of signals. Scores are told beside them."""

FRAMES = 16_000
SYMBOLS = 100
SETTLING_S, LISTENING_S = 20, 30
PARTITIONS = (8, 2)
"""As set by default; and as few as one worker needs, since each in a request costs the broker."""
MAKING_S = 0.03
_EAGER: dict[str, object] = {
    "long_threshold": 51.0,
    "short_threshold": 49.0,
    "hysteresis": 0.0,
    "cooldown_s": 0.0,
}
_prefixes = (f"bench{n}." for n in itertools.count())


def main() -> list[Row]:
    """All three measurements; none where Kafka or market data cannot be had."""
    source = market_data_dir() / "recordings/btc-eth-20240808/usdm/btcusdt_20240808.gz"
    if not source.exists():
        return []
    try:
        kafka_home()
    except KafkaUnavailable as error:
        Console().print(f"runtime: not measured: {error}", style="yellow")
        return []
    (recording,) = sources_from([source])
    frames = list(recording.frames(Settings().frames))
    with tempfile.TemporaryDirectory(prefix="prism-bench-") as folder, Rig(Path(folder)) as rig:
        rows = list(round_trips(ROLES_CORE)) if rig.pinned else []
        rows += uvloop.run(_throughput(rig, frames))
        rig.stop_roles()
        for partitions in PARTITIONS:
            rows += uvloop.run(_crowd(rig, frames, partitions))
            rig.stop_roles()
        return rows


def _settings(
    rig: Rig, symbols: Sequence[str], *, partitions: int = PARTITIONS[0]
) -> tuple[Settings, list[str]]:
    """Settings, and the options that give them to a role."""
    broker: dict[str, object] = {
        "url": rig.url, "partitions": partitions, "topic_prefix": next(_prefixes),
    }  # fmt: skip
    runtime: dict[str, object] = {"symbols": list(symbols), "instance": "bench"}
    values: dict[str, dict[str, object]] = {
        "broker": broker, "runtime": runtime, "signals": _EAGER,
        "dimensions": {"enabled": ["orderbook", "orderflow"]},
        # The publisher shares the broker's core.
        "feed": {"head_start_ms": 30},
    }  # fmt: skip
    options = [f"{section}.{k}={v}" for section, part in values.items() for k, v in part.items()]
    return settings_from(values), options


async def _throughput(rig: Rig, recorded: Sequence[Frame]) -> list[Row]:
    """How fast a full log is worked off, from a first part to the last output."""
    settings, options = _settings(rig, [recorded[0].key])
    frames = list(looped(recorded, FRAMES))
    first, last = _marks(frames, settings)
    log = await rig.prepare(settings)
    publisher = FramePublisher(log, settings)
    for role in ("worker", "execution"):
        rig.start(role, options)
    for frame in frames[: first.frames]:
        await publisher.publish(frame)
    await publisher.settle()
    await rig.until(lambda: reached(log, settings, first.counts))
    rig.hold(still=True)
    for frame in frames[first.frames : last.frames]:
        await publisher.publish(frame)
    await publisher.settle()
    before, started_s = rig.cpu_s(), time.monotonic()
    rig.hold(still=False)
    await rig.until(lambda: reached(log, settings, last.counts))
    took_s, after = time.monotonic() - started_s, rig.cpu_s()
    await log.close()
    count = last.frames - first.frames
    cpu = [
        Row(f"{role}: CPU per frame", (after[role] - before[role]) / count * 1e6, "µs")
        for role in before
    ]
    return [Row("dimensions, join, account", count / took_s, "frames/s", FRAMES_PER_S), *cpu]


@dataclass(frozen=True)
class _Mark:
    """A number of frames, and what the topics hold when the last of them is worked off."""

    frames: int
    counts: dict[Topic, int]


def _marks(frames: Sequence[Frame], settings: Settings) -> tuple[_Mark, _Mark]:
    """The first account output after the warm-up, and the last one of all."""
    counts = dict.fromkeys((CONFLUENCE_SCORES, ORDERS, FILLS), 0)
    pipeline = Pipeline(settings)
    marks = []
    for number, frame in enumerate(frames, 1):
        topics = [topic for topic, _ in pipeline.process(frame) if topic in counts]
        for topic in topics:
            counts[topic] += 1
        if ORDERS in topics:
            marks.append(_Mark(number, dict(counts)))
    return next(mark for mark in marks if mark.frames > FRAMES // 8), marks[-1]


@dataclass
class _Latencies:
    """Milliseconds from publication to arrival, by topic, of frames that are ticks."""

    published_s: dict[tuple[str, int], float] = field(default_factory=dict)
    of: dict[Topic, list[float]] = field(default_factory=dict)
    newest_ns: int = 0

    def __post_init__(self) -> None:
        self._decoders = {topic: topic.decoder() for topic in (CONFLUENCE_SCORES, SIGNALS)}
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.of = {topic: [] for topic in self._decoders}

    def arrived(self, topic: Topic, body: bytes, now_s: float) -> None:
        """Note a record."""
        message = self._decoders[topic].decode(body)
        self.newest_ns = max(self.newest_ns, message.tick_ns)
        published_s = self.published_s.get((message.symbol, message.tick_ns))
        if published_s is not None:
            self.of[topic].append((now_s - published_s) * 1e3)


async def _crowd(rig: Rig, recorded: Sequence[Frame], partitions: int) -> list[Row]:
    """A hundred symbols in real time: latencies, then a kill of the worker."""
    by = f"{partitions} partitions: "
    symbols = [f"S{number:02}/USDT:USDT" for number in range(SYMBOLS)]
    keys = [f"{recorded[0].venue}:{symbol}" for symbol in symbols]
    settings, options = _settings(rig, keys, partitions=partitions)
    log = await rig.prepare(settings)
    for role in ("worker", "execution"):
        rig.start(role, options)
    seen = _Latencies()
    arrivals = Arrivals(rig.url, settings, (CONFLUENCE_SCORES, SIGNALS))
    await arrivals.start(seen.arrived)
    interval_ns = settings.frames.interval_ns
    crowd = Crowd(
        recorded,
        symbols=symbols,
        start_ns=time.time_ns() // NS_PER_S * NS_PER_S,
        settings=settings.frames,
    )
    playing = asyncio.create_task(
        _play(crowd, FramePublisher(log, settings), seen, interval_s=interval_ns / NS_PER_S)
    )
    try:
        await rig.until(lambda: reached(log, settings, {ORDERS: SYMBOLS // 10}))
        await asyncio.sleep(SETTLING_S)
        seen.clear()
        before = rig.cpu_s()
        await asyncio.sleep(LISTENING_S)
        after = rig.cpu_s()
        scores, signals = seen.of[CONFLUENCE_SCORES], seen.of[SIGNALS]
        rows = [
            *(
                Row(f"{by}core used by {role}", (after[role] - before[role]) / LISTENING_S, "of 1")
                for role in before
            ),
            *_quantiles(f"{by}close to score", scores, (None, None)),
            *_quantiles(f"{by}close to signal", signals, (P50_MS, P99_MS)),
            Row(
                f"{by}recovery after kill -9",
                await _recovery(rig, options, seen),
                "s",
                RECOVERY_S,
                at_most=True,
            ),
        ]
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await arrivals.stop()
        await log.close()
    return rows


async def _play(
    crowd: Crowd, publisher: FramePublisher, seen: _Latencies, *, interval_s: float
) -> None:
    started_s = time.monotonic()
    for step in itertools.count():
        due_s = started_s + step * interval_s
        # Made just in time: it must not keep the broker's core busy while the last are on the way.
        await asyncio.sleep(max(0.0, due_s - MAKING_S - time.monotonic()))
        frames = crowd.at(step)
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        closed_s = time.monotonic()
        for frame in frames:
            if frame.is_tick:
                seen.published_s[frame.symbol, frame.close_ns] = closed_s
        await publisher.publish_together(frames)


async def _recovery(rig: Rig, options: list[str], seen: _Latencies) -> float:
    """Seconds from the kill to the first score of a tick that was published after it."""
    rig.kill("worker")
    killed_s, newest_ns = time.monotonic(), max(tick for _, tick in seen.published_s)
    rig.start("worker", options)

    async def scored() -> bool:
        return seen.newest_ns > newest_ns

    await rig.until(scored)
    return time.monotonic() - killed_s


def _quantiles(
    name: str, latencies_ms: list[float], targets: tuple[float | None, float | None]
) -> list[Row]:
    cuts = statistics.quantiles(latencies_ms, n=100)
    return [
        Row(f"{name}, p50 of {len(latencies_ms)}", cuts[49], "ms", targets[0], at_most=True),
        Row(f"{name}, p99", cuts[98], "ms", targets[1], at_most=True),
    ]


if __name__ == "__main__":
    Console().print(table_of(("runtime", row) for row in main()))
