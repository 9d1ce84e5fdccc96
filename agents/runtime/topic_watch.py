"""Ends a role whose topics are gone or have another partition count: it would wait for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.clock import monotonic_ns
from schemas.errors import TopicMismatch
from schemas.frame import NS_PER_S

PATIENCE_S = 10.0
"""How long a topic may be otherwise: topics are being created at a start, and after a broker's own
start its first answers may lack some."""


class TopicWatch:
    """Compares partition counts with those that must be.

    ``count_of`` gives the present number of partitions of a topic; ``None``: there is none.
    """

    def __init__(self, wanted: Mapping[str, int], count_of: Callable[[str], int | None]) -> None:
        self._wanted = wanted
        self._count_of = count_of
        self._wrong_since: dict[str, int] = {}

    def look(self) -> TopicMismatch | None:
        """What is wrong for longer than the patience; call it about once a second."""
        now_ns = monotonic_ns()
        for topic, wanted in self._wanted.items():
            has = self._count_of(topic) or 0
            if has == wanted:
                self._wrong_since.pop(topic, None)
                continue
            since_ns = self._wrong_since.setdefault(topic, now_ns)
            if now_ns - since_ns > PATIENCE_S * NS_PER_S:
                return TopicMismatch(
                    f"topic {topic} has {has} partitions, the settings want {wanted}; create it "
                    "so, or set broker.partitions to what it has, and start the role again"
                )
        return None
