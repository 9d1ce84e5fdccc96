"""Reading goes on when a rebalance cuts a fetch short, and ends when it is told to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP, ConsumerMessage

from agents.runtime import roles
from agents.runtime.consumer import FencedConsumer
from agents.runtime.cursor import Cursor
from schemas.settings import settings_from


class Driver:
    """A driver whose fetches give what they are told to, in turn; the last one ends the reading."""

    flow_active = True
    should_stop = False

    def __init__(self, *fetches: Any) -> None:
        self.fetches = list(fetches)
        self.fetched = 0

    def _get_active_partitions(self) -> set[int]:
        return {1}

    async def _getmany(self, active: set[int], timeout: float) -> dict[Any, Any]:
        del active, timeout
        self.fetched += 1
        fetch = self.fetches.pop(0)
        if not self.fetches:
            self.should_stop = True
        result: dict[Any, Any] = await fetch()
        return result


class Reader(FencedConsumer, Driver):
    """The mixin on that driver."""


async def cut_short() -> dict[Any, Any]:
    raise asyncio.CancelledError


async def nothing() -> dict[Any, Any]:
    return {}


async def never() -> dict[Any, Any]:
    await asyncio.Event().wait()
    return {}


def reader(*fetches: Any) -> Reader:
    made = Reader(*fetches)

    async def room(most: int) -> None:
        del most

    app: Any = SimpleNamespace(fence=SimpleNamespace(room=room))
    made.app = app
    return made


class Handing(FencedConsumer, Driver):
    """The mixin on a driver that gives records as they are and keeps what is handed out."""

    def __init__(self) -> None:
        self.handed: list[Any] = []

    def _is_changelog_tp(self, tp: Any) -> bool:
        return "changelog" in str(tp.topic)

    def _to_message(self, tp: Any, record: Any) -> Any:
        return record

    async def callback(self, message: Any) -> None:
        self.handed.append(message)


def records(partition: int, *at_ms: int, topic: str = "market.frames") -> list[Any]:
    return [
        ConsumerMessage(topic, partition, n, ms, 0, [], b"k", b"v", None, tp=TP(topic, partition))
        for n, ms in enumerate(at_ms)
    ]


class Seeking(FencedConsumer, Driver):
    """The mixin on a driver that holds one partition, whose log begins at 40 and ends at 50."""

    def __init__(self) -> None:
        self.sought: Any = None

    def assignment(self) -> set[TP]:
        return {TP("in", 0)}

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        return dict.fromkeys(partitions, 40)

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        return dict.fromkeys(partitions, 50)

    async def seek_wait(self, partitions: dict[TP, int]) -> None:
        self.sought = partitions


@pytest.mark.parametrize(("known", "sought"), [(None, 40), (10, 40), (45, 45)])
def test_reading_begins_where_the_tables_say_or_at_what_retention_left(
    known: int | None, sought: int
) -> None:
    made, app = Seeking(), roles.worker(settings_from({})).app
    app.fence._cursors = {TP("in", 0): Cursor(known)}
    made.app = app
    asyncio.run(made.perform_seek())
    assert made.sought == {TP("in", 0): sought}


def test_what_is_fetched_of_a_topic_is_one_batch_earliest_first() -> None:
    made = Handing()
    first, second = TP("market.frames", 0), TP("market.frames", 1)
    asyncio.run(made._hand_out({first: records(0, 3, 9, 9), second: records(1, 2, 4)}))
    (batch,) = made.handed
    assert [(m.partition, m.timestamp) for m in batch.value] == [
        (1, 2), (0, 3), (1, 4), (0, 9), (0, 9)
    ]  # fmt: skip


def test_a_partition_keeps_its_order_when_its_times_step_back() -> None:
    made = Handing()
    first, second = TP("market.frames", 0), TP("market.frames", 1)
    asyncio.run(made._hand_out({first: records(0, 8, 1, 9), second: records(1, 5)}))
    (batch,) = made.handed
    assert [m.offset for m in batch.value if m.partition == 0] == [0, 1, 2]


def test_changelogs_come_one_by_one() -> None:
    made = Handing()
    tp = TP("app-changelog", 0)
    asyncio.run(made._hand_out({tp: records(0, 1, 2, topic=tp.topic)}))
    assert [m.offset for m in made.handed] == [0, 1]


def test_a_fetch_that_a_rebalance_cuts_short_is_not_the_last() -> None:
    made = reader(cut_short, cut_short, nothing)
    fetcher: Any = SimpleNamespace(should_stop=False)
    asyncio.run(made._drain_messages(fetcher))
    assert made.fetched == 3


def test_a_reader_that_is_cancelled_ends() -> None:
    made = reader(never, nothing)
    fetcher: Any = SimpleNamespace(should_stop=False)

    async def run() -> None:
        reading = asyncio.ensure_future(made._drain_messages(fetcher))
        while not made.fetched:
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(run())
    assert made.fetched == 1


def test_a_fetcher_that_is_stopped_comes_to_its_end_without_a_fault() -> None:
    made = reader(never, nothing)
    fetcher: Any = SimpleNamespace(should_stop=False)

    async def run() -> None:
        reading = asyncio.ensure_future(made._drain_messages(fetcher))
        while not made.fetched:
            await asyncio.sleep(0)
        fetcher.should_stop = True
        reading.cancel()
        await reading

    asyncio.run(run())
    assert made.fetched == 1
