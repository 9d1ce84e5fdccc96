"""Whose silence the watchdog declares, and whose it cannot know of."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.runtime import watchdog
from agents.runtime.watchdog import Watchdog
from schemas.frame import NS_PER_S


class Market:
    """A stage that waits for one symbol; time is what the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 0
        self.close_ns = 0
        self.absent: list[str] = []
        monkeypatch.setattr(watchdog, "monotonic_ns", lambda: self.now_ns)
        stage: Any = self
        self.unanswered_ns = 0
        self.watchdog = Watchdog(stage, patience_s=10, unanswered_ns=lambda: self.unanswered_ns)

    def laggards(self) -> list[str]:
        return ["v:A"]

    def watermark_ns(self, key: str) -> int:
        del key
        return self.close_ns

    async def declare_absent(self, key: str) -> None:
        self.absent.append(key)

    async def declare_returned(self) -> None:
        """Nothing was away."""

    async def answer_commands(self) -> None:
        """Nobody asks."""

    def look(self, *, after_s: int) -> None:
        self.now_ns += after_s * NS_PER_S
        asyncio.run(self.watchdog.look())


def test_a_symbol_that_is_silent_for_longer_than_the_patience_is_declared_absent_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market = Market(monkeypatch)
    for _ in range(11):
        market.look(after_s=1)
    assert market.absent == []
    for _ in range(20):
        market.look(after_s=1)
    assert market.absent == ["v:A"]


def test_while_the_broker_leaves_sends_unanswered_nobody_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market = Market(monkeypatch)
    for waited_s in range(30):
        market.unanswered_ns = waited_s * NS_PER_S
        market.look(after_s=1)
    market.unanswered_ns = 0
    for _ in range(10):
        market.look(after_s=1)
    assert market.absent == []
    market.look(after_s=1)
    assert market.absent == ["v:A"]


def test_frames_end_the_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    market = Market(monkeypatch)
    for _ in range(30):
        market.close_ns += 1
        market.look(after_s=1)
    assert market.absent == []


def test_a_process_that_stood_still_itself_does_not_take_that_for_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its frames wait in the log: they come before the next look or soon after."""
    market = Market(monkeypatch)
    market.look(after_s=1)
    market.look(after_s=60)
    assert market.absent == []
    for _ in range(9):
        market.look(after_s=1)
    assert market.absent == []
    for _ in range(2):
        market.look(after_s=1)
    assert market.absent == ["v:A"]
