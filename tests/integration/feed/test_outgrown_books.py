"""A price that leaves the levels of a book's snapshot behind, with real ccxt in between."""

from __future__ import annotations

import asyncio

import pytest

from streams.feed import recovery
from tests.support.live import LiveRig, quick


def test_a_book_that_was_outgrown_is_whole_again_without_a_resync(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "_OUTGROWN_NS", 0)

    async def work() -> None:
        async with LiveRig(settings=quick(snapshot_levels=50)) as rig:
            await rig.running()
            (feed,) = rig.feed.receiver.feeds.values()
            for _ in range(3):
                await rig.until(lambda: feed.outgrown)
                await rig.until(lambda: not feed.outgrown)
            before = len(rig.messages)
            await rig.until(lambda: len(rig.messages) > before + 10)
            rig.check_against_truth()
            assert not any(frame.quality.resyncs for frame in rig.frames())
            assert not any(frame.quality.rejects for frame in rig.frames())

    asyncio.run(work())
