"""Reading goes on when a rebalance cuts a fetch short, and ends when it is told to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from agents.runtime.consumer import FencedConsumer


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
