"""What a run counted: messages by topic, and the digest of each topic."""

from __future__ import annotations

from collections import Counter
from typing import Any

from schemas.digest import StreamDigest
from schemas.frame import NS_PER_S, Backfill, Frame, Message
from schemas.health import DeadLetter
from schemas.order import Order
from schemas.score import DimensionScore
from schemas.series import Series
from schemas.signal import Signal, SignalKind
from schemas.topics import (
    ALERTS,
    CONFLUENCE_SCORES,
    DEAD_LETTERS,
    DIMENSION_SCORES,
    FILLS,
    FRAMES,
    MONITOR,
    ORDERS,
    OVERVIEW,
    PORTFOLIO,
    POSITIONS,
    QUALITY,
    SIGNALS,
    TRADE_ALERTS,
    Topic,
)

DIGESTED = (
    FRAMES,
    DIMENSION_SCORES,
    CONFLUENCE_SCORES,
    SIGNALS,
    ORDERS,
    FILLS,
    POSITIONS,
    QUALITY,
    PORTFOLIO,
    MONITOR,
    TRADE_ALERTS,
    OVERVIEW,
    ALERTS,
)
"""Topics with a digest: those whose messages carry (tick, venue, symbol, id)."""


class Tally:
    """Counts and digests of one run; memory does not grow with it.

    Digests need the records of each topic in order; without ``digests`` there are none.
    """

    def __init__(self, *, digests: bool = True) -> None:
        self._digests = {topic.name: StreamDigest() for topic in DIGESTED} if digests else {}
        self._messages: Counter[str] = Counter()
        self._scores: Counter[str] = Counter()
        self._signals: Counter[str] = Counter()
        self._orders: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._frames = 0
        self._ticks = 0
        self._bars = 0
        self._values: Counter[str] = Counter()
        self._open_ns: int | None = None
        self._close_ns = 0

    @property
    def frames(self) -> int:
        """Frames so far."""
        return self._frames

    @property
    def unused(self) -> dict[str, int]:
        """Inputs that could not be used, by reason."""
        return dict(sorted(self._dead.items()))

    @property
    def data_seconds(self) -> float:
        """Market time from the first frame's open to the last one's close."""
        return 0.0 if self._open_ns is None else (self._close_ns - self._open_ns) / NS_PER_S

    def add(self, topic: Topic, message: Message, body: bytes | None = None) -> None:
        """Count one message; ``body`` saves encoding it again for the digest."""
        self._messages[topic.name] += 1
        stream = self._digests.get(topic.name)
        if stream is not None:
            stream.add(message, body)
        match message:
            case Frame():
                self._frames += 1
                self._ticks += message.is_tick
                self._close_ns = max(self._close_ns, message.close_ns)
                if self._open_ns is None or message.open_ns < self._open_ns:
                    self._open_ns = message.open_ns
            case Backfill():
                self._bars += len(message.open_ns)
            case Series():
                self._values[message.name.value] += len(message.value)
            case DimensionScore():
                self._scores[message.dimension] += 1
            case Signal():
                self._signals[message.kind.value] += 1
            case Order():
                self._orders[message.status.value] += 1
            case DeadLetter():
                self._dead[message.reason] += 1
            case _:
                pass

    def summary(self) -> dict[str, Any]:
        """Counts and digests as they stand; keys sorted where they are data."""
        return {
            "frames": self.frames,
            "ticks": self._ticks,
            "history_bars": self._bars,
            "series_values": dict(sorted(self._values.items())),
            "scores": dict(sorted(self._scores.items())),
            "signals": self._messages[SIGNALS.name],
            "signals_by_side": {kind.value: self._signals[kind.value] for kind in SignalKind},
            "orders": self._messages[ORDERS.name],
            "orders_by_status": dict(sorted(self._orders.items())),
            "fills": self._messages[FILLS.name],
            "alerts": self._messages[ALERTS.name],
            "dead_letters": self._messages[DEAD_LETTERS.name],
            "dead_letters_by_reason": self.unused,
            "data_seconds": self.data_seconds,
            "digests": {name: stream.hexdigest() for name, stream in self._digests.items()},
        }
