"""Partitions that run far ahead of the others wait, so that what is held back stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from faust.types import TP

_WAITING_HIGH = 5_000
_WAITING_LOW = 1_000


class BackPressure:
    """Pauses and resumes partitions of a consumer, which is there once the app has started."""

    def __init__(self, consumer: Callable[[], Any]) -> None:
        self._consumer = consumer
        self._paused: set[TP] = set()

    def forget(self) -> None:
        """A rebalance has opened all of them."""
        self._paused.clear()

    def regulate(
        self,
        tp: TP,
        *,
        may_wait: bool,
        waiting: int,
        needed: Callable[[], Iterable[TP | None]],
    ) -> None:
        """After a message of ``tp``, which ``may_wait`` or not; so many ``waiting`` are held back.

        Partitions that are ``needed`` go on however many it are.
        """
        if not self._paused and waiting <= _WAITING_HIGH:
            return
        awaited = set(needed())
        if may_wait and waiting > _WAITING_HIGH and tp not in awaited | self._paused:
            self._paused.add(tp)
            self._consumer().pause_partitions({tp})
        wanted = {p for p in self._paused if waiting < _WAITING_LOW or p in awaited}
        if wanted:
            self._paused -= wanted
            self._consumer().resume_partitions(wanted)
