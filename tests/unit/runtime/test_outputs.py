"""How long the broker has left a send unanswered."""

from __future__ import annotations

import asyncio

import pytest

from agents.runtime import snapshots
from agents.runtime.snapshots import Outputs


def test_the_oldest_send_that_waits_tells_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        now_ns = 0
        monkeypatch.setattr(snapshots, "monotonic_ns", lambda: now_ns)
        outputs, loop = Outputs(), asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        assert outputs.unanswered_ns() == 0
        outputs.track(first)
        now_ns = 5
        outputs.track(second)
        now_ns = 7
        assert outputs.unanswered_ns() == 7
        first.set_result(None)
        await outputs_have_heard()
        assert outputs.unanswered_ns() == 2
        second.set_result(None)
        await outputs_have_heard()
        assert outputs.unanswered_ns() == 0

    asyncio.run(main())


async def outputs_have_heard() -> None:
    """A turn of the loop, in which a future's callbacks run."""
    await asyncio.sleep(0)
