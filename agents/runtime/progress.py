"""How far a state that is fed in one order has come, and from where its inputs are needed."""

from __future__ import annotations

from collections.abc import Callable

from faust.types import TP

from agents.runtime.offsets import Applied, OrderedSnapshot, Unapplied
from schemas.frame import Frame


class Progress:
    """What of the inputs is part of one state, what is not yet, and what the last acknowledged
    snapshot holds. ``anew`` is a topic that is read from its beginning whatever a snapshot says;
    ``settled_ns`` tells up to which close nothing of a symbol is needed, once one is applied.
    """

    def __init__(
        self, *, anew: str, interval_ns: int, settled_ns: Callable[[str, int], int]
    ) -> None:
        self._anew = anew
        self._settled_ns = settled_ns
        self._interval_ns = interval_ns
        self.applied: dict[str, Applied] = {}
        """The last frame of each symbol that is part of the state."""
        self.applied_ns = -1
        """Close of the last step."""
        self._unapplied = Unapplied()
        self._starts: dict[str, dict[int, int]] = {}
        self._durable: OrderedSnapshot | None = None
        self._snapshot_ns: int | None = None

    def resume(self, snapshot: OrderedSnapshot) -> None:
        """Go on from a snapshot."""
        self._durable = snapshot
        self._starts = snapshot.starts
        self.applied = dict(snapshot.applied)
        self.applied_ns = max((done.close_ns for done in self.applied.values()), default=-1)

    def read(self, tp: TP) -> None:
        """Something of a partition was read."""
        self._unapplied.read(tp)

    def waits(self, tp: TP, offset: int, key: str, at_ns: int) -> None:
        """A message of a symbol is needed until the step at ``at_ns`` is part of the state."""
        self._unapplied.add(tp, offset, key, at_ns)

    def apply(self, frame: Frame) -> None:
        """A frame is part of the state."""
        self.applied[frame.key] = Applied(frame.epoch, frame.seq, frame.close_ns)

    def snapshot_is_due(self, close_ns: int) -> bool:
        """Whether an interval of event time has passed since the last snapshot, or the start."""
        if self._snapshot_ns is None:
            self._snapshot_ns = close_ns
        if close_ns - self._snapshot_ns < self._interval_ns:
            return False
        self._snapshot_ns = close_ns
        return True

    def snapshot(
        self, state: bytes, next_offset: Callable[[TP], int | None], *, state_version: int
    ) -> tuple[OrderedSnapshot, Callable[[], None]]:
        """A snapshot of ``state``, and what to call once it is acknowledged."""
        snapshot = OrderedSnapshot(
            dict(self.applied), self._needed(next_offset), state, state_version
        )

        def acknowledged() -> None:
            self._durable = snapshot

        return snapshot, acknowledged

    def start_offset(self, tp: TP) -> int | None:
        """Where the snapshot that was resumed from needs a partition from."""
        if tp.topic == self._anew:
            return None
        return self._starts.get(tp.topic, {}).get(tp.partition)

    def low_water(self, tp: TP) -> int:
        """The oldest offset that the last acknowledged snapshot needs."""
        if self._durable is None:
            return 0
        return self._durable.starts.get(tp.topic, {}).get(tp.partition, 0)

    def _needed(self, next_offset: Callable[[TP], int | None]) -> dict[str, dict[int, int]]:
        # A partition that was not read yet since the start is still needed from there.
        needed = {topic: dict(starts) for topic, starts in self._starts.items()}
        for tp in self._unapplied.partitions():
            if tp.topic != self._anew:
                first = self._unapplied.first(tp, self._settled_up_to, next_offset(tp) or 0)
                needed.setdefault(tp.topic, {})[tp.partition] = first
        return needed

    def _settled_up_to(self, key: str) -> int:
        done = self.applied.get(key)
        return self._settled_ns(key, -1 if done is None else done.close_ns)
