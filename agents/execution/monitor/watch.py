"""What the monitor remembers of a position."""

from __future__ import annotations

import msgspec

from schemas.position_assessment import MonitorAction, RiskLevel

_NEVER = -1


class Watch(msgspec.Struct):
    """Of one position, by the signal that opened it; it stays until another takes its place, so
    that no number is used twice.

    ``told_ns`` is the tick of the last record, ``advice``, ``level`` and ``blind`` what it said.
    ``leave_ns``, ``reduce_ns`` and ``add_ns`` are since when each has been advised without a break.
    ``reductions`` and ``parts`` number the reductions, and the parts of the entry, that were begun.
    """

    signal_id: str
    told_ns: int = _NEVER
    advice: MonitorAction = MonitorAction.HOLD
    level: RiskLevel = RiskLevel.NONE
    blind: str = ""
    leave_ns: int = _NEVER
    reduce_ns: int = _NEVER
    add_ns: int = _NEVER
    reductions: int = 0
    parts: int = 1

    def note(self, advice: MonitorAction, now_ns: int) -> None:
        """Take the advice of a moment; who should leave should also reduce."""
        leaves = advice is MonitorAction.EXIT
        self.leave_ns = _since(self.leave_ns, now_ns, lasts=leaves)
        reduces = leaves or advice is MonitorAction.REDUCE
        self.reduce_ns = _since(self.reduce_ns, now_ns, lasts=reduces)
        self.add_ns = _since(self.add_ns, now_ns, lasts=advice is MonitorAction.ADD)


def lasted(since_ns: int, now_ns: int, needed_ns: int) -> bool:
    """Whether something has been so for as long as it must."""
    return since_ns >= 0 and now_ns - since_ns >= needed_ns


def _since(since_ns: int, now_ns: int, *, lasts: bool) -> int:
    if not lasts:
        return _NEVER
    return now_ns if since_ns < 0 else since_ns
