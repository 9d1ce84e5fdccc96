"""Scores are read off topics that others keep writing to."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import pytest

from agents.interpretation.breakdown import Breakdown
from cli import score, snapshots
from cli.snapshots import Latest, ScoreTopics
from cli.stop import Stop
from schemas.codec import encode
from schemas.errors import SourceMissing
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import Settings, settings_from
from schemas.topics import CONFLUENCE_SCORES, DIMENSION_SCORES
from streams.transport.broker import forget
from streams.transport.log import Log, open_log, topic_specs
from tests.support.messages import SYMBOL, VENUE, score_of

URL = "embedded://scores"
SETTINGS = settings_from({"broker": {"url": URL, "partitions": 1, "topic_prefix": "t."}})
KEY = f"{VENUE}:{SYMBOL}"


def verdict_at(tick_s: int, *, symbol: str = SYMBOL) -> ConfluenceScore:
    tick_ns = tick_s * 1_000_000_000
    return ConfluenceScore(VENUE, symbol, tick_ns, 1, tick_s, 60.0, 0.5, 9.0, (), (), 68.0, 35.0)


def scores_at(tick_s: int, *, symbol: str = SYMBOL) -> list[DimensionScore]:
    return [
        msgspec.structs.replace(score_of(name, 60.0, tick_s=tick_s), symbol=symbol)
        for name in ("orderbook", "orderflow")
    ]


async def write(log: Log, messages: Sequence[ConfluenceScore | DimensionScore]) -> None:
    for message in messages:
        topic = CONFLUENCE_SCORES if isinstance(message, ConfluenceScore) else DIMENSION_SCORES
        sent = await log.produce(f"t.{topic.name}", message.key.encode(), encode(message))
        await sent


def on_a_broker(act: Callable[[Log, ScoreTopics], Awaitable[None]]) -> None:
    async def run() -> None:
        log = await open_log(URL)
        await log.ensure_topics(topic_specs(SETTINGS.broker))
        await act(log, ScoreTopics(log, SETTINGS))
        await log.close()

    try:
        asyncio.run(run())
    finally:
        forget(URL)


def test_the_newest_tick_comes_with_the_scores_of_that_tick_and_symbol_alone() -> None:
    async def act(log: Log, topics: ScoreTopics) -> None:
        await write(log, [*scores_at(1), verdict_at(1), *scores_at(2), verdict_at(2)])
        await write(log, [*scores_at(3, symbol="A/B"), verdict_at(3, symbol="A/B"), *scores_at(3)])
        assert await topics.find(SYMBOL) == KEY
        told = await topics.newest(KEY)
        assert told is not None
        assert told.confluence == verdict_at(2)
        assert sorted(told.dimensions, key=lambda s: s.dimension) == scores_at(2)

    on_a_broker(act)


def test_ticks_that_a_worker_repeats_after_a_crash_are_not_taken_for_new() -> None:
    async def act(log: Log, topics: ScoreTopics) -> None:
        await write(log, [verdict_at(1), verdict_at(2), *scores_at(2), verdict_at(1)])
        told = await topics.newest(KEY)
        assert told is not None
        assert told.confluence == verdict_at(2)

    on_a_broker(act)


def test_only_the_newest_records_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "LOOK_BACK", 3)

    async def act(log: Log, topics: ScoreTopics) -> None:
        await write(log, [verdict_at(1), *(verdict_at(i, symbol="A/B") for i in (2, 3, 4))])
        with pytest.raises(SourceMissing, match="nearest known one is binanceusdm:A/B"):
            await topics.find(SYMBOL)
        assert await topics.newest(KEY) is None

    on_a_broker(act)


def test_a_broker_without_scores_says_so() -> None:
    async def act(log: Log, topics: ScoreTopics) -> None:
        with pytest.raises(SourceMissing, match="nor of any other"):
            await topics.find(SYMBOL)
        with pytest.raises(SourceMissing, match=r"no topic confluence\.scores"):
            await ScoreTopics(log, Settings()).find(SYMBOL)

    on_a_broker(act)


def test_watching_tells_every_tick_once_and_waits_for_the_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(score, "LOOK_S", 0.001)
    stop = Stop()
    ticks: list[int] = []

    class Counted(ScoreTopics):
        looks = 0

        async def newest(self, key: str) -> Breakdown | None:
            self.looks += 1
            return await super().newest(key)

    async def act(log: Log, _topics: ScoreTopics) -> None:
        topics = Counted(log, SETTINGS)
        watching = asyncio.create_task(score.follow(topics, KEY, stop, as_json=True))
        for tick in (1, 2, 3, 2):
            await write(log, [*scores_at(tick), verdict_at(tick)])
            enough = topics.looks + 3
            while topics.looks < enough:
                assert not watching.done()
                await asyncio.sleep(0)
        stop.by = signal.SIGINT
        await watching
        lines = capsys.readouterr().out.splitlines()
        ticks.extend(json.loads(line)["confluence"]["seq"] for line in lines)

    on_a_broker(act)
    assert ticks == [1, 2, 3]


def test_a_run_keeps_the_verdict_with_the_scores_of_its_tick() -> None:
    latest = Latest()
    assert latest.told() is None
    for tick in (1, 2):
        for message in (*scores_at(tick), verdict_at(tick)):
            topic = CONFLUENCE_SCORES if isinstance(message, ConfluenceScore) else DIMENSION_SCORES
            latest.add(topic, message)
    told = latest.told()
    assert told is not None
    assert (told.confluence, sorted(told.dimensions, key=lambda s: s.dimension)) == (
        verdict_at(2),
        scores_at(2),
    )
