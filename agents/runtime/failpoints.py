"""Named points at which a role can be told to die, so that a crash there can be proven harmless.

``PRISM_FAILPOINT=score.sent:17`` kills the process (SIGKILL, as a power cut would) when the point
``score.sent`` is passed for the 17th time. Without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import signal

from schemas.errors import UsageError
from schemas.frame import Message
from schemas.order import Fill, Order, OrderStatus
from schemas.score import ConfluenceScore, DimensionScore
from schemas.signal import Signal

VARIABLE = "PRISM_FAILPOINT"

POINTS = (
    "score.before_send",
    "score.sent",
    "score.acknowledged",
    "signal.before_send",
    "signal.sent",
    "signal.acknowledged",
    "order.before_send",
    "order.sent",
    "order.acknowledged",
    "fill.before_send",
    "fill.sent",
    "fill.acknowledged",
    "snapshot.before_flush",
    "snapshot.flushed",
    "snapshot.written",
    "commit.before",
    "commit.done",
)
"""All of them, in the order of the flow."""


class Failpoints:
    """Counts the passes of one armed point; dies at the one that was asked for."""

    def __init__(self, armed: str | None) -> None:
        self._name: str | None = None
        self._left = 0
        if armed:
            name, _, count = armed.partition(":")
            if name not in POINTS or not count.isdigit() or int(count) < 1:
                raise UsageError(
                    f"{VARIABLE}={armed!r}: write POINT:COUNT with a point of {', '.join(POINTS)}"
                )
            self._name, self._left = name, int(count)

    @classmethod
    def from_environment(cls) -> Failpoints:
        """What the environment asks for."""
        return cls(os.environ.get(VARIABLE))

    def passed(self, name: str | None) -> None:
        """Note that the process is at a point; ``None`` is nowhere in particular."""
        if self._name is None or name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def passed_with(self, message: Message, step: str) -> None:
        """Note a step (``before_send``, ``sent``, ``acknowledged``) of an output."""
        if self._name is not None:
            kind = _kind(message)
            self.passed(None if kind is None else f"{kind}.{step}")


def _kind(message: Message) -> str | None:
    match message:
        case DimensionScore() | ConfluenceScore():
            return "score"
        case Signal():
            return "signal"
        case Order(status=OrderStatus.INTENT):
            return "order"
        case Fill():
            return "fill"
        case _:
            return None
