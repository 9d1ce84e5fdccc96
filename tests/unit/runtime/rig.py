"""Pieces of the runtime without a broker: an app, an assignment, messages by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from faust.types import TP, ConsumerMessage
from structlog.testing import CapturingLogger

from agents.runtime import roles
from agents.runtime.roles import Role
from schemas.settings import settings_from

SOURCE = "market.frames"


class Assigned:
    """A consumer that was assigned some partitions and notes where it is sent."""

    def __init__(self, *partitions: TP) -> None:
        self.partitions = set(partitions)
        self.sought: list[dict[TP, int]] = []
        self.begin = 0
        self.end = 1 << 40

    def assignment(self) -> set[TP]:
        return self.partitions

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        return dict.fromkeys(partitions, self.begin)

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        return dict.fromkeys(partitions, self.end)

    async def seek_wait(self, positions: dict[TP, int]) -> None:
        self.sought.append(positions)


def worker(*partitions: TP) -> tuple[Role, Assigned]:
    """A worker whose app has never been started, and its consumer."""
    role = roles.worker(settings_from({"broker": {"partitions": 2}}))
    consumer: Any = Assigned(*partitions)
    role.app.consumer = consumer
    return role, consumer


@contextmanager
def logged_by(module: ModuleType) -> Iterator[list[dict[str, Any]]]:
    """What a module logs, as events with keys, however a role before has set up where it goes."""
    logger, lines = CapturingLogger(), list[dict[str, Any]]()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "log", logger)
        try:
            yield lines
        finally:
            lines += [{"event": call.args[0], **call.kwargs} for call in logger.calls]


def messages(tp: TP, offsets: Iterable[int]) -> list[Any]:
    """Messages of one partition."""
    return [
        ConsumerMessage(tp.topic, tp.partition, n, 0.0, 0, [], b"k", b"v", None, tp=tp)
        for n in offsets
    ]
