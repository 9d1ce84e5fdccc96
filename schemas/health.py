"""What keeps a run observable: heartbeats, latency histograms, dead letters, checkpoints."""

from __future__ import annotations

from schemas.frame import Message, Part
from schemas.ids import content_id

STAGES = ("ingest", "frame", "dimension", "join", "signal", "order")
"""Stages at which latency is measured, in the order of the flow."""


class LatencyHistogram(Part, frozen=True):
    """Counts of latencies by upper bound: ``counts[i]`` fell at or below ``bounds_us[i]``.

    ``counts`` has one more entry than ``bounds_us``, for what was slower than all of them.
    """

    stage: str
    bounds_us: tuple[int, ...]
    counts: tuple[int, ...]


class Heartbeat(Message, frozen=True):
    """A component is alive. Wall time is right here: it is about the component, not the market.

    ``messages`` counts the inputs it has taken since its start, ``lag`` those in the log that are
    not part of its state yet. ``status`` is ``ok``, or in a few words what keeps it from working;
    ``counters`` count what it met since its start, by name.
    """

    component: str
    wall_ns: int
    messages: int
    lag: int
    dead_letters: int
    histograms: tuple[LatencyHistogram, ...] = ()
    status: str = "ok"
    counters: tuple[tuple[str, int], ...] = ()

    @property
    def key(self) -> str:
        """Message key: the component."""
        return self.component


class DeadLetter(Message, frozen=True):
    """Bytes that could not be used, where they came from, and why."""

    source: str
    reason: str
    detail: str
    body: bytes
    receive_ns: int = 0

    @property
    def key(self) -> str:
        """Message key: the source topic or file."""
        return self.source

    @property
    def id(self) -> str:
        """Unique by content."""
        return content_id(
            "dead", self.source, self.reason, str(self.receive_ns), self.detail, self.body.hex()
        )


class Checkpoint(Message, frozen=True):
    """Whole state of one key of one role, as of a frame; ``state`` is the role's own encoding."""

    role: str
    state_key: str
    tick_ns: int
    epoch: int
    seq: int
    state_version: int
    state: bytes

    @property
    def key(self) -> str:
        """Message key: ``role:key``."""
        return f"{self.role}:{self.state_key}"
