"""The overview over a broker: what the pipeline tells, through kills, restarts and silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agents.pipeline import Pipeline
from agents.runtime import roles
from agents.runtime.folds import OverviewFold
from cli.feeds import GeneratedFeed
from schemas.control import Absent, Resumed
from schemas.digest import digest
from schemas.errors import SettingsError
from schemas.frame import Frame, Message
from schemas.overview import OVERVIEW_READER, MarketOverview
from schemas.settings import Settings, settings_from
from schemas.topics import CONTROL, OVERVIEW
from streams.simulator.generated import DEFAULT_MARKETS, VENUE
from streams.transport.log import TopicPartition
from tests.chaos import inside
from tests.chaos.expected import frames_of
from tests.chaos.inside import Inside
from tests.chaos.outputs import Outputs, digests
from tests.golden.sources import golden_paths

FRAMES = 900
KEYS = tuple(sorted(f"{VENUE}:{spec.symbol}" for spec in DEFAULT_MARKETS))


def settings_at(url: str, *, keys: Sequence[str] = KEYS, absent_after_s: float = 600) -> Settings:
    return settings_from(
        {
            "dimensions": {"enabled": ["orderbook"]},
            "overview": {"enabled": True, "interval_s": 1, "window": 24},
            "runtime": {
                "symbols": keys, "snapshot_interval_s": 2, "absent_after_s": absent_after_s,
                "heartbeat_s": 600, "session_timeout_s": 6,
            },
            "broker": {"partitions": 4, "url": url},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    settings = settings_at("embedded://")
    return list(islice(GeneratedFeed(settings, seed=7).messages(lambda _: None), FRAMES))


def of_the_pipeline(frames: Sequence[Frame], settings: Settings) -> Outputs:
    """The overviews; nothing else is decided by the role."""
    pipeline = Pipeline(settings)
    records = [record for frame in frames for record in pipeline.process(frame)]
    return {OVERVIEW.name: [r.message for r in records if r.topic is OVERVIEW]}


async def disturbed(
    frames: Sequence[Frame], seed: int, wanted: Outputs
) -> dict[str, tuple[int, str]]:
    """Digests after a market in which the role was killed or stopped three times."""
    rng = Random(f"overview {seed}")
    at = {rng.randrange(1, len(frames)) for _ in range(3)}
    async with Inside(settings_at(f"embedded://overview-{seed}?seed={seed}")) as running:
        await running.start("overview")
        for number, frame in enumerate(frames):
            await running.publisher.publish(frame)
            if not rng.randrange(20):
                await asyncio.sleep(rng.random() / 10)  # a pace of the feed, nothing waits for it
            if number in at:
                await (running.kill if rng.randrange(3) else running.stop)("overview")
                await running.start("overview")
        return await running.finish(wanted)


def test_killed_and_restarted_the_role_gives_what_the_pipeline_gives(frames: list[Frame]) -> None:
    wanted = of_the_pipeline(frames, settings_at("embedded://"))
    assert len(wanted[OVERVIEW.name]) > 20

    async def all_seeds() -> list[dict[str, tuple[int, str]]]:
        return await asyncio.gather(*(disturbed(frames, seed, wanted) for seed in range(6)))

    assert asyncio.run(all_seeds()) == [digests(wanted)] * 6


def test_a_role_that_forgets_what_it_snapshotted_is_found_out(
    frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = OverviewFold.__init__

    def forgetful(self: OverviewFold, settings: Settings) -> None:
        make(self, settings)
        initial = self.initial
        self.decode = lambda data: initial()

    monkeypatch.setattr(OverviewFold, "__init__", forgetful)
    monkeypatch.setattr(inside, "PATIENCE_S", 10.0)
    wanted = of_the_pipeline(frames, settings_at("embedded://"))
    try:
        found = asyncio.run(disturbed(frames, 1, wanted))
    except (AssertionError, TimeoutError):
        return  # two overviews under one id, or one that never came
    assert found != digests(wanted)


@pytest.mark.needs_market_data
def test_a_day_of_two_venues_gives_the_same_beside_worker_and_account(market_data: Path) -> None:
    names = ("BTC_usdm_20240808", "BTC_spot_20240808")
    paths = [path for name in names for path in golden_paths(market_data, name)]
    keys = ("binance:BTC/USDT", "binanceusdm:BTC/USDT:USDT")
    settings = settings_at("embedded://two-venues?retention_mib=1024", keys=keys)
    shorter = list(islice(frames_of(paths, settings), 3_000))
    wanted: dict[str, list[Message]] = {}
    pipeline = Pipeline(settings)
    for frame in shorter:
        for record in pipeline.process(frame):
            wanted.setdefault(record.topic.name, []).append(record.message)

    async def play() -> dict[str, tuple[int, str]]:
        async with Inside(settings) as running:
            await running.start("worker", "execution", "overview")
            await running.play(shorter)
            return await running.finish(wanted)

    assert len(wanted[OVERVIEW.name]) > 100
    assert asyncio.run(play()) == digests(wanted)


@pytest.mark.parametrize("racing", [False, True])
def test_a_silent_symbol_holds_the_overview_up_until_its_own_watchdog_says_so(
    frames: list[Frame], racing: bool
) -> None:
    """``racing``: it comes back while the declaration of its absence is on its way."""
    silent = KEYS[0]
    before, gone = frames[: FRAMES // 3], frames[FRAMES // 3 : 2 * FRAMES // 3]
    rest = [frame for frame in gone if frame.key != silent]
    back = frames[2 * FRAMES // 3 :]

    async def play() -> tuple[list[Message], list[Message]]:
        settings = settings_at("embedded://overview-silence", absent_after_s=0.4)
        async with Inside(settings) as running:
            await running.start("overview")
            early = [frame for frame in gone if frame.key == silent][:5] if racing else []
            publish_before_absence(running, early)
            await running.play(before)
            await running.play(rest)
            await running.publisher.settle()
            # All but the newest interval can be told once the silent symbol is absent.
            interval_ns = settings.overview.interval_ns
            newest_ns = rest[-1].close_ns // interval_ns * interval_ns - interval_ns
            await until(running, lambda: newest_of(running) >= newest_ns)
            await running.play(back[: len(back) // 2])
            await until_returned(running)
            await running.play(back[len(back) // 2 :])
            await running.publisher.finish()
            last_ns = back[-1].close_ns // interval_ns * interval_ns - interval_ns
            await until(running, lambda: newest_of(running) >= last_ns)
            return list(running.tail.messages[OVERVIEW.name]), await control_of(running)

    told, control = asyncio.run(play())
    absent = [r for r in control if isinstance(r, Absent) and r.account == OVERVIEW_READER]
    last_ns = max(frame.close_ns for frame in before if frame.key == silent)
    assert (absent[0].venue, absent[0].symbol) == tuple(silent.split(":", 1))
    assert absent[0].from_ns == last_ns
    (returned,) = [r for r in control if isinstance(r, Resumed)]
    # What is told is what the pipeline tells of the frames that count by these records.
    counted = [
        frame
        for frame in [*before, *rest, *back]
        if frame.key != silent or not last_ns < frame.close_ns <= returned.from_ns
    ]
    wanted = of_the_pipeline(counted, settings_at("embedded://"))[OVERVIEW.name]
    assert digest(told) == digest(list(wanted)[: len(told)])
    assert len(wanted) - len(told) <= 1


def publish_before_absence(running: Inside, early: Sequence[Frame]) -> None:
    """Let frames of the silent symbol be taken before its absence is in the log."""
    stage: Any = running.role("overview").stages[0]
    emit, left = stage.emitter.emit, list(early)

    async def emit_late(message: Message, **more: Any) -> None:
        if isinstance(message, Absent):
            while left:
                frame = left.pop(0)
                await running.publisher.publish(frame)
                async with asyncio.timeout(60):
                    while stage.watermark_ns(frame.key) < frame.close_ns:
                        await asyncio.sleep(0.01)
        await emit(message, **more)

    stage.emitter.emit = emit_late


def newest_of(running: Inside) -> int:
    found = running.tail.messages[OVERVIEW.name]
    return max((m.tick_ns for m in found if isinstance(m, MarketOverview)), default=0)


async def until(running: Inside, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            running.look()
            await running.tail.read_on()
            await asyncio.sleep(0.02)


async def until_returned(running: Inside) -> None:
    async with asyncio.timeout(60):
        while not any(isinstance(record, Resumed) for record in await control_of(running)):
            running.look()
            await asyncio.sleep(0.02)


async def control_of(running: Inside) -> list[Message]:
    at = TopicPartition(CONTROL.name, 0)
    end = (await running.log.end_offsets([at]))[at]
    records = await running.log.read(CONTROL.name, 0, 0, max_records=end) if end else []
    decode = CONTROL.decoder().decode
    return [decode(record.value or b"") for record in records]


def test_the_role_is_refused_where_it_is_not_enabled_or_has_no_symbols() -> None:
    with pytest.raises(SettingsError, match=r"overview\.enabled is false"):
        roles.overview(Settings())
    with pytest.raises(SettingsError, match=r"runtime\.symbols is empty"):
        roles.overview(settings_from({"overview": {"enabled": True}}))
